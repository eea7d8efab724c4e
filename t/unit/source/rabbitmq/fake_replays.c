/*
 * A session whose streams are replayed.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_replays.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


static ngx_log_t            log;
static ngx_ess_amqp_conf_t  conf;

static const ngx_ess_source_t  source = {
    .replay_start = ngx_ess_rabbitmq_replay_start,
    .replay_more = ngx_ess_rabbitmq_replay_more,
    .replay_stop = ngx_ess_rabbitmq_replay_stop
};


int
taker_setup(void **state)
{
    taker_init();
    fake_init();

    taker_source = &source;

    ngx_ess_rabbitmq_replay_init(&conf, 10, &taker_zone, &log);

    return 0;
}


int
taker_teardown(void **state)
{
    ngx_unit_trace_clear();
    ngx_unit_posted();
    ngx_unit_traced();

    ngx_ess_rabbitmq_replay_exit();

    if (taker_replays || fake.channels || ngx_unit_pending()) {
        print_error("%d replays, %u channels, %u timers and events are left\n",
                    (int) taker_replays, (unsigned) fake.channels,
                    (unsigned) ngx_unit_pending());
        return 1;
    }

    return 0;
}


taker_t *
taker_reads(const char *name, uint64_t ordinal)
{
    taker_t  *taker;

    taker = taker_start(name, ordinal, 0);

    if (!fake.is_open) {
        fake_open();
    }

    fake_answers_all(fake.opened);
    ngx_unit_trace_clear();

    return taker;
}
