/*
 * The seam between where events come from and those who need them to come: a
 * source that answers attaches as the test says.
 *
 * links: src/ngx_ess_source.c src/ngx_ess_source_conf.c src/ngx_ess_escape.c
 * links: t/unit/fake_source.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_source.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


typedef struct {
    ngx_ess_source_attach_t   attach;
    const char               *name;
    ngx_uint_t                again;        /* asks so often again */
    void                     *other;        /* this one is canceled */
} client_t;


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

        attach->done(attach, rc);
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
    .noun = "thing",
    .keeper = "broker",
    .attach = source_attach,
    .cancel_attach = source_cancel
};

static const ngx_ess_source_t  other = {
    .kind = { .source = 1, .follows = 1 },
    .noun = "thing",
    .keeper = "broker",
    .attach = other_attach,
    .cancel_attach = other_cancel
};


static int
setup(void **state)
{
    ngx_queue_init(&waiting);
    ngx_memzero(&source_event, sizeof(ngx_event_t));

    source_event.handler = source_handler;
    source_event.log = &seam_log;
    source_is = SILENT;
    source_says = NGX_OK;

    (void) seam_setup(state);
    seam_use(&source);

    return 0;
}


static int
teardown(void **state)
{
    return !ngx_queue_empty(&waiting) || seam_teardown(state);
}


static void client_ask(client_t *client);


static void
client_handler(ngx_ess_source_attach_t *attach, ngx_int_t rc, ngx_str_t *text)
{
    client_t  *client, *canceled;

    client = attach->data;

    assert_int_equal(asking, 0);
    assert_int_equal(text->len > 0, 1);
    ngx_unit_trace("%s: %s", client->name, seam_rc(rc));

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
    ngx_ess_source_attach(NULL, &client->attach);
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
    client->attach.log = &seam_log;
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
    seam_use(NULL);

    (void) client_attach("a");
    ngx_unit_traced();

    ngx_unit_posted();
    ngx_unit_traced("a: DECLINED");
}


static void
test_attach_canceled_without_a_source_is_not_answered(void **state)
{
    client_t  *client;

    seam_use(NULL);

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
    seam_use(&other);

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
    seam_use(NULL);

    ngx_unit_pass(LIMIT);
    ngx_unit_traced("source: attach abc of stream 7", "a: DECLINED");
}


static void
test_attach_canceled_after_the_source_was_unregistered(void **state)
{
    client_t  *client;

    client = client_attach("a");
    ngx_queue_init(&waiting);
    seam_use(NULL);

    ngx_ess_source_attach_cancel(&client->attach);
    free(client);

    ngx_unit_pass(2 * LIMIT);
    ngx_unit_traced("source: attach abc of stream 7");
}


static void
test_attach_goes_to_the_source_that_was_registered_last(void **state)
{
    seam_use(&other);
    seam_use(&source);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
