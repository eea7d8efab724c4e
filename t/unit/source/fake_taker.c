/*
 * The takers of replays.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_taker.h"
#include "ngx_ess_zone.h"
#include "ngx_timer.h"
#include "ngx_trace.h"
#include "ngx_ess_counter.h"


int64_t  taker_replays;
int64_t  taker_sessions;

const ngx_ess_source_t  *taker_source;
ngx_ess_zone_t           taker_zone;


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_ptr_equal(zone, &taker_zone);

    if (counter == NGX_ESS_C_REPLAYS) {
        taker_replays += n;

    } else {
        assert_int_equal(counter, NGX_ESS_C_SESSIONS);
        taker_sessions += n;
    }
}


void
taker_init(void)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    taker_replays = 0;
    taker_sessions = 0;
    taker_zone.max_event = 65536;
}


static ngx_int_t
taker_event(ngx_ess_source_replay_t *replay, ngx_ess_event_t *event)
{
    size_t      len;
    taker_t    *taker;
    ngx_uint_t  gap;

    taker = replay->data;
    gap = (event->after > taker->have);

    taker->have = event->ordinal;

    assert_true(event->after < event->ordinal);
    assert_int_equal(event->ordinal, replay->ordinal);
    assert_true(event->body.len);
    assert_true(replay->found);

    ngx_unit_trace("%s: event %llu%s", taker->name,
                   (unsigned long long) event->ordinal,
                   gap ? " gap" : "");

    len = strlen(taker->got);
    (void) snprintf(taker->got + len, sizeof(taker->got) - len, "%s%llu%s",
                    len ? " " : "", (unsigned long long) event->ordinal,
                    gap ? "g" : "");

    return (taker->room && --taker->room == 0) ? NGX_AGAIN : NGX_OK;
}


static void
taker_batch(ngx_ess_source_replay_t *replay)
{
    taker_t  *taker;

    taker = replay->data;

    ngx_unit_trace("%s: batch at %llu%s%s", taker->name,
                   (unsigned long long) replay->ordinal,
                   replay->after > taker->have ? " gap" : "",
                   replay->found ? "" : " none");

    if (taker->stop_batch) {
        taker_stop(taker);

    } else if (taker->more_batch) {
        taker_more(taker);
    }
}


static void
taker_ended(ngx_ess_source_replay_t *replay, ngx_int_t rc)
{
    taker_t  *taker;

    taker = replay->data;

    ngx_unit_trace("%s: ended %s", taker->name,
                   rc == NGX_DECLINED ? "DECLINED"
                   : rc == NGX_DONE ? "DONE" : "?");

    if (taker->stop_ended) {
        taker_stop(taker);
    }
}


static const ngx_ess_source_replay_handlers_t  taker_handlers = {
    taker_event, taker_batch, taker_ended
};


taker_t *
taker_start(const char *name, uint64_t ordinal, uint64_t timestamp)
{
    unsigned  lines;
    taker_t  *taker;

    taker = calloc(1, sizeof(taker_t));
    assert_non_null(taker);

    (void) snprintf(taker->name, sizeof(taker->name), "%s", name);

    /* what is private to the source need not be set */

    memset(&taker->replay, 0xff, sizeof(ngx_ess_source_replay_t));

    taker->replay.handlers = &taker_handlers;
    taker->replay.data = taker;
    taker->replay.epoch = 0xe;
    taker->replay.ordinal = ordinal;
    taker->have = ordinal;
    taker->replay.timestamp = timestamp;
    taker->replay.key.len = 3;
    taker->replay.key.data = malloc(3);
    assert_non_null(taker->replay.key.data);
    memcpy(taker->replay.key.data, "abc", 3);

    /* no handler is called from within */

    lines = ngx_unit_trace_count(": batch") + ngx_unit_trace_count(": ended");
    assert_int_equal(taker_source->replay_start(&taker->replay), NGX_OK);
    assert_int_equal(ngx_unit_trace_count(": batch")
                     + ngx_unit_trace_count(": ended"), lines);

    return taker;
}


void
taker_more(taker_t *taker)
{
    taker_source->replay_more(&taker->replay);
}


void
taker_stop(taker_t *taker)
{
    taker_source->replay_stop(&taker->replay);

    free(taker->replay.key.data);
    free(taker);
}
