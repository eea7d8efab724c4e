/*
 * A call as it is published: which properties it has, and which it has not.
 *
 * links: src/rpc/ngx_ess_call_message.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_call_message.h"


#define CHANNEL  ((ngx_ess_amqp_channel_t *) &message)


static ngx_ess_call_message_t    message;
static ngx_int_t                 rc;
static amqp_basic_publish_t      sent;
static amqp_basic_properties_t   got;
static char                      expiration[32], id[64], names[64];

volatile ngx_msec_t  ngx_current_msec;
ngx_pid_t            ngx_pid;


static void
copy(char *to, amqp_bytes_t *from)
{
    sprintf(to, "%.*s", (int) from->len, (char *) from->bytes);
}


/* What lies on the sender's stack is looked at during the call only. */

ngx_int_t
ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch, amqp_basic_publish_t *publish,
    amqp_basic_properties_t *p, ngx_str_t *body)
{
    int  i;

    assert_ptr_equal(ch, CHANNEL);
    assert_ptr_equal(body, &message.body);

    sent = *publish;
    got = *p;

    copy(expiration, &p->expiration);
    copy(id, &p->message_id);
    names[0] = '\0';

    for (i = 0; i < p->headers.num_entries; i++) {
        assert_int_equal(p->headers.entries[i].value.kind,
                         AMQP_FIELD_KIND_UTF8);
        sprintf(names + strlen(names), "%.*s=%.*s ",
                (int) p->headers.entries[i].key.len,
                (char *) p->headers.entries[i].key.bytes,
                (int) p->headers.entries[i].value.value.bytes.len,
                (char *) p->headers.entries[i].value.value.bytes.bytes);
    }

    return rc;
}


static ngx_int_t
send_to(const char *exchange)
{
    ngx_str_t  name;

    name.data = (u_char *) exchange;
    name.len = strlen(exchange);

    return ngx_ess_call_message_send(&message, CHANNEL, &name);
}


static int
setup(void **state)
{
    memset(&message, 0, sizeof(message));
    memset(message.pending.id, 'c', NGX_ESS_CALL_PENDING_ID);

    ngx_str_set(&message.queue, "q");
    message.timeout = 5000;
    message.since = 1000;
    message.serial = 7;

    ngx_current_msec = 1000;
    ngx_pid = 42;
    rc = NGX_OK;

    return 0;
}


static void
test_least(void **state)
{
    assert_int_equal(send_to(""), NGX_OK);

    assert_int_equal(sent.exchange.len, 0);
    assert_int_equal(sent.routing_key.len, 1);
    assert_memory_equal(sent.routing_key.bytes, "q", 1);
    assert_true(sent.mandatory);
    assert_false(sent.immediate);

    assert_int_equal(got._flags, AMQP_BASIC_DELIVERY_MODE_FLAG
                                 |AMQP_BASIC_REPLY_TO_FLAG
                                 |AMQP_BASIC_EXPIRATION_FLAG
                                 |AMQP_BASIC_CORRELATION_ID_FLAG
                                 |AMQP_BASIC_MESSAGE_ID_FLAG);

    assert_int_equal(got.delivery_mode, AMQP_DELIVERY_NONPERSISTENT);
    assert_int_equal(got.reply_to.len, sizeof("amq.rabbitmq.reply-to") - 1);
    assert_int_equal(got.correlation_id.len, NGX_ESS_CALL_PENDING_ID);
    assert_ptr_equal(got.correlation_id.bytes, message.pending.id);
    assert_int_equal(got.headers.num_entries, 0);
    assert_string_equal(expiration, "5000");
    assert_string_equal(id, "42-7");
}


static void
test_most(void **state)
{
    ngx_str_set(&message.type, "text/plain");
    ngx_str_set(&message.coding, "gzip");
    ngx_str_set(&message.traceparent, "00-1");
    ngx_str_set(&message.tracestate, "a=b");

    assert_int_equal(send_to("jobs"), NGX_OK);

    assert_int_equal(sent.exchange.len, 4);
    assert_true(got._flags & AMQP_BASIC_HEADERS_FLAG);
    assert_int_equal(got.content_type.len, 10);
    assert_int_equal(got.content_encoding.len, 4);
    assert_string_equal(names, "traceparent=00-1 tracestate=a=b ");

    ngx_str_null(&message.traceparent);

    assert_int_equal(send_to("jobs"), NGX_OK);
    assert_string_equal(names, "tracestate=a=b ");
}


/* In the queue it is to be no longer than somebody waits for it. */

static void
test_what_waited(void **state)
{
    ngx_uint_t  i;

    static const struct {
        ngx_msec_t   waited;
        const char  *expiration;
    } row[] = {
        { 1, "4999" }, { 4999, "1" }, { 5000, "1" }, { 60000, "1" }
    };

    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        ngx_current_msec = 1000 + row[i].waited;
        assert_int_equal(send_to(""), NGX_OK);
        assert_string_equal(expiration, row[i].expiration);
    }

    /* the clock goes round */

    message.since = (ngx_msec_t) -10;
    ngx_current_msec = 90;
    assert_int_equal(send_to(""), NGX_OK);
    assert_string_equal(expiration, "4900");
}


static void
test_largest_numbers(void **state)
{
    message.serial = UINT64_MAX;
    message.timeout = NGX_MAX_INT_T_VALUE;
    ngx_pid = 4194304;

    assert_int_equal(send_to(""), NGX_OK);
    assert_string_equal(expiration, "9223372036854775807");
    assert_string_equal(id, "4194304-18446744073709551615");
}


static void
test_not_sent(void **state)
{
    static const ngx_int_t  rcs[] = { NGX_AGAIN, NGX_ERROR, NGX_DECLINED };

    ngx_uint_t  i;

    for (i = 0; i < 3; i++) {
        rc = rcs[i];
        assert_int_equal(send_to(""), rc);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_least, setup),
        cmocka_unit_test_setup(test_most, setup),
        cmocka_unit_test_setup(test_what_waited, setup),
        cmocka_unit_test_setup(test_largest_numbers, setup),
        cmocka_unit_test_setup(test_not_sent, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
