/*
 * Replays across the seam: they go to their source, and nothing is kept of
 * them.
 *
 * links: src/ngx_ess_source.c src/ngx_ess_source_conf.c src/ngx_ess_escape.c
 * links: t/unit/fake_source.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_source.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


typedef struct {
    ngx_ess_source_replay_t          replay;
    const char               *name;
    ngx_int_t                 rc;           /* of its handler "event" */
    ngx_uint_t                stop_batch;   /* stops from within */
    ngx_uint_t                stop_ended;
} taker_t;


static ngx_int_t
source_start(ngx_ess_source_replay_t *replay)
{
    ngx_unit_trace("source: start %.*s after %u", (int) replay->key.len,
                   replay->key.data, (unsigned) replay->ordinal);

    return NGX_OK;
}


static void
source_more(ngx_ess_source_replay_t *replay)
{
    ngx_unit_trace("source: more %.*s", (int) replay->key.len,
                   replay->key.data);
}


static void
source_stop(ngx_ess_source_replay_t *replay)
{
    ngx_unit_trace("source: stop %.*s", (int) replay->key.len,
                   replay->key.data);
}


static const ngx_ess_source_t  source = {
    .kind = { .source = 1, .follows = 1 },
    .replay_start = source_start,
    .replay_more = source_more,
    .replay_stop = source_stop
};


static int
setup(void **state)
{
    (void) seam_setup(state);
    seam_use(&source);

    return 0;
}


static ngx_int_t
taker_event(ngx_ess_source_replay_t *replay, ngx_ess_event_t *event)
{
    taker_t  *taker;

    taker = replay->data;

    ngx_unit_trace("%s: event %u%s", taker->name, (unsigned) event->ordinal,
                   event->after ? " gap" : "");

    return taker->rc;
}


static void
taker_stop(taker_t *taker)
{
    ngx_ess_source_replay_stop(&taker->replay);
    free(taker);
}


static void
taker_batch(ngx_ess_source_replay_t *replay)
{
    taker_t  *taker;

    taker = replay->data;

    ngx_unit_trace("%s: batch", taker->name);

    if (taker->stop_batch) {
        taker_stop(taker);
    }
}


static void
taker_ended(ngx_ess_source_replay_t *replay, ngx_int_t rc)
{
    taker_t  *taker;

    taker = replay->data;

    ngx_unit_trace("%s: ended %s", taker->name, seam_rc(rc));

    if (taker->stop_ended) {
        taker_stop(taker);
    }
}


static const ngx_ess_source_replay_handlers_t  taker_handlers = {
    taker_event, taker_batch, taker_ended
};


static taker_t *
taker_new(const char *name, uint64_t ordinal)
{
    taker_t  *taker;

    taker = calloc(1, sizeof(taker_t));
    assert_non_null(taker);

    taker->name = name;
    taker->replay.handlers = &taker_handlers;
    taker->replay.data = taker;
    taker->replay.source = 1;
    taker->replay.ordinal = ordinal;
    taker->replay.key.data = (u_char *) name;
    taker->replay.key.len = ngx_strlen(name);

    return taker;
}


static void
taker_gets(taker_t *taker, uint64_t ordinal, ngx_int_t rc)
{
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    event.ordinal = ordinal;

    assert_int_equal(taker->replay.handlers->event(&taker->replay, &event),
                     rc);
}


static void
test_a_replay_goes_to_the_source_in_each_order(void **state)
{
    ngx_uint_t   i;
    taker_t     *taker;
    const char  *p;

    /* begins, more, ends */

    static const char  *orders[] = {
        "be", "bme", "bmme", "bebe", "bmebme", "bebmme"
    };

    for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        taker = taker_new("a", i);

        for (p = orders[i]; *p; p++) {
            switch (*p) {

            case 'b':
                ngx_ess_source_replay_start(&taker->replay);
                assert_int_equal(ngx_unit_trace_count("source: start a"), 1);
                break;

            case 'm':
                ngx_ess_source_replay_more(&taker->replay);
                assert_int_equal(ngx_unit_trace_count("source: more a"), 1);
                break;

            default:
                ngx_ess_source_replay_stop(&taker->replay);
                assert_int_equal(ngx_unit_trace_count("source: stop a"), 1);
            }

            assert_int_equal(ngx_unit_trace_count("a"), 1);
            ngx_unit_trace_clear();
        }

        assert_int_equal(ngx_unit_pending(), 0);
        free(taker);
    }
}


static void
test_a_replay_may_stop_from_its_batch_and_its_end(void **state)
{
    taker_t  *a, *b;

    a = taker_new("a", 4);
    b = taker_new("b", 0);

    ngx_ess_source_replay_start(&a->replay);
    ngx_ess_source_replay_start(&b->replay);
    ngx_unit_traced("source: start a after 4", "source: start b after 0");

    a->rc = NGX_AGAIN;
    a->stop_batch = 1;
    b->stop_ended = 1;

    taker_gets(a, 5, NGX_AGAIN);
    taker_gets(b, 1, NGX_OK);
    a->replay.handlers->batch(&a->replay);
    ngx_unit_traced("a: event 5", "b: event 1", "a: batch", "source: stop a");

    b->replay.handlers->batch(&b->replay);
    b->replay.handlers->ended(&b->replay, NGX_DECLINED);
    ngx_unit_traced("b: batch", "b: ended DECLINED", "source: stop b");
}


static void
test_two_replays_of_one_stream_do_not_know_each_other(void **state)
{
    taker_t  *first, *second;

    first = taker_new("abc", 3);
    second = taker_new("abc", 9);

    ngx_ess_source_replay_start(&first->replay);
    ngx_ess_source_replay_start(&second->replay);
    ngx_unit_traced("source: start abc after 3", "source: start abc after 9");

    taker_stop(first);
    ngx_ess_source_replay_more(&second->replay);
    taker_stop(second);
    ngx_unit_traced("source: stop abc", "source: more abc",
                    "source: stop abc");
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, seam_teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_a_replay_goes_to_the_source_in_each_order),
        TEST(test_a_replay_may_stop_from_its_batch_and_its_end),
        TEST(test_two_replays_of_one_stream_do_not_know_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
