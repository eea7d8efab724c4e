/*
 * A dead message as it is published: what is kept of it, what is said of it,
 * and that it can be published once more.
 *
 * links: src/rpc/ngx_ess_consume_dead.c src/rpc/ngx_ess_consume_door.c
 * links: t/unit/ngx_string.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_dead.h"
#include "ngx_trace.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static ngx_ess_consume_conf_t        test_consume;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_message_t     test_msg;
static amqp_basic_properties_t       test_properties;
static amqp_table_entry_t            test_entries[16];
static void                         *test_block;    /* of its pool */
static ngx_uint_t                    test_no_memory;


/* one block, so that the sanitizer sees what is written behind it */

void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    assert_null(test_block);

    return test_no_memory ? NULL : (test_block = malloc(size));
}


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    ngx_str_t  text = ngx_null_string;

    assert_int_equal(flag, AMQP_BASIC_REPLY_TO_FLAG);

    if (test_properties._flags & flag) {
        text.data = test_properties.reply_to.bytes;
        text.len = test_properties.reply_to.len;
    }

    return text;
}


void
ngx_ess_rpc_publisher_publish(ngx_ess_rpc_publish_t *pub)
{
    ngx_unit_trace("publish");
}


static void
settled(ngx_ess_consume_message_t *msg, ngx_int_t rc, ngx_str_t *text)
{
    assert_false(msg->in_flight);
    ngx_unit_trace("settled %d %.*s", (int) rc, (int) text->len,
                   (char *) text->data);
}


static void
add(const char *name, const char *value)
{
    amqp_table_entry_t  *e;

    e = &test_entries[test_properties.headers.num_entries++];

    e->key = amqp_cstring_bytes(name);
    e->value.kind = AMQP_FIELD_KIND_UTF8;
    e->value.value.bytes = amqp_cstring_bytes(value);

    test_properties._flags |= AMQP_BASIC_HEADERS_FLAG;
}


/* All headers as they are published, in a line. */

static char *
headers(void)
{
    int                  i;
    char                *p;
    amqp_table_entry_t  *e;

    static char  line[4096];

    p = line;
    *p = '\0';

    for (i = 0; i < test_msg.publish.properties->headers.num_entries; i++) {
        e = &test_msg.publish.properties->headers.entries[i];

        p += sprintf(p, i ? " %.*s=" : "%.*s=", (int) e->key.len,
                     (char *) e->key.bytes);

        if (e->value.kind == AMQP_FIELD_KIND_I64) {
            p += sprintf(p, "%lld", (long long) e->value.value.i64);

        } else {
            assert_int_equal(e->value.kind, AMQP_FIELD_KIND_UTF8);
            p += sprintf(p, "%.*s", (int) e->value.value.bytes.len,
                         (char *) e->value.value.bytes.bytes);
        }
    }

    return line;
}


static int
test_setup(void **state)
{
    ngx_unit_trace_clear();

    memset(&test_msg, 0, sizeof(test_msg));
    memset(&test_properties, 0, sizeof(test_properties));
    test_no_memory = 0;

    ngx_str_set(&test_queue.name, "q");
    ngx_str_set(&test_consume.dead, "q.dead");
    test_queue.consume = &test_consume;
    test_properties.headers.entries = test_entries;

    test_msg.queue = &test_queue;
    test_msg.properties = &test_properties;
    test_msg.settled = settled;
    test_msg.why = NGX_ESS_CONSUME_WHY_STATUS;
    test_msg.status = 503;
    test_msg.attempts = 4;
    ngx_str_set(&test_msg.body, "body");

    return 0;
}


static int
test_teardown(void **state)
{
    ngx_unit_traced();

    free(test_block);
    test_block = NULL;

    return 0;
}


static void
dies(void)
{
    assert_int_equal(ngx_ess_consume_dead(&test_msg), NGX_OK);
    ngx_unit_traced("publish");
    assert_true(test_msg.in_flight);
    assert_int_equal(test_msg.state, NGX_ESS_CONSUME_DYING);
}


static void
test_as_it_came(void **state)
{
    ngx_ess_rpc_publish_t  *pub;

    test_properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG
                             |AMQP_BASIC_REPLY_TO_FLAG
                             |AMQP_BASIC_DELIVERY_MODE_FLAG;
    test_properties.content_type = amqp_cstring_bytes("a/b");
    test_properties.reply_to = amqp_cstring_bytes("caller");
    test_properties.delivery_mode = 2;

    add("x", "1");
    add("ess", "2");
    dies();

    pub = &test_msg.publish;

    assert_memory_equal(pub->queue.data, "q.dead", pub->queue.len);
    assert_int_equal(pub->queue.len, 6);
    assert_ptr_equal(pub->body.data, test_msg.body.data);
    assert_int_equal(pub->body.len, 4);
    assert_true(pub->mandatory);

    assert_int_equal(pub->properties->_flags, test_properties._flags);
    assert_int_equal(pub->properties->delivery_mode, 2);
    assert_int_equal(pub->properties->reply_to.len, 6);
    assert_string_equal(headers(), "x=1 ess=2 ess_reason=status "
                        "ess_status=503 ess_attempts=4 ess_queue=q");
}


/* What is behind the flag's being missing is not looked at. */

static void
test_without_headers(void **state)
{
    add("x", "1");
    test_properties._flags = 0;
    test_properties.headers.entries = (amqp_table_entry_t *) 1;
    test_msg.why = NGX_ESS_CONSUME_WHY_TIMEOUT;
    test_msg.status = 0;
    dies();

    assert_int_equal(test_msg.published._flags, AMQP_BASIC_HEADERS_FLAG);
    assert_string_equal(headers(), "ess_reason=timeout ess_status=0 "
                        "ess_attempts=4 ess_queue=q");
}


/* For such the broker would refuse it, drop it, or send it somewhere else. */

static void
test_what_becomes_a_header(void **state)
{
    test_properties._flags = AMQP_BASIC_EXPIRATION_FLAG
                             |AMQP_BASIC_USER_ID_FLAG;
    test_properties.expiration = amqp_cstring_bytes("5000");
    test_properties.user_id = amqp_cstring_bytes("bob");

    add("CC", "other");
    add("BCC", "another");
    add("cc", "kept");
    dies();

    assert_int_equal(test_msg.published._flags, AMQP_BASIC_HEADERS_FLAG);
    assert_string_equal(headers(), "ess_cc=other ess_bcc=another cc=kept "
                        "ess_reason=status ess_status=503 ess_attempts=4 "
                        "ess_queue=q ess_expiration=5000 ess_user_id=bob");
}


/* Published with that address, the broker closes the channel. */

static void
test_address_without_a_consumer(void **state)
{
    test_properties._flags = AMQP_BASIC_REPLY_TO_FLAG
                             |AMQP_BASIC_EXPIRATION_FLAG
                             |AMQP_BASIC_USER_ID_FLAG;
    test_properties.reply_to = amqp_cstring_bytes("amq.rabbitmq.reply-to");
    test_properties.expiration = amqp_cstring_bytes("1");
    test_properties.user_id = amqp_cstring_bytes("u");
    test_msg.over_size = 1;

    add("ess_reply_to", "old");
    dies();

    assert_int_equal(test_msg.published._flags, AMQP_BASIC_HEADERS_FLAG);
    assert_string_equal(headers(), "ess_reason=status ess_status=503 "
                        "ess_attempts=4 ess_queue=q ess_size=0 "
                        "ess_expiration=1 ess_user_id=u "
                        "ess_reply_to=amq.rabbitmq.reply-to");
}


/* It was dead before: these are not there twice, and nobody makes them up. */

static void
test_dead_before(void **state)
{
    add("ess_reason", "old");
    add("ess_status", "old");
    add("ess_attempts", "old");
    add("x", "1");
    add("ess_queue", "old");
    add("ess_size", "old");
    add("ess_expiration", "old");
    add("ess_user_id", "old");
    add("ess_reasons", "kept");
    dies();

    assert_string_equal(headers(), "x=1 ess_reasons=kept ess_reason=status "
                        "ess_status=503 ess_attempts=4 ess_queue=q");
}


static void
test_too_large(void **state)
{
    test_msg.over_size = 1;
    test_msg.body_size = 5000000000;
    test_msg.why = NGX_ESS_CONSUME_WHY_TOO_LARGE;
    ngx_str_null(&test_msg.body);
    dies();

    assert_int_equal(test_msg.publish.body.len, 0);
    assert_string_equal(headers(), "ess_reason=too_large ess_status=503 "
                        "ess_attempts=4 ess_queue=q ess_size=5000000000");
}


/* Again, in the same memory: also when its headers were what was refused. */

static void
test_again(void **state)
{
    ngx_str_t   text = ngx_string("refused");
    ngx_uint_t  i;

    for (i = 0; i < 10; i++) {
        add("h", "1");
    }

    for (i = 0; i < 3; i++) {
        dies();
        test_msg.publish.handler(&test_msg.publish, NGX_ERROR, &text);
        ngx_unit_traced("settled -1 refused");
    }

    assert_int_equal(test_msg.published.headers.num_entries, 14);

    test_msg.bare = 1;
    dies();
    assert_string_equal(headers(), "ess_reason=status ess_status=503 "
                        "ess_attempts=4 ess_queue=q");

    test_msg.publish.handler(&test_msg.publish, NGX_OK, &text);
    ngx_unit_traced("settled 0 refused");

    /* it is as it came */

    assert_int_equal(test_properties.headers.num_entries, 10);
    assert_ptr_equal(test_properties.headers.entries, test_entries);
}


static void
test_memory_is_short(void **state)
{
    test_no_memory = 1;
    assert_int_equal(ngx_ess_consume_dead(&test_msg), NGX_ERROR);
    assert_false(test_msg.in_flight);

    test_no_memory = 0;
    dies();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_as_it_came),
        TEST(test_without_headers),
        TEST(test_what_becomes_a_header),
        TEST(test_address_without_a_consumer),
        TEST(test_dead_before),
        TEST(test_too_large),
        TEST(test_again),
        TEST(test_memory_is_short)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
