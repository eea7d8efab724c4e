/*
 * Streams of a subscribe and an unsubscribe: what is asked, what is answered,
 * and a source that is waited for.
 *
 * links: t/unit/client/fake_authorize.c
 * links: src/client/ngx_ess_v1_stream.c src/ngx_ess_str.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_client_stream.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_v1_stream.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static ngx_ess_v1_t           test_v1;
static ngx_ess_multi_t        test_multi;
static ngx_ess_v1_message_t   test_message;
static ngx_uint_t             test_streams;     /* left in the command */
static ngx_uint_t             test_nkeys;       /* of each */
static ngx_uint_t             test_key;         /* the next one */
static ngx_uint_t             test_wrong;       /* each has an error */
static ngx_int_t              test_admit;
static ngx_uint_t             test_code;        /* of who is not admitted */
static ngx_int_t              test_find;
static ngx_int_t              test_join;
static ngx_uint_t             test_more;
static ngx_uint_t             test_joins;       /* so many each */
static ngx_uint_t             test_batches;     /* in which they were */
static ngx_uint_t             test_follows;
static ngx_ess_follow_e       test_state;
static ngx_str_t              test_other = ngx_string("x");


ngx_int_t
ngx_ess_command_stream(ngx_ess_command_t *cmd,
    ngx_ess_command_stream_t *stream)
{
    if (test_streams == 0) {
        return NGX_DONE;
    }

    test_streams--;
    test_key = 0;

    memset(stream, 0, sizeof(*stream));
    ngx_str_set(&stream->stream, "prices");
    ngx_str_set(&stream->given, "prices");
    stream->nkeys = test_nkeys;

    if (test_wrong) {
        stream->error.code = 400;
        ngx_str_set(&stream->error.message, "wrong");
    }

    return NGX_OK;
}


ngx_str_t *
ngx_ess_command_keys(ngx_ess_command_stream_t *stream, size_t len,
    ngx_log_t *log)
{
    u_char      *p;
    ngx_str_t   *keys;
    ngx_uint_t   i;

    keys = ngx_alloc(stream->nkeys * (sizeof(ngx_str_t) + 1), log);
    if (keys == NULL) {
        return NULL;
    }

    p = (u_char *) (keys + stream->nkeys);

    for (i = 0; i < stream->nkeys; i++) {
        keys[i].data = p;
        keys[i].len = 1;
        *p++ = 'a' + test_key++;
    }

    return keys;
}


ngx_int_t
ngx_ess_v1_answer_list(ngx_ess_v1_answer_t *a, ngx_ess_multi_t *multi,
    ngx_ess_command_type_e type, int64_t id)
{
    ngx_unit_trace("list %d", (int) id);

    return fake.done;
}


void
ngx_ess_v1_answer_entry(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    uint32_t number, ngx_ess_event_id_t *at)
{
    ngx_unit_trace("entry %.*s %d", (int) given->len, given->data,
                   (int) number);

    /* and never that nobody knows */
    assert_int_equal(at->ordinal, 0);
}


void
ngx_ess_v1_answer_refused(ngx_ess_v1_answer_t *a, ngx_str_t *given,
    ngx_ess_command_error_t *error)
{
    ngx_unit_trace("refused %d %.*s", (int) error->code,
                   (int) error->message.len, error->message.data);
}


void
ngx_ess_v1_answer_left(ngx_ess_v1_answer_t *a, ngx_str_t *given)
{
    ngx_unit_trace("left %.*s", (int) given->len, given->data);
}


void
ngx_ess_multi_announced(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("announced");
}


ngx_int_t
ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf, ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_str_t *keys, ngx_uint_t nkeys,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error)
{
    memset(info, 0, sizeof(*info));
    info->ref.id = 7;
    info->kind.follows = (test_follows != 0);

    error->code = test_code;
    ngx_str_set(&error->message, "not listed");

    return test_admit;
}


ngx_int_t
ngx_ess_client_stream_find(ngx_str_t *text, ngx_ess_client_named_t *named,
    ngx_ess_stream_info_t *info)
{
    info->ref.id = 7;

    return test_find;
}


void
ngx_ess_multi_admit_entry(ngx_ess_loc_conf_t *conf,
    ngx_ess_stream_info_t *info, ngx_ess_subscriber_entry_t *entry)
{
    entry->ref = info->ref;
    entry->poison = (conf->subscribe_poison && info->kind.follows);
}


ngx_uint_t
ngx_ess_multi_join_more(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_entry_t *entry)
{
    assert_int_equal(entry->ref.id, 7);

    return test_more;
}


void
ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *entries,
    ngx_uint_t n)
{
    ngx_uint_t              nkeys;
    ngx_ess_multi_entry_t  *e;

    test_batches += (n != 0);

    for (e = entries; e < entries + n; e++) {
        nkeys = e->entry.nkeys;

        ngx_unit_trace("join %d, %d keys, %.1s%s", (int) e->entry.ref.id,
                       (int) nkeys,
                       nkeys ? (char *) e->entry.keys[nkeys - 1].data : "-",
                       e->entry.poison ? ", poison" : "");
        e->number = 17;
        e->at.ordinal = NGX_ESS_GAP_ANY;
        e->entry.rc = test_join;

        test_multi.subscriptions += test_joins;
    }
}


void
ngx_ess_multi_unsubscribe(ngx_ess_multi_t *multi, uint64_t id,
    ngx_str_t *keys, ngx_uint_t nkeys, ngx_ess_multi_left_t *left)
{
    ngx_unit_trace("unsubscribe %d, %d keys", (int) id, (int) nkeys);
    left->n++;
}


void
ngx_ess_multi_left(ngx_ess_multi_left_t *left)
{
    if (left->n) {
        ngx_unit_trace("left %d", (int) left->n);
    }
}


ngx_ess_follow_e
ngx_ess_follow_state(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    return test_state;
}


void
ngx_ess_source_attach(ngx_ess_zone_t *zone, ngx_ess_source_attach_t *attach)
{
    assert_ptr_equal(attach, &test_v1.attach);
    ngx_unit_trace("attach %d", (int) attach->ref.id);
}


static void
test_event(ngx_event_t *ev)
{
    ngx_unit_trace("event");
}


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    memset(&test_v1, 0, sizeof(test_v1));
    memset(&test_multi, 0, sizeof(test_multi));
    test_message.len = 1;
    test_streams = 1;
    test_nkeys = 0;
    test_wrong = 0;
    test_admit = NGX_OK;
    test_find = NGX_OK;
    test_join = NGX_OK;
    test_more = 1;
    test_code = 403;
    test_joins = 0;
    test_batches = 0;
    test_follows = 0;
    test_state = NGX_ESS_FOLLOW_NONE;

    fake.conf.max_subscriptions = 10;
    test_multi.client = fake.client;
    test_v1.multi = &test_multi;
    test_v1.messages = &test_message;
    test_v1.event.handler = test_event;
    test_v1.event.log = &fake.log;
    test_v1.begun = 1;
    test_v1.cmd.type = NGX_ESS_COMMAND_SUBSCRIBE;
    test_v1.cmd.id = 2;

    return 0;
}


static int
test_teardown(void **state)
{
    free(test_v1.keys);
    free(test_v1.info);

    return fake_client_teardown(state);
}


/* One of them, and what is behind the last one. */

static ngx_int_t
test_stream(void)
{
    test_v1.room = 1;

    return ngx_ess_v1_stream(&test_v1);
}


static void
test_subscribed(void **state)
{
    test_streams = 2;
    test_nkeys = 2;
    assert_int_equal(test_stream(), NGX_OK);
    assert_int_equal(test_stream(), NGX_OK);
    assert_true(test_v1.begun);
    assert_int_equal(test_stream(), NGX_OK);
    assert_false(test_v1.begun);
    ngx_unit_traced("join 7, 2 keys, b", "entry prices 17",
                    "join 7, 2 keys, b", "entry prices 17",
                    "list 2", "announced");
}


/* Nobody asked to hear of it; but of what is refused. */

static void
test_without_id(void **state)
{
    test_streams = 2;
    test_v1.cmd.id = NGX_ESS_COMMAND_NO_ID;
    assert_int_equal(test_stream(), NGX_OK);
    test_admit = NGX_DECLINED;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("join 7, 0 keys, -", "refused 403 not listed");
}


static void
test_unsubscribed(void **state)
{
    test_streams = 3;
    test_v1.cmd.type = NGX_ESS_COMMAND_UNSUBSCRIBE;
    assert_int_equal(test_stream(), NGX_OK);

    test_find = NGX_DECLINED;
    assert_int_equal(test_stream(), NGX_OK);

    test_find = NGX_OK;
    test_v1.cmd.id = NGX_ESS_COMMAND_NO_ID;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("unsubscribe 7, 0 keys", "left prices", "left 1",
                    "left prices", "unsubscribe 7, 0 keys", "left 1");
}


static void
test_refused(void **state)
{
    test_streams = 7;
    test_wrong = 1;
    assert_int_equal(test_stream(), NGX_OK);
    test_wrong = 0;

    test_multi.subscriptions = 10;
    assert_int_equal(test_stream(), NGX_OK);
    test_more = 0;
    test_join = NGX_DECLINED;
    assert_int_equal(test_stream(), NGX_OK);
    test_join = NGX_BUSY;
    assert_int_equal(test_stream(), NGX_OK);
    fake.conf.limit.max = 1;
    assert_int_equal(test_stream(), NGX_OK);

    ngx_unit_traced("refused 400 wrong",
                    "refused 413 a client has no more subscriptions than "
                    "\"ess_max_subscriptions\" allows",
                    "join 7, 0 keys, -", "refused 404 there is no such stream",
                    "join 7, 0 keys, -", "refused 503 the server has no room "
                    "for it now",
                    "join 7, 0 keys, -", "refused 429 the stream has as many "
                    "clients as \"ess_max_subscribers\" allows");

    /* of so many keys none is looked at */

    test_nkeys = 11;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("refused 413 a client has no more subscriptions than "
                    "\"ess_max_subscriptions\" allows");
}


/* Many together, answered in their order, as far as there is time. */

static void
test_many(void **state)
{
    test_streams = 70;
    fake.conf.max_subscriptions = 100;
    test_v1.room = 65;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("join 7"), 65);
    assert_int_equal(test_batches, 2);
    assert_int_equal(test_v1.room, 0);
    ngx_unit_trace_clear();

    test_v1.room = 64;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    assert_false(test_v1.begun);
    assert_int_equal(test_batches, 3);
    assert_int_equal(ngx_unit_trace_count("entry prices"), 5);
    assert_int_equal(ngx_unit_trace_count("announced"), 1);
    ngx_unit_trace_clear();

    /* keys take time, too, but each time it goes on */

    test_streams = 5;
    test_nkeys = 20;
    test_v1.begun = 1;
    test_v1.room = 10;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("join 7"), 2);
    ngx_unit_trace_clear();

    /* what is refused is answered behind those before it */

    test_nkeys = 0;
    test_streams = 4;
    test_joins = 1;
    test_multi.subscriptions = 98;
    test_v1.room = 64;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    ngx_unit_traced("join 7, 0 keys, -", "join 7, 0 keys, -",
                    "entry prices 17", "entry prices 17",
                    "refused 413 a client has no more subscriptions than "
                    "\"ess_max_subscriptions\" allows",
                    "refused 413 a client has no more subscriptions than "
                    "\"ess_max_subscriptions\" allows",
                    "list 2", "announced");

    test_streams = 3;
    test_v1.begun = 1;
    test_v1.cmd.type = NGX_ESS_COMMAND_UNSUBSCRIBE;
    test_v1.cmd.id = NGX_ESS_COMMAND_NO_ID;
    test_v1.room = 2;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    ngx_unit_traced("unsubscribe 7, 0 keys", "unsubscribe 7, 0 keys",
                    "left 2");
}


/* An address of one stream, or of one key of it. */

static void
test_only(void **state)
{
    test_streams = 8;
    test_v1.only = 8;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("refused 403 this address is for one stream, or one key "
                    "of it");

    test_v1.only = 7;
    test_nkeys = 2;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("join 7, 2 keys, b", "entry prices 17");

    /* nor is said whether there is another one */

    test_admit = NGX_DECLINED;
    test_v1.only = 8;
    test_code = 404;
    assert_int_equal(test_stream(), NGX_OK);
    test_code = 409;
    assert_int_equal(test_stream(), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("refused 403 this address"), 2);
    ngx_unit_trace_clear();

    test_v1.only = 7;
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("refused 409 not listed");
    test_admit = NGX_OK;

    /* all of it, another key, or more than one */

    test_v1.key = test_other;
    assert_int_equal(test_stream(), NGX_OK);
    test_nkeys = 0;
    assert_int_equal(test_stream(), NGX_OK);
    test_nkeys = 1;
    assert_int_equal(test_stream(), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("refused 403"), 3);
}


static void
test_attached(void **state)
{
    ngx_str_t  text = ngx_string("silent");

    test_streams = 3;
    test_follows = 1;
    fake.conf.subscribe_poison = 1;
    assert_int_equal(test_stream(), NGX_AGAIN);
    assert_non_null(test_v1.info);
    assert_true(test_v1.waits);

    test_v1.attach.handler(&test_v1.attach, NGX_OK, &text);
    assert_false(test_v1.waits);
    ngx_unit_posted();
    test_state = NGX_ESS_FOLLOW_LIVE;
    assert_int_equal(test_stream(), NGX_OK);
    assert_null(test_v1.info);
    ngx_unit_traced("attach 7", "event", "join 7, 0 keys, -, poison",
                    "entry prices 17");

    /* it counts like the others of the command */

    test_state = NGX_ESS_FOLLOW_NONE;
    test_joins = 1;
    test_streams = 3;
    test_multi.subscriptions = fake.conf.max_subscriptions - 1;
    assert_int_equal(test_stream(), NGX_AGAIN);
    test_v1.attach.handler(&test_v1.attach, NGX_OK, &text);
    ngx_unit_posted();
    test_state = NGX_ESS_FOLLOW_LIVE;
    test_v1.room = 2;
    assert_int_equal(ngx_ess_v1_stream(&test_v1), NGX_OK);
    assert_int_equal(ngx_unit_trace_count("join 7"), 1);
    assert_int_equal(ngx_unit_trace_count("refused 413"), 1);
    ngx_unit_trace_clear();

    /* who waited once for nothing does not wait again */

    test_streams = 2;
    test_multi.subscriptions = 0;

    test_state = NGX_ESS_FOLLOW_NONE;
    assert_int_equal(test_stream(), NGX_AGAIN);
    test_v1.attach.handler(&test_v1.attach, NGX_BUSY, &text);
    ngx_unit_posted();
    assert_int_equal(test_stream(), NGX_OK);
    assert_int_equal(test_stream(), NGX_OK);
    ngx_unit_traced("attach 7", "refused 503 silent", "event",
                    "refused 503 the stream's source is silent");
}


static void
test_no_memory(void **state)
{
    test_streams = 2;
    test_nkeys = 1;
    fake.fail = 1;
    assert_int_equal(test_stream(), NGX_ERROR);

    test_follows = 1;
    fake.fail = 2;
    assert_int_equal(test_stream(), NGX_ERROR);
    assert_false(test_v1.waits);
    ngx_unit_traced();

    fake.done = NGX_ERROR;
    assert_int_equal(test_stream(), NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_subscribed),
        TEST(test_without_id),
        TEST(test_unsubscribed),
        TEST(test_refused),
        TEST(test_many),
        TEST(test_only),
        TEST(test_attached),
        TEST(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
