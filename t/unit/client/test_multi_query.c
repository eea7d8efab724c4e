/*
 * Requests for several streams: what is admitted and where it begins, as lines;
 * what is refused, with which status and which words.
 *
 * links: src/client/ngx_ess_multi_query.c src/client/ngx_ess_query.c
 * links: src/subscriber/ngx_ess_places.c src/subscriber/ngx_ess_position.c
 * links: src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c src/ngx_ess_percent.c src/ngx_ess_utf8.c
 * links: src/ngx_ess_escape.c
 * links: t/unit/ngx_string.c t/unit/ngx_pool.c t/unit/ngx_trace.c
 * links: t/unit/fake_problem.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "fake_problem.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_gap.h"
#include "ngx_ess_header.h"
#include "ngx_ess_multi_admit.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_query.h"
#include "ngx_trace.h"


void ngx_unit_pool_free(void);


static ngx_http_request_t   test_request;
static ngx_connection_t     test_connection;
static ngx_log_t            test_log;
static ngx_ess_loc_conf_t   test_conf;
static ngx_table_elt_t      test_line;      /* of the request; empty: none */
static ngx_uint_t           test_rejected;
static ngx_int_t            test_join;      /* what the join of "b" returns */
static ngx_uint_t           test_any;       /* 1: nobody knows where it is */
static ngx_ess_client_t     test_client;
static ngx_ess_multi_t      test_multi;

ngx_module_t  ngx_ess_module;


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    if (p) {
        memset(p, 0, size);
    }

    return p;
}


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    return (test_line.value.len && strcmp(name, "last-event-id") == 0)
           ? &test_line : NULL;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    ngx_unit_trace("%s: %.*s", name, (int) len, (char *) value);

    return NGX_OK;
}


void
ngx_ess_client_count(ngx_uint_t counter, int64_t n)
{
    test_rejected = counter - NGX_ESS_C_REJECTED;
}


ngx_int_t
ngx_ess_jwt_grant(ngx_http_request_t *r, ngx_ess_jwt_grant_t **grant)
{
    *grant = NULL;

    return NGX_OK;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    fail();
}


/* There are streams of one letter, whose id and epoch it is; "f" follows
   another one. */

void
ngx_ess_multi_admit_entry(ngx_ess_loc_conf_t *conf,
    ngx_ess_stream_info_t *info, ngx_ess_subscriber_entry_t *entry)
{
    entry->ref = info->ref;
    entry->untold = info->untold;
    entry->follow = info->kind.follows;
    entry->live = entry->follow;
    entry->poison = (conf->subscribe_poison && entry->follow);
}


ngx_int_t
ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf, ngx_ess_jwt_grant_t *grant,
    ngx_str_t *text, ngx_str_t *keys, ngx_uint_t nkeys,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error)
{
    char        line[256];
    ngx_uint_t  i, n;

    if (text->len == 2) {
        error->code = NGX_HTTP_SERVICE_UNAVAILABLE;
        ngx_str_set(&error->message, "the stream is being made");
        return NGX_DECLINED;
    }

    if (text->len != 1) {
        error->code = NGX_HTTP_NOT_FOUND;
        ngx_str_set(&error->message, "there is no such stream");
        return NGX_DECLINED;
    }

    n = snprintf(line, sizeof(line), "admit %c", text->data[0]);

    for (i = 0; i < nkeys; i++) {
        n += snprintf(line + n, sizeof(line) - n, " #%.*s", (int) keys[i].len,
                      keys[i].data);
    }

    ngx_unit_trace("%s", line);

    memset(info, 0, sizeof(ngx_ess_stream_info_t));

    info->ref.id = text->data[0] | 0x20;
    info->ref.epoch = text->data[0];
    info->kind.follows = (text->data[0] == 'f');
    info->kind.source = info->kind.follows ? 1 : 0;
    info->key_len = 3;
    memcpy(info->key, "key", 3);

    return NGX_OK;
}


ngx_int_t
ngx_ess_multi_sse_create(ngx_ess_client_t *client,
    ngx_ess_multi_sse_stream_t *streams, ngx_uint_t n)
{
    client->multi = &test_multi;

    return NGX_OK;
}


void
ngx_ess_multi_join(ngx_ess_multi_t *multi, ngx_ess_multi_entry_t *entries,
    ngx_uint_t n)
{
    ngx_ess_multi_entry_t  *e;

    for (e = entries; e < entries + n; e++) {
        e->at.epoch = e->entry.ref.epoch;
        e->at.ordinal = test_any ? NGX_ESS_GAP_ANY : 5;
        e->entry.rc = (e->entry.ref.id == 'b') ? test_join : NGX_OK;
    }
}


void
ngx_ess_multi_sse_place(ngx_ess_client_t *client, ngx_uint_t number,
    ngx_ess_event_id_t *place)
{
    ngx_unit_trace("%d at %lx-%lu", (int) number, place->epoch,
                   place->ordinal);
}


void
ngx_ess_client_free_multi(ngx_ess_client_t *client)
{
    client->multi = NULL;
    ngx_unit_trace("freed");
}


void
ngx_ess_multi_announced(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("announced");
}


static ngx_int_t
read_query(const char *args, ngx_ess_multi_query_t *wanted)
{
    static void              *conf[1];
    ngx_ess_position_said_t   said;

    conf[0] = &test_conf;

    test_connection.log = &test_log;
    test_request.connection = &test_connection;
    test_request.loc_conf = conf;
    test_request.args = (ngx_str_t) { strlen(args), (u_char *) args };

    memset(wanted, 0, sizeof(ngx_ess_multi_query_t));
    memset(&said, 0, sizeof(said));
    said.args = test_request.args;

    return ngx_ess_multi_query_read(&test_request, &said, wanted);
}


static void
refused(const char *args, ngx_int_t status, ngx_uint_t rejected,
    const char *part)
{
    ngx_int_t              rc;
    ngx_ess_multi_query_t  wanted;

    rc = read_query(args, &wanted);
    ngx_unit_trace_clear();

    if (rc != status || test_rejected != rejected
        || strstr(fake_problem, part) == NULL)
    {
        fail_msg("%s: %ld %s", args, (long) rc, fake_problem);
    }
}


/* What follows is to be said of it. */

static void
entered(const char *args)
{
    ngx_ess_multi_query_t  wanted;

    if (read_query(args, &wanted) != NGX_OK) {
        fail_msg("%s: %s", args, fake_problem);
    }

    test_client.request = &test_request;

    assert_int_equal(ngx_ess_multi_query_join(&test_client, &wanted), NGX_OK);
}


static void
last_id(const char *text)
{
    test_line.value = (ngx_str_t) { strlen(text), (u_char *) text };
}


static int
setup(void **state)
{
    last_id("");

    test_conf.max_subscriptions = 6;
    test_conf.max_subscriptions_sse = 3;
    test_join = NGX_OK;
    test_any = 0;

    ngx_unit_trace_clear();

    return 0;
}


static int
teardown(void **state)
{
    ngx_unit_pool_free();

    return 0;
}


static void
test_streams(void **state)
{
    entered("stream=a");
    ngx_unit_traced("admit a", "0 at 61-5", "announced");

    entered("stream=l:a&key=eu&key=us&key=eu&stream=b&stream=c");
    ngx_unit_traced("admit a #eu #us", "admit b", "admit c", "0 at 61-5",
                    "1 at 62-5", "2 at 63-5", "announced");
}


static void
test_source(void **state)
{
    ngx_ess_multi_query_t  wanted;

    assert_int_equal(read_query("stream=l:a&stream=f&key=eu", &wanted),
                     NGX_OK);

    assert_int_equal(wanted.n, 2);
    assert_int_equal(wanted.streams[0].label.len, 1);
    assert_int_equal(wanted.streams[1].label.len, 0);
    assert_int_equal(wanted.sources[0].len, 0);
    assert_int_equal(wanted.sources[1].len, 3);
    assert_int_equal(wanted.kinds[1], 1);
    assert_int_equal(wanted.entries[0].entry.live, 0);
    assert_int_equal(wanted.entries[1].entry.live, 1);
    assert_int_equal(wanted.entries[1].entry.nkeys, 1);

    ngx_unit_trace_clear();
}


static void
test_places(void **state)
{
    entered("stream=a&stream=b&from=61-3,77-9");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 77-9",
                    "announced");

    entered("stream=a&stream=b&from=61-3%2C0-0");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 62-5",
                    "announced");

    entered("stream=a&stream=b&stream_from_ordinal=2");
    ngx_unit_traced("admit a", "admit b", "0 at 61-2", "1 at 62-2",
                    "announced");

    /* nobody knows: it is asked again */

    test_any = 1;
    entered("stream=a&stream=b&stream_from_timestamp=7");
    ngx_unit_traced("admit a", "admit b", "0 at 0-0", "1 at 0-0",
                    "announced");
    test_any = 0;

    last_id("61-3,0-0");
    entered("stream=a&stream=b&stream_from_ordinal=2");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 62-2",
                    "announced");
    entered("stream=a&stream=b&from=1-1");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 62-5",
                    "announced");
}


static void
test_last_id(void **state)
{
    ngx_ess_multi_query_t  wanted;

    static const char *const  others[] = { "x", "61-3", "61-3,62-1,63-1",
                                           "61-3,", NULL };

    ngx_uint_t  i;

    for (i = 0; others[i]; i++) {
        last_id(others[i]);

        assert_int_equal(read_query("stream=a&stream=b", &wanted), NGX_OK);
        assert_int_equal(wanted.entries[0].entry.pos.type,
                         NGX_ESS_POSITION_EVENT);
        assert_int_equal(wanted.entries[0].entry.pos.epoch, 0);
        assert_int_equal(wanted.entries[1].entry.pos.epoch, 0);
        ngx_unit_trace_clear();
    }

    /* it wins, whatever the query says */

    last_id("61-3,62-1");
    entered("stream=a&stream=b&from=nonsense");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 62-1",
                    "announced");
    entered("stream=a&stream=b&from=1-1&stream_from_ordinal=x");
    ngx_unit_traced("admit a", "admit b", "0 at 61-3", "1 at 62-1",
                    "announced");
}


static void
test_refused(void **state)
{
    refused("", 400, NGX_ESS_REJECTED_REQUEST, "must name the streams");
    refused("key=x&stream=a", 400, NGX_ESS_REJECTED_REQUEST,
            "belongs behind");
    refused("stream=a&stream=b&stream=c&stream=d", 413,
            NGX_ESS_REJECTED_REQUEST, "ess_max_subscriptions");
    refused("stream=a&key=1&key=2&key=3&key=4&key=5&key=6&key=7", 413,
            NGX_ESS_REJECTED_REQUEST, "ess_max_subscriptions");
    refused("stream=a&stream=xyz", 404, NGX_ESS_REJECTED_STREAM,
            "stream \"xyz\": there is no such stream");
    refused("stream=a&stream=xy", 503, NGX_ESS_REJECTED_CREATED,
            "stream \"xy\": the stream is being made");
    refused("stream=a&stream=A", 400, NGX_ESS_REJECTED_REQUEST, "twice");

    refused("stream=a&from=1-1,2-2", 400, NGX_ESS_REJECTED_POSITION,
            "2 places for 1 streams");
    refused("stream=a&from=", 400, NGX_ESS_REJECTED_POSITION, "such as");
    refused("stream=a&from=x", 400, NGX_ESS_REJECTED_POSITION, "such as");
    refused("stream=a&from=%zz", 400, NGX_ESS_REJECTED_POSITION, "such as");
    refused("stream=a&stream_from_ordinal=x", 400, NGX_ESS_REJECTED_POSITION,
            "must be a number");
}


static void
test_join_refused(void **state)
{
    ngx_uint_t              i;
    ngx_ess_multi_query_t   wanted;

    static const struct {
        ngx_int_t           join;
        ngx_uint_t          max;
        ngx_int_t           status;
        const char         *part;
    } tests[] = {
        { NGX_DECLINED, 0, 404, "stream \"b\": it was deleted" },
        { NGX_BUSY, 9, 429, "stream \"b\": it has as many clients" },
        { NGX_BUSY, 0, 503, "stream \"b\": the server has no room" },
        { NGX_ERROR, 9, 500, "" }
    };

    test_client.request = &test_request;
    test_client.conf = &test_conf;

    for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        assert_int_equal(read_query("stream=a&stream=b&stream=c", &wanted),
                         NGX_OK);
        ngx_unit_trace_clear();

        test_join = tests[i].join;
        test_conf.limit.max = tests[i].max;

        assert_int_equal(ngx_ess_multi_query_join(&test_client, &wanted),
                         tests[i].status);
        assert_non_null(strstr(fake_problem, tests[i].part));

        if (tests[i].join == NGX_BUSY) {
            ngx_unit_traced("0 at 61-5", "freed", "Retry-After: 1");

        } else {
            ngx_unit_traced("0 at 61-5", "freed");
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
        cmocka_unit_test_setup_teardown(test_source, setup, teardown),
        cmocka_unit_test_setup_teardown(test_places, setup, teardown),
        cmocka_unit_test_setup_teardown(test_last_id, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join_refused, setup, teardown)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
