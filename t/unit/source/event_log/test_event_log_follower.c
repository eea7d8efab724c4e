/*
 * A log follows an event log: where it begins, what it appends, and what it
 * does when the database, or the zone, does not answer as it should.
 *
 * links: src/source/event_log/ngx_ess_event_log_follower.c
 * links: src/source/event_log/ngx_ess_event_log_reader.c
 * links: src/source/ngx_ess_follower.c t/unit/source/fake_follow.c
 * links: t/unit/source/event_log/fake_event_log.c
 * links: src/ngx_ess_escape.c t/unit/fake_key.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_event_log_follower.h"
#include "ngx_ess_backoff.h"
#include "ngx_ess_event_log_figures.h"
#include "fake_event_log.h"
#include "source/fake_follow.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define BACKOFF    100
#define LOOK       1000
#define LAG        5000
#define LEFT       ((uint64_t) -1)


static ngx_ess_event_log_followers_t  logs;
static ngx_ess_zone_t                 zone;
static uint64_t                       behind;


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


void
ngx_ess_wake_listen_stored(ngx_uint_t on)
{
    assert_int_equal(on, 1);
}


void
ngx_ess_event_log_figures_behind(ngx_ess_event_log_t *log, uint64_t n)
{
    behind = n;
}


void
ngx_ess_event_log_figures_left(ngx_ess_event_log_t *log)
{
    behind = LEFT;
}


static int
setup(void **state)
{
    fake_event_log_init();
    ngx_ess_event_log_reader_init();

    ngx_memzero(&logs, sizeof(logs));
    follow_init(&logs.followers);

    zone.max_event = 2;
    logs.followers.zone = &zone;
    logs.followers.type = &ngx_ess_event_log_follower;
    logs.logs = &fake_logs;

    ngx_ess_followers_init(&logs.followers);

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_followers_exit(&logs.followers);

    if (fake_asked()) {
        fake_answers(0, 0, 0);
    }

    return ngx_unit_pending() != 0 || fake_held() != 0;
}


/* with client "a"; the next event is that one */

static void
follows(uint64_t ordinal)
{
    follow.claim_ordinal = ordinal;
    follow.subscribed = 1;

    (void) client_waits("a");
    fake_answers(ordinal - 1, ordinal - 1, 0);
    fake_answers(0, 0, 0);

    assert_int_equal(ngx_unit_trace_count("a: OK"), 1);
    ngx_unit_trace_clear();
}


static void
test_a_log_begins_with_the_newest(void **state)
{
    (void) client_waits("a");
    ngx_unit_traced("claim", "last 256");

    fake_answers(12, 10, 0);
    ngx_unit_traced("begin 13 from 10", "append 10 at 1010",
                    "append 11 at 1011", "append 12 at 1012", "live", "wake",
                    "a: OK", "after 12");

    fake_answers(0, 0, 0);
    ngx_unit_traced("wake");

    ngx_unit_pass(LOOK);
    ngx_unit_traced("last 1");
    fake_answers(12, 12, 0);
    ngx_unit_traced();

    ngx_unit_pass(LOOK);
    fake_answers(13, 13, 0);
    fake_answers(13, 13, 0);
    ngx_unit_traced("last 1", "after 12", "append 13 at 1013", "wake");
}


static void
test_an_empty_one_begins_with_the_first(void **state)
{
    (void) client_waits("a");
    fake_answers(0, 0, 0);
    ngx_unit_traced("claim", "last 256", "begin 1 from 1", "wake", "a: OK",
                    "after 0");
}


static void
test_a_zone_without_room_begins_with_what_comes(void **state)
{
    (void) client_waits("a");
    ngx_unit_trace_clear();

    follow.append_rc = NGX_AGAIN;
    fake_answers(12, 10, 0);
    ngx_unit_traced("begin 13 from 10", "append 10 at 1010",
                    "begin 13 from 13", "wake", "a: OK", "after 12");
}


static void
test_one_that_was_followed_goes_on(void **state)
{
    follow.claim_ordinal = 11;
    (void) client_waits("a");
    ngx_unit_traced("claim", "last 1");

    fake_answers(12, 12, 0);
    ngx_unit_traced("a: OK", "after 10");

    fake_answers(11, 12, 1);
    ngx_unit_traced("append 11 at 1011", "append 12 at 1012", "wake",
                    "after 12");
}


static void
test_a_database_made_anew_is_a_log_made_anew(void **state)
{
    ngx_msec_t  late;

    late = 0;
    follow.claim_ordinal = 11;
    (void) client_waits("a");
    ngx_unit_trace_clear();

    /* a standby may be behind the server that was read before */

    fake_answers(5, 5, 0);
    ngx_unit_traced("a: OK", "after 10");
    fake_answers(0, 0, 0);
    ngx_unit_traced("wake");

    while (ngx_unit_trace_count("missing") == 0) {
        ngx_unit_trace_clear();
        ngx_unit_pass(LOOK);
        fake_answers(5, 5, 0);
        late += LOOK;
    }

    assert_int_equal(late, LAG);
    ngx_unit_traced("last 1", "log: %s \"%V\" goes on with event %uL where %uL was "
                    "expected: it was made anew", "missing", "wake");
}


static void
test_one_made_anew_while_it_is_followed(void **state)
{
    follows(11);

    while (ngx_unit_trace_count("missing") == 0) {
        ngx_unit_trace_clear();
        ngx_unit_pass(LOOK);
        fake_answers(2, 2, 0);
    }

    ngx_unit_traced("last 1", "log: %s \"%V\" goes on with event %uL where "
                    "%uL was expected: it was made anew", "missing", "wake");

    /* whoever comes now is the first one of the new one */

    follow.claim_ordinal = 0;
    (void) client_waits("a");
    fake_answers(2, 1, 0);
    ngx_unit_traced("claim", "last 256", "begin 3 from 1", "append 1 at 1001",
                    "append 2 at 1002", "live", "wake", "a: OK", "after 2");
}


/* with rows of its own, which nobody gets */

static void
test_another_database_is_another_log(void **state)
{
    client_t  *client;

    follows(11);

    fake_epoch = 0xf;
    ngx_ess_event_log_follower_look(&logs);
    fake_answers(11, 12, 0);
    ngx_unit_traced("after 10", "log: %s \"%V\" has the epoch %xL where %xL "
                    "was expected: it is another one", "missing", "wake");
    assert_true(behind == LEFT);

    follow.claim_ordinal = 0;
    client = client_asks("a");
    client->keep = 1;
    ngx_unit_posted();
    fake_answers(2, 1, 0);
    ngx_unit_traced("claim", "last 256", "begin 3 from 1", "append 1 at 1001",
                    "append 2 at 1002", "live", "wake", "a: OK", "after 2");

    assert_true(follow.epoch == 0xf);
    assert_true(client->attach.ref.epoch == 0xf);
    free(client);
}


static void
test_another_database_since_another_worker_read(void **state)
{
    fake_epoch = 0xf;
    follow.claim_ordinal = 11;
    (void) client_waits("a");
    fake_answers(20, 20, 0);
    ngx_unit_traced("claim", "last 1", "log: %s \"%V\" has the epoch %xL "
                    "where %xL was expected: it is another one", "missing",
                    "wake", "a: DECLINED");
}


static void
test_the_end_is_sought_however_much_is_stored(void **state)
{
    follows(11);

    ngx_unit_pass(LOOK / 2);
    ngx_ess_event_log_follower_look(&logs);
    fake_answers(0, 0, 0);
    ngx_unit_traced("after 10", "wake");

    ngx_unit_pass(LOOK / 2);
    ngx_ess_event_log_follower_look(&logs);
    fake_answers(10, 10, 0);
    ngx_unit_traced("last 1");
}


static void
test_what_was_removed_is_a_gap(void **state)
{
    follows(11);

    ngx_ess_event_log_follower_look(&logs);
    fake_answers(20, 21, 0);
    ngx_unit_traced("after 10", "before 11");
    fake_answers(0, 0, 0);
    ngx_unit_traced("append 20 gap at 1020", "append 21 at 1021", "wake");

    /* left out, but not removed */

    ngx_ess_event_log_follower_look(&logs);
    fake_answers(24, 24, 0);
    fake_answers(21, 21, 0);
    ngx_unit_traced("after 21", "before 22", "append 24 at 1024", "wake");
}


static void
test_what_is_stored_is_looked_for_at_once(void **state)
{
    follows(11);

    ngx_ess_event_log_follower_look(&logs);
    ngx_unit_traced("after 10");

    /* once more, for it may have come too late for that question */

    ngx_ess_event_log_follower_look(&logs);
    fake_answers(11, 11, 0);
    ngx_unit_traced("append 11 at 1011", "wake", "after 11");

    fake_answers(0, 0, 0);
    ngx_unit_traced("wake");
}


static void
test_a_full_zone_is_waited_for(void **state)
{
    follows(11);

    ngx_ess_event_log_follower_look(&logs);
    follow.append_rc = NGX_BUSY;
    fake_answers(11, 12, 0);
    ngx_unit_traced("after 10", "append 11 at 1011", "wake");
    assert_int_equal(behind, 2);

    follow.append_rc = 1;
    ngx_unit_pass(ROOM);
    fake_answers(11, 12, 0);
    ngx_unit_traced("after 10", "append 11 at 1011", "append 12 at 1012",
                    "wake");
    assert_int_equal(behind, 0);
}


static void
test_one_that_is_too_large_is_gone(void **state)
{
    follows(11);
    zone.max_event = 1;

    ngx_ess_event_log_follower_look(&logs);
    fake_answers(11, 11, 0);
    ngx_unit_traced("after 10", "too large", "wake");

    zone.max_event = 2;
    ngx_ess_event_log_follower_look(&logs);
    fake_answers(12, 12, 0);
    ngx_unit_traced("after 11", "append 12 gap at 1012", "wake");
}


static void
test_a_database_that_is_away_is_asked_again(void **state)
{
    (void) client_waits("a");
    fake_answers_busy();
    ngx_unit_traced("claim", "last 256");

    ngx_unit_pass(BACKOFF);
    fake_answers_busy();
    ngx_unit_pass(BACKOFF);
    fake_answers(0, 0, 0);
    fake_answers_busy();
    ngx_unit_traced("last 256", "last 256", "begin 1 from 1", "wake", "a: OK",
                    "after 0");

    /* not more often because others get through */

    ngx_ess_event_log_follower_look(&logs);
    ngx_unit_traced();

    ngx_unit_pass(BACKOFF);
    ngx_unit_traced("after 0");
}


static void
test_one_that_was_succeeded_stops(void **state)
{
    follows(11);

    ngx_ess_event_log_follower_look(&logs);
    follow.mine = 0;
    follow.state = NGX_ESS_FOLLOW_LIVE;
    ngx_unit_pass(TICK);
    ngx_unit_traced("after 10");

    /* an answer that nobody waits for */

    fake_answers(11, 11, 0);
    ngx_unit_traced();
    assert_true(behind == LEFT);
}


#define TEST(name)                                                            \
    cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_a_log_begins_with_the_newest),
        TEST(test_an_empty_one_begins_with_the_first),
        TEST(test_a_zone_without_room_begins_with_what_comes),
        TEST(test_one_that_was_followed_goes_on),
        TEST(test_a_database_made_anew_is_a_log_made_anew),
        TEST(test_one_made_anew_while_it_is_followed),
        TEST(test_another_database_is_another_log),
        TEST(test_another_database_since_another_worker_read),
        TEST(test_the_end_is_sought_however_much_is_stored),
        TEST(test_what_was_removed_is_a_gap),
        TEST(test_what_is_stored_is_looked_for_at_once),
        TEST(test_a_full_zone_is_waited_for),
        TEST(test_one_that_is_too_large_is_gone),
        TEST(test_a_database_that_is_away_is_asked_again),
        TEST(test_one_that_was_succeeded_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
