/*
 * The seam between subscribers and where events come from: a fake source that
 * answers as the test says, and fake takers.
 *
 * links: src/ngx_ess_source.c src/ngx_ess_source_conf.c src/ngx_ess_escape.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_broker.h"
#include "ngx_ess_direct.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"
#include "ngx_timer.h"
#include "ngx_trace.h"
#include "ngx_ess_counter.h"


/* of binds and publications, which other tests are about */

ngx_uint_t
ngx_ess_stream_unbinding(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    return 0;
}


ngx_int_t
ngx_ess_stream_unbind_begin(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    return NGX_OK;
}


void
ngx_ess_broker_why(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    const char *what, u_char *buf, ngx_str_t *text)
{
    ngx_str_null(text);
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
}


void
ngx_ess_direct_publish(ngx_ess_source_publish_t *pub)
{
}


/* ms that an attach may take */
#define LIMIT  2000


typedef struct {
    ngx_ess_source_attach_t   attach;
    const char               *name;
    ngx_uint_t                again;        /* asks so often again */
    void                     *other;        /* this one is canceled */
} client_t;


typedef struct {
    ngx_ess_source_replay_t          replay;
    const char               *name;
    ngx_int_t                 rc;           /* of its handler "event" */
    ngx_uint_t                stop_batch;   /* stops from within */
    ngx_uint_t                stop_ended;
} taker_t;


static ngx_time_t              now;
volatile ngx_time_t           *ngx_cached_time = &now;

static ngx_log_t               test_log;
static ngx_queue_t             waiting;     /* attaches that the source has */

/* what the source does with an attach */

static enum {
    SILENT = 0,
    AT_ONCE,                                /* from the next event */
    LATER                                   /* from a timer */
} source_is;

static ngx_msec_t              source_takes;
static ngx_int_t               source_says;
static ngx_event_t             source_event;

static ngx_uint_t              asking;      /* ngx_ess_source_attach() is
                                               being called */


static const char *
rc_name(ngx_int_t rc)
{
    switch (rc) {
    case NGX_OK:
        return "OK";
    case NGX_DECLINED:
        return "DECLINED";
    case NGX_BUSY:
        return "BUSY";
    case NGX_DONE:
        return "DONE";
    case NGX_AGAIN:
        return "AGAIN";
    default:
        return "?";
    }
}


/* all that wait */

static void
source_answer(ngx_int_t rc)
{
    ngx_queue_t              *q;
    ngx_ess_source_attach_t  *attach;

    while (!ngx_queue_empty(&waiting)) {
        q = ngx_queue_head(&waiting);
        attach = ngx_queue_data(q, ngx_ess_source_attach_t, queue);

        ngx_queue_remove(q);
        q->next = NULL;

        attach->handler(attach, rc);
    }
}


static void
source_handler(ngx_event_t *ev)
{
    source_answer(source_says);
}


static void
source_attach(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("source: attach %.*s of stream %u", (int) attach->key.len,
                   attach->key.data, (unsigned) attach->ref.id);

    ngx_queue_insert_tail(&waiting, &attach->queue);

    if (source_is == AT_ONCE) {
        ngx_post_event(&source_event, &ngx_posted_events);
    }

    if (source_is == LATER) {
        ngx_add_timer(&source_event, source_takes);
    }
}


static void
source_cancel(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("source: cancel");

    if (attach->queue.next) {
        ngx_queue_remove(&attach->queue);
        attach->queue.next = NULL;
    }
}


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


static void
other_attach(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("other: attach");

    /* it has no memory: the time limit tells */
}


static void
other_cancel(ngx_ess_source_attach_t *attach)
{
    ngx_unit_trace("other: cancel");
}


static const ngx_ess_source_t  source = {
    .kind = { .source = 1, .follows = 1 },
    .attach = source_attach,
    .cancel_attach = source_cancel,
    .replay_start = source_start,
    .replay_more = source_more,
    .replay_stop = source_stop
};

static const ngx_ess_source_t  other = {
    .kind = { .source = 1, .follows = 1 },
    .attach = other_attach,
    .cancel_attach = other_cancel
};


static ngx_ess_source_entry_t  entries[2];
static ngx_array_t             sources = { .elts = entries, .nelts = 2 };


/* NULL: the source is not configured; that of number 0 never is. */

static void
use(const ngx_ess_source_t *row)
{
    static const ngx_ess_source_t  none;

    entries[0].row = &none;
    entries[0].conf = NULL;
    entries[1].row = row ? row : &source;
    entries[1].conf = row ? &entries : NULL;

    assert_int_equal(ngx_ess_source_init_process(NULL, &sources, NULL),
                     NGX_OK);
}


void *
ngx_array_push(ngx_array_t *a)
{
    return NULL;
}


static int
setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&waiting);
    ngx_memzero(&source_event, sizeof(ngx_event_t));

    source_event.handler = source_handler;
    source_event.log = &test_log;
    source_is = SILENT;
    source_says = NGX_OK;

    use(&source);

    return 0;
}


/* Whatever came, nothing is left behind. */

static int
teardown(void **state)
{
    ngx_unit_traced();

    return !ngx_queue_empty(&waiting) || ngx_unit_pending() != 0;
}


static void client_ask(client_t *client);


static void
client_handler(ngx_ess_source_attach_t *attach, ngx_int_t rc)
{
    client_t  *client, *canceled;

    client = attach->data;

    assert_int_equal(asking, 0);
    ngx_unit_trace("%s: %s", client->name, rc_name(rc));

    if (client->other) {
        canceled = client->other;
        ngx_ess_source_attach_cancel(&canceled->attach);
        free(canceled);
    }

    if (client->again) {
        client->again--;
        client_ask(client);
        return;
    }

    /* whoever looks at it afterwards is caught by the sanitizer */

    free(client);
}


/* It is the caller's, and is never answered from within. */

static void
client_ask(client_t *client)
{
    client->attach.handler = client_handler;

    asking = 1;
    ngx_ess_source_attach(&client->attach);
    asking = 0;
}


static client_t *
client_new(const char *name)
{
    client_t  *client;

    client = calloc(1, sizeof(client_t));
    assert_non_null(client);

    client->name = name;
    client->attach.data = client;
    client->attach.source = 1;
    client->attach.ref.id = 7;
    client->attach.log = &test_log;
    ngx_str_set(&client->attach.key, "abc");

    return client;
}


static client_t *
client_attach(const char *name)
{
    client_t  *client;

    client = client_new(name);
    client_ask(client);

    return client;
}


static void
test_attach_without_a_source_is_declined_from_an_event(void **state)
{
    use(NULL);

    (void) client_attach("a");
    ngx_unit_traced();

    ngx_unit_posted();
    ngx_unit_traced("a: DECLINED");
}


static void
test_attach_canceled_without_a_source_is_not_answered(void **state)
{
    client_t  *client;

    use(NULL);

    client = client_attach("a");
    ngx_ess_source_attach_cancel(&client->attach);
    free(client);

    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced();
}


static void
test_attach_gets_what_the_source_answers(void **state)
{
    ngx_uint_t  i;

    static struct {
        ngx_int_t    says;
        const char  *line;
    } cases[] = {
        { NGX_OK, "a: OK" },
        { NGX_DECLINED, "a: DECLINED" },
        { NGX_BUSY, "a: BUSY" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        source_says = cases[i].says;

        source_is = AT_ONCE;
        (void) client_attach("a");
        ngx_unit_posted();
        ngx_unit_traced("source: attach abc of stream 7", cases[i].line);

        source_is = LATER;
        source_takes = LIMIT - 1;
        (void) client_attach("a");
        ngx_unit_pass(LIMIT - 2);
        ngx_unit_traced("source: attach abc of stream 7");
        ngx_unit_pass(1);
        ngx_unit_traced(cases[i].line);

        /* an answered one is not answered again by the time limit */

        ngx_unit_pass(2 * LIMIT);
        ngx_unit_traced();
    }
}


static void
test_attach_that_is_not_answered_in_two_seconds_is_busy(void **state)
{
    (void) client_attach("a");
    ngx_unit_pass(LIMIT - 1);
    ngx_unit_traced("source: attach abc of stream 7");

    /* the source has forgotten it before it is answered, and so freed */

    ngx_unit_pass(1);
    ngx_unit_traced("source: cancel", "a: BUSY");

    source_answer(NGX_OK);
    ngx_unit_traced();
}


static void
test_attach_that_the_source_has_no_memory_for_is_busy(void **state)
{
    use(&other);

    (void) client_attach("a");
    ngx_unit_pass(LIMIT);
    ngx_unit_traced("other: attach", "other: cancel", "a: BUSY");
}


static void
test_attach_canceled_in_the_middle_is_not_answered(void **state)
{
    ngx_uint_t  i;
    client_t   *client;

    static ngx_msec_t  after[] = { 0, 1, LIMIT - 1 };

    for (i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        client = client_attach("a");
        ngx_unit_pass(after[i]);

        ngx_ess_source_attach_cancel(&client->attach);
        free(client);

        source_answer(NGX_OK);
        ngx_unit_pass(2 * LIMIT);
        ngx_unit_traced("source: attach abc of stream 7", "source: cancel");
    }
}


static void
test_attach_canceled_while_the_answer_is_posted_is_not_answered(void **state)
{
    client_t  *client;

    source_is = AT_ONCE;
    client = client_attach("a");

    ngx_ess_source_attach_cancel(&client->attach);
    free(client);

    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced("source: attach abc of stream 7", "source: cancel");
}


static void
test_attach_of_a_source_that_was_unregistered_is_declined(void **state)
{
    (void) client_attach("a");
    ngx_queue_init(&waiting);
    use(NULL);

    ngx_unit_pass(LIMIT);
    ngx_unit_traced("source: attach abc of stream 7", "a: DECLINED");
}


static void
test_attach_canceled_after_the_source_was_unregistered(void **state)
{
    client_t  *client;

    client = client_attach("a");
    ngx_queue_init(&waiting);
    use(NULL);

    ngx_ess_source_attach_cancel(&client->attach);
    free(client);

    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced("source: attach abc of stream 7");
}


static void
test_attach_goes_to_the_source_that_was_registered_last(void **state)
{
    use(&other);
    use(&source);
    source_is = AT_ONCE;

    (void) client_attach("a");
    ngx_unit_posted();
    ngx_unit_traced("source: attach abc of stream 7", "a: OK");
}


static void
test_attaches_of_one_stream_have_a_time_limit_each(void **state)
{
    client_t  *b;

    (void) client_attach("a");
    ngx_unit_pass(500);
    b = client_attach("b");
    ngx_unit_pass(500);
    (void) client_attach("c");
    ngx_unit_traced("source: attach abc of stream 7",
                    "source: attach abc of stream 7",
                    "source: attach abc of stream 7");

    ngx_ess_source_attach_cancel(&b->attach);
    free(b);
    ngx_unit_traced("source: cancel");

    ngx_unit_pass(LIMIT - 1000);
    ngx_unit_traced("source: cancel", "a: BUSY");

    source_answer(NGX_OK);
    ngx_unit_traced("c: OK");
    ngx_unit_pass(2 * LIMIT);
}


static void
test_an_answered_attach_may_ask_again_from_its_handler(void **state)
{
    client_t  *client;

    source_is = AT_ONCE;

    client = client_new("a");
    client->again = 2;
    client_ask(client);
    ngx_unit_posted();

    ngx_unit_traced("source: attach abc of stream 7", "a: OK",
                    "source: attach abc of stream 7", "a: OK",
                    "source: attach abc of stream 7", "a: OK");
}


static void
test_an_attach_that_was_busy_may_ask_again_from_its_handler(void **state)
{
    client_t  *client;

    client = client_new("a");
    client->again = 1;
    client_ask(client);

    ngx_unit_pass(LIMIT);
    ngx_unit_traced("source: attach abc of stream 7", "source: cancel",
                    "a: BUSY", "source: attach abc of stream 7");

    ngx_unit_pass(LIMIT - 1);
    ngx_unit_traced();
    ngx_unit_pass(1);
    ngx_unit_traced("source: cancel", "a: BUSY");
}


static void
test_an_attach_may_cancel_another_one_from_its_handler(void **state)
{
    client_t  *a;

    a = client_new("a");
    client_ask(a);
    a->other = client_attach("b");
    (void) client_attach("c");
    ngx_unit_trace_clear();

    source_answer(NGX_OK);
    ngx_unit_traced("a: OK", "source: cancel", "c: OK");
    ngx_unit_pass(2 * LIMIT);
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

    ngx_unit_trace("%s: ended %s", taker->name, rc_name(rc));

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


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_attach_without_a_source_is_declined_from_an_event),
        TEST(test_attach_canceled_without_a_source_is_not_answered),
        TEST(test_attach_gets_what_the_source_answers),
        TEST(test_attach_that_is_not_answered_in_two_seconds_is_busy),
        TEST(test_attach_that_the_source_has_no_memory_for_is_busy),
        TEST(test_attach_canceled_in_the_middle_is_not_answered),
        TEST(test_attach_canceled_while_the_answer_is_posted_is_not_answered),
        TEST(test_attach_of_a_source_that_was_unregistered_is_declined),
        TEST(test_attach_canceled_after_the_source_was_unregistered),
        TEST(test_attach_goes_to_the_source_that_was_registered_last),
        TEST(test_attaches_of_one_stream_have_a_time_limit_each),
        TEST(test_an_answered_attach_may_ask_again_from_its_handler),
        TEST(test_an_attach_that_was_busy_may_ask_again_from_its_handler),
        TEST(test_an_attach_may_cancel_another_one_from_its_handler),
        TEST(test_a_replay_goes_to_the_source_in_each_order),
        TEST(test_a_replay_may_stop_from_its_batch_and_its_end),
        TEST(test_two_replays_of_one_stream_do_not_know_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
