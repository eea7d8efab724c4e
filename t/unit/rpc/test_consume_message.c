/*
 * A message's memory: what is copied of a delivery, what is freed with it, and
 * what its properties say.
 *
 * links: src/rpc/ngx_ess_consume_message.c src/ngx_ess_str.c
 * links: src/amqp/ngx_ess_amqp_codec.c src/amqp/ngx_ess_amqp_table.c
 * links: src/ngx_ess_gzip.c src/ngx_ess_inflate.c t/unit/ngx_string.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_message.h"
#include "ngx_timer.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define BLOCKS  64


static ngx_log_t                     test_log;
static ngx_ess_consume_conf_t        test_consume;
static ngx_ess_consume_conf_queue_t  test_queue;
static amqp_basic_properties_t       test_properties;
static ngx_ess_amqp_delivery_t       test_delivery;
static void                         *test_blocks[BLOCKS];
static ngx_uint_t                    test_nblocks;
static ngx_uint_t                    test_pools;
static ngx_int_t                     test_left;     /* allocations until one
                                                       fails */


static void *
allocated(size_t size)
{
    if (test_left-- == 0) {
        return NULL;
    }

    assert_true(test_nblocks < BLOCKS);

    test_blocks[test_nblocks] = malloc(size);

    return test_blocks[test_nblocks++];
}


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    if (test_left-- == 0) {
        return NULL;
    }

    test_pools++;

    return (ngx_pool_t *) &test_pools;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    assert_ptr_equal(pool, &test_pools);

    test_pools--;

    while (test_nblocks) {
        free(test_blocks[--test_nblocks]);
    }
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return allocated(size);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    return allocated(size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = allocated(size);

    return p ? memset(p, 0, size) : NULL;
}


void
ngx_ess_rpc_publisher_cancel(ngx_ess_rpc_publish_t *pub)
{
    ngx_unit_trace("cancel");
}


/* nginx lets go of it a little later. */

void
ngx_ess_request_abort(ngx_ess_request_t *req, ngx_pool_t *pool)
{
    assert_ptr_equal(pool, &test_pools);
    assert_int_equal(test_pools, 1);

    ngx_unit_trace("abort");
    ngx_destroy_pool(pool);
}


static int
test_setup(void **state)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    memset(&test_properties, 0, sizeof(test_properties));
    memset(&test_delivery, 0, sizeof(test_delivery));

    test_left = -1;
    test_queue.consume = &test_consume;
    test_consume.unpack = NGX_ESS_RPC_AUTO;
    ngx_str_set(&test_delivery.exchange, "ex");
    ngx_str_set(&test_delivery.key, "key");
    ngx_str_set(&test_delivery.body, "body");
    test_delivery.body_size = 4;

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();
    assert_int_equal(ngx_unit_pending(), 0);
    assert_int_equal(test_pools, 0);
    assert_int_equal(test_nblocks, 0);

    return 0;
}


/* Of a delivery whose memory goes with the call. */

static ngx_ess_consume_message_t *
delivered(void)
{
    int                         len;
    u_char                      raw[4096];
    amqp_bytes_t                bytes;
    ngx_ess_amqp_delivery_t     d;
    ngx_ess_consume_message_t  *msg;

    bytes.bytes = raw;
    bytes.len = sizeof(raw);

    len = amqp_encode_properties(AMQP_BASIC_CLASS, &test_properties, bytes);
    assert_true(len >= 2);

    d = test_delivery;

    d.raw_properties.data = malloc(len);
    d.raw_properties.len = len;
    memcpy(d.raw_properties.data, raw, len);

    msg = ngx_ess_consume_message_create(&test_queue, &d, &test_log);

    memset(d.raw_properties.data, 'x', len);
    free(d.raw_properties.data);

    return msg;
}


static void
is(ngx_str_t text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_int_equal(text.len ? memcmp(text.data, expected, text.len) : 0, 0);
}


static void
test_copied(void **state)
{
    char                        body[] = "body";
    ngx_ess_consume_message_t  *msg;

    test_delivery.body.data = (u_char *) body;
    test_delivery.redelivered = 1;
    test_properties._flags = AMQP_BASIC_REPLY_TO_FLAG
                             |AMQP_BASIC_DELIVERY_MODE_FLAG;
    test_properties.reply_to = amqp_cstring_bytes("caller");
    test_properties.delivery_mode = 2;

    msg = delivered();
    memset(body, 'x', 4);

    is(msg->exchange, "ex");
    is(msg->key, "key");
    is(msg->body, "body");
    is(msg->text, "body");
    is(ngx_ess_consume_message_property(msg, AMQP_BASIC_REPLY_TO_FLAG),
       "caller");
    assert_int_equal(msg->properties->delivery_mode, 2);
    assert_true(msg->rpc);
    assert_true(msg->redelivered);
    assert_false(msg->over_size);
    assert_false(msg->expires);
    assert_int_equal(msg->attempts, 0);
    assert_ptr_equal(msg->queue, &test_queue);

    ngx_ess_consume_message_free(msg);
}


static void
test_least(void **state)
{
    ngx_ess_consume_message_t  *msg;

    memset(&test_delivery, 0, sizeof(test_delivery));

    msg = delivered();

    is(msg->exchange, "");
    is(msg->body, "");
    assert_int_equal(msg->properties->_flags, 0);
    assert_false(msg->rpc);
    assert_false(msg->redelivered);

    ngx_ess_consume_message_free(msg);
}


/* An empty address is none. */

static void
test_nobody_waits(void **state)
{
    ngx_ess_consume_message_t  *msg;

    test_properties._flags = AMQP_BASIC_REPLY_TO_FLAG;

    msg = delivered();
    assert_false(msg->rpc);
    ngx_ess_consume_message_free(msg);
}


/* Its body was never in memory. */

static void
test_over_size(void **state)
{
    ngx_ess_consume_message_t  *msg;

    test_delivery.over_size = 1;
    test_delivery.body_size = 5000000000;
    test_delivery.body.data = NULL;
    test_delivery.body.len = 7;

    msg = delivered();
    assert_true(msg->over_size);
    assert_int_equal(msg->body.len, 0);
    assert_int_equal(msg->text.len, 0);
    assert_int_equal(msg->body_size, 5000000000);
    ngx_ess_consume_message_free(msg);
}


static void
test_memory_is_short(void **state)
{
    ngx_int_t                   i;
    ngx_ess_consume_message_t  *msg;

    test_properties._flags = AMQP_BASIC_REPLY_TO_FLAG;
    test_properties.reply_to = amqp_cstring_bytes("caller");

    for (i = 0; /* void */ ; i++) {
        test_left = i;
        msg = delivered();

        if (msg) {
            break;
        }

        assert_int_equal(test_pools, 0);
        assert_int_equal(test_nblocks, 0);
    }

    assert_true(i >= 6);
    ngx_ess_consume_message_free(msg);
}


static void
test_properties_of_texts(void **state)
{
    ngx_uint_t                  i;
    ngx_ess_consume_message_t  *msg;

    static const amqp_flags_t  flags[] = {
        AMQP_BASIC_CONTENT_TYPE_FLAG, AMQP_BASIC_CONTENT_ENCODING_FLAG,
        AMQP_BASIC_CORRELATION_ID_FLAG, AMQP_BASIC_REPLY_TO_FLAG,
        AMQP_BASIC_EXPIRATION_FLAG, AMQP_BASIC_MESSAGE_ID_FLAG,
        AMQP_BASIC_TYPE_FLAG, AMQP_BASIC_USER_ID_FLAG, AMQP_BASIC_APP_ID_FLAG
    };

    static const char  *const names[] = {
        "type", "encoding", "id", "to", "1", "message", "kind", "user", "app"
    };

    test_properties.content_type = amqp_cstring_bytes(names[0]);
    test_properties.content_encoding = amqp_cstring_bytes(names[1]);
    test_properties.correlation_id = amqp_cstring_bytes(names[2]);
    test_properties.reply_to = amqp_cstring_bytes(names[3]);
    test_properties.expiration = amqp_cstring_bytes(names[4]);
    test_properties.message_id = amqp_cstring_bytes(names[5]);
    test_properties.type = amqp_cstring_bytes(names[6]);
    test_properties.user_id = amqp_cstring_bytes(names[7]);
    test_properties.app_id = amqp_cstring_bytes(names[8]);

    for (i = 0; i < 9; i++) {
        test_properties._flags |= flags[i];
    }

    msg = delivered();

    for (i = 0; i < 9; i++) {
        is(ngx_ess_consume_message_property(msg, flags[i]), names[i]);

        /* without its flag it is what the decoder leaves there */

        msg->properties->_flags &= ~flags[i];
        is(ngx_ess_consume_message_property(msg, flags[i]), "");
    }

    msg->properties->_flags |= AMQP_BASIC_PRIORITY_FLAG;
    is(ngx_ess_consume_message_property(msg, AMQP_BASIC_PRIORITY_FLAG), "");

    ngx_ess_consume_message_free(msg);
}


static void
test_expires(void **state)
{
    ngx_uint_t                  i;
    ngx_ess_consume_message_t  *msg;

    static const struct {
        const char  *expiration;
        ngx_uint_t   expires;
        ngx_msec_t   ms;
    } row[] = {
        { "0", 1, 0 }, { "1", 1, 1 }, { "60000", 1, 60000 },
        { "", 0, 0 }, { "-1", 0, 0 }, { "1.5", 0, 0 }, { "1s", 0, 0 },
        { "99999999999999999999", 0, 0 }
    };

    test_properties._flags = AMQP_BASIC_EXPIRATION_FLAG;

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_properties.expiration = amqp_cstring_bytes(row[i].expiration);

        /* the clock goes round meanwhile */

        ngx_current_msec = (ngx_msec_t) -1;

        msg = delivered();
        assert_int_equal(msg->expires, row[i].expires);
        assert_int_equal(msg->expiration, row[i].ms);

        ngx_current_msec += row[i].ms;
        assert_false(ngx_ess_consume_message_expired(msg));
        ngx_current_msec++;
        assert_int_equal(ngx_ess_consume_message_expired(msg),
                         row[i].expires);
        ngx_current_msec += 1000000;
        assert_int_equal(ngx_ess_consume_message_expired(msg),
                         row[i].expires);

        ngx_ess_consume_message_free(msg);
    }
}


static void
test_packed(void **state)
{
    ngx_uint_t                  i, unpack;
    ngx_ess_consume_message_t  *msg;

    static const struct {
        const char  *coding;
        ngx_uint_t   gzip;
    } row[] = {
        { "gzip", 1 }, { "GZip", 1 }, { "x-gzip", 1 }, { "", 0 },
        { "utf-8", 0 }, { "gzip, gzip", 0 }, { "deflate", 0 }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        test_properties._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG;
        test_properties.content_encoding = amqp_cstring_bytes(row[i].coding);

        for (unpack = 0; unpack < 3; unpack++) {
            test_consume.unpack = unpack;
            msg = delivered();

            assert_int_equal(ngx_ess_consume_message_packed(msg),
                             unpack == NGX_ESS_RPC_GZIP
                             || (unpack == NGX_ESS_RPC_AUTO && row[i].gzip));

            ngx_ess_consume_message_free(msg);
        }
    }
}


static void
test_why(void **state)
{
    ngx_uint_t                  i;
    ngx_ess_consume_message_t  *msg;

    static const struct {
        ngx_ess_request_end_e   end;
        ngx_uint_t              status;
        const char             *why;
    } row[] = {
        { NGX_ESS_REQUEST_DONE, 500, "status" },
        { NGX_ESS_REQUEST_DONE, 0, "broken" },
        { NGX_ESS_REQUEST_BROKEN, 200, "broken" },
        { NGX_ESS_REQUEST_TIMEOUT, 0, "timeout" },
        { NGX_ESS_REQUEST_TOO_LARGE, 200, "response_too_large" }
    };

    msg = delivered();

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        msg->end = row[i].end;
        msg->status = row[i].status;
        assert_string_equal(ngx_ess_consume_message_why(msg), row[i].why);
    }

    ngx_ess_consume_message_free(msg);
}


/* In the middle of anything. */

static void
test_freed(void **state)
{
    ngx_ess_consume_message_t  *msg;

    msg = delivered();
    msg->in_flight = 1;
    ngx_ess_consume_message_free(msg);
    ngx_unit_traced("cancel");

    msg = delivered();
    msg->inflate = ngx_ess_inflate_create(&msg->body, 1, 100);
    msg->gzip = ngx_ess_gzip_create(&msg->body, &test_log);
    assert_true(msg->inflate && msg->gzip);
    ngx_post_event(&msg->event, &ngx_posted_events);
    ngx_add_timer(&msg->timer, 1000);
    ngx_ess_consume_message_free(msg);
    assert_int_equal(ngx_unit_pending(), 0);

    msg = delivered();
    msg->request = (ngx_ess_request_t *) &test_log;
    ngx_ess_consume_message_free(msg);
    ngx_unit_traced("abort");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_copied),
        TEST(test_least),
        TEST(test_nobody_waits),
        TEST(test_over_size),
        TEST(test_memory_is_short),
        TEST(test_properties_of_texts),
        TEST(test_expires),
        TEST(test_packed),
        TEST(test_why),
        TEST(test_freed)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
