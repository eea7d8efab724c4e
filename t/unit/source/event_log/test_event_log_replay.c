/*
 * Replays of event logs: what is read, what is handed out, and when.
 *
 * links: src/source/event_log/ngx_ess_event_log_replay.c
 * links: src/source/event_log/ngx_ess_event_log_reader.c
 * links: t/unit/source/event_log/fake_event_log.c t/unit/source/fake_taker.c
 * links: t/unit/fake_key.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_backoff.h"
#include "ngx_ess_event_log_reader.h"
#include "ngx_ess_event_log_replay.h"
#include "fake_event_log.h"
#include "source/fake_taker.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define BACKOFF  100
#define END      20
#define HELD     1000


static ngx_log_t               quiet;

static const ngx_ess_source_t  source = {
    .replay_start = ngx_ess_event_log_replay_start,
    .replay_more = ngx_ess_event_log_replay_more,
    .replay_stop = ngx_ess_event_log_replay_stop
};


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


ngx_msec_t
ngx_ess_backoff(ngx_uint_t attempt)
{
    return BACKOFF;
}


static int
setup(void **state)
{
    taker_init();
    fake_event_log_init();
    ngx_ess_event_log_reader_init();

    taker_source = &source;

    ngx_ess_event_log_replay_init(&fake_logs, &taker_zone, &quiet);

    return 0;
}


static int
teardown(void **state)
{
    return taker_replays != 0 || ngx_unit_pending() != 0 || fake_asked()
           || fake_held() != 0;
}


/* of events behind the ordinal, which were asked for */

static taker_t *
reads(uint64_t ordinal)
{
    taker_t  *taker;

    taker = taker_start("a", ordinal, 0);
    ngx_unit_pass(0);
    ngx_unit_trace_clear();

    return taker;
}


static void
test_events_come_in_pages(void **state)
{
    taker_t  *taker;

    taker = taker_start("a", 5, 0);
    ngx_unit_traced();

    ngx_unit_pass(0);
    ngx_unit_traced("after 5");

    fake_answers(6, 7, 1);
    ngx_unit_traced("a: event 6", "a: event 7", "a: batch at 7");

    taker_more(taker);
    fake_answers(8, 8, 0);
    ngx_unit_traced("after 7", "a: event 8", "a: batch at 8");

    taker_stop(taker);
}


static void
test_at_the_end_it_looks_again(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    fake_answers(0, 0, 0);
    ngx_unit_traced("a: batch at 5");

    ngx_unit_pass(END);
    ngx_unit_traced("after 5");
    fake_answers(0, 0, 0);
    ngx_unit_traced("a: batch at 5");
    ngx_unit_pass(END);
    ngx_unit_traced();
    ngx_unit_pass(END);
    ngx_unit_traced("after 5");
    fake_answers(6, 6, 0);

    taker->stop_batch = 1;
    taker_more(taker);
    ngx_unit_trace_clear();
    fake_answers(0, 0, 0);
    ngx_unit_traced("a: batch at 6");
}


static void
test_who_has_enough_is_given_no_more(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    taker->room = 2;
    fake_answers(6, 9, 0);
    ngx_unit_traced("a: event 6", "a: event 7", "a: batch at 7");

    ngx_unit_pass(10 * HELD);
    ngx_unit_traced();

    taker_more(taker);
    ngx_unit_traced("after 7");
    fake_answers(8, 9, 0);

    /* nothing of it was to be sent: nobody asks */

    ngx_unit_trace_clear();
    ngx_unit_pass(HELD);
    ngx_unit_traced("after 9");

    /* it may be asked for twice */

    taker_more(taker);
    fake_answers(0, 0, 0);
    taker_stop(taker);
}


static void
test_more_is_wanted_from_within(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    taker->more_batch = 1;
    fake_answers(6, 6, 0);
    ngx_unit_traced("a: event 6", "a: batch at 6", "after 6");

    taker->stop_batch = 1;
    fake_answers(7, 7, 0);
    ngx_unit_traced("a: event 7", "a: batch at 7");
}


static void
test_what_was_removed_is_a_gap(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    fake_answers(8, 9, 0);
    ngx_unit_traced("before 6");
    fake_answers(0, 0, 0);
    ngx_unit_traced("a: event 8 gap", "a: event 9", "a: batch at 9");
    taker_stop(taker);

    /* what never was is none: an older one is there */

    taker = reads(5);
    fake_answers(8, 8, 0);
    fake_answers(5, 5, 0);
    ngx_unit_traced("before 6", "a: event 8", "a: batch at 8");

    /* who reads slowly may be overtaken */

    taker_more(taker);
    fake_answers(12, 12, 0);
    fake_answers(0, 0, 0);
    ngx_unit_traced("after 8", "before 9", "a: event 12 gap",
                    "a: batch at 12");
    taker_stop(taker);

    /* the first one of all that are left */

    taker = reads(0);
    fake_answers(3, 3, 0);
    ngx_unit_traced("a: event 3 gap", "a: batch at 3");
    taker_stop(taker);
}


static void
test_another_database_has_other_events(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    fake_answers(6, 6, 1);
    ngx_unit_traced("a: event 6", "a: batch at 6");

    fake_epoch = 0xf;
    taker_more(taker);
    fake_answers(7, 8, 0);
    ngx_unit_traced("after 6", "a: ended DECLINED");
    taker_stop(taker);

    /* nor is there a time in it */

    taker = taker_start("a", 0, 1000);
    ngx_unit_pass(0);
    fake_answers(3, 3, 0);
    ngx_unit_traced("since 1000", "a: ended DECLINED");
    taker_stop(taker);
}


static void
test_another_database_while_it_asks(void **state)
{
    taker_t  *taker;

    /* the page is of one, and what is before it of another */

    taker = reads(5);
    fake_answers(8, 8, 0);
    fake_epoch = 0xf;
    fake_answers(0, 0, 0);
    ngx_unit_traced("before 6");

    ngx_unit_pass(BACKOFF);
    fake_answers(6, 6, 0);
    ngx_unit_traced("after 5", "a: ended DECLINED");
    taker_stop(taker);
}


static void
test_what_was_removed_is_asked_again(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    fake_answers(8, 8, 0);
    fake_answers_busy();
    ngx_unit_traced("before 6");

    ngx_unit_pass(BACKOFF);
    ngx_unit_traced("after 5");
    fake_answers(8, 8, 0);
    ngx_unit_traced("before 6");

    /* an answer that nobody waits for */

    taker_stop(taker);
    fake_answers(0, 0, 0);
    ngx_unit_traced();
}


static void
test_one_that_is_too_large_is_a_gap(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    taker_zone.max_event = 1;
    fake_answers(6, 7, 0);
    ngx_unit_traced("a: batch at 5 gap");

    /* it goes on behind them, and is where the zone's log is */

    taker_zone.max_event = 2;
    taker_more(taker);
    fake_answers(8, 8, 0);
    ngx_unit_traced("after 7", "a: event 8 gap", "a: batch at 8");
    taker_stop(taker);
}


static void
test_a_time_is_sought(void **state)
{
    taker_t  *taker;

    taker = taker_start("a", 0, 1008);
    ngx_unit_pass(0);
    ngx_unit_traced("since 1008");

    fake_answers(8, 8, 1);
    ngx_unit_traced("after 7");
    taker->have = 7;

    fake_answers(8, 9, 0);
    ngx_unit_traced("a: event 8", "a: event 9", "a: batch at 9");
    taker_stop(taker);

    taker = taker_start("a", 0, 2000);
    taker->stop_ended = 1;
    ngx_unit_pass(0);
    fake_answers(0, 0, 0);
    ngx_unit_traced("since 2000", "a: ended DONE");
}


static void
test_a_database_that_is_away_is_asked_again(void **state)
{
    taker_t  *taker;

    taker = reads(5);
    fake_answers_busy();
    ngx_unit_traced();

    ngx_unit_pass(BACKOFF);
    ngx_unit_traced("after 5");
    fake_answers(6, 6, 0);
    taker_stop(taker);
}


static void
test_a_stop_while_it_reads(void **state)
{
    taker_stop(reads(5));

    fake_answers(6, 7, 0);
    ngx_unit_traced();
}


static void
test_the_process_ends_while_it_reads(void **state)
{
    taker_t  *taker;

    taker_stop(reads(5));
    ngx_ess_event_log_reader_exit();
    fake_event_log_init();

    ngx_ess_event_log_reader_init();
    taker = reads(5);
    ngx_ess_event_log_reader_exit();
    taker_stop(taker);
    fake_event_log_init();
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_events_come_in_pages),
        TEST(test_at_the_end_it_looks_again),
        TEST(test_who_has_enough_is_given_no_more),
        TEST(test_more_is_wanted_from_within),
        TEST(test_what_was_removed_is_a_gap),
        TEST(test_another_database_has_other_events),
        TEST(test_another_database_while_it_asks),
        TEST(test_what_was_removed_is_asked_again),
        TEST(test_one_that_is_too_large_is_a_gap),
        TEST(test_a_time_is_sought),
        TEST(test_a_database_that_is_away_is_asked_again),
        TEST(test_a_stop_while_it_reads),
        TEST(test_the_process_ends_while_it_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
