/*
 * $ess_queue and the like, in the request of a message and in any other one.
 *
 * links: src/rpc/ngx_ess_consume_variables.c src/ngx_ess_header.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_request.h"
#include "ngx_ess_consume_variables.h"


static ngx_http_request_t            test_request;
static ngx_ess_consume_conf_queue_t  test_queue;
static ngx_ess_consume_message_t     test_msg;
static amqp_basic_properties_t       test_properties;
static ngx_ess_consume_message_t    *test_of;       /* the request's */
static u_char                        test_room[NGX_INT64_LEN];
static ngx_uint_t                    test_no_memory;


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    assert_true(size <= sizeof(test_room));

    return test_no_memory ? NULL : test_room;
}


ngx_ess_consume_message_t *
ngx_ess_consume_request_message(ngx_http_request_t *r)
{
    assert_ptr_equal(r, &test_request);

    return test_of;
}


ngx_str_t
ngx_ess_consume_message_property(ngx_ess_consume_message_t *msg,
    amqp_flags_t flag)
{
    ngx_str_t  text = ngx_null_string;

    if (flag == AMQP_BASIC_MESSAGE_ID_FLAG
        && (test_properties._flags & flag))
    {
        text.data = test_properties.message_id.bytes;
        text.len = test_properties.message_id.len;
    }

    return text;
}


static ngx_http_variable_t *
variable(const char *name)
{
    ngx_http_variable_t  *v;

    for (v = ngx_ess_consume_variables; v->name.len; v++) {
        if (v->name.len == strlen(name)
            && memcmp(v->name.data, name, v->name.len) == 0)
        {
            assert_int_equal(v->flags, NGX_HTTP_VAR_NOCACHEABLE);
            return v;
        }
    }

    fail_msg("there is no $%s", name);

    return NULL;
}


/* NULL: it is not found */

static const char *
value(const char *name)
{
    ngx_http_variable_t        *var;
    ngx_http_variable_value_t   v;

    static char  found[64];

    var = variable(name);

    memset(&v, 0, sizeof(v));
    assert_int_equal(var->get_handler(&test_request, &v, var->data), NGX_OK);

    if (v.not_found) {
        return NULL;
    }

    assert_true(v.valid);
    memcpy(found, v.data, v.len);
    found[v.len] = '\0';

    return found;
}


static int
setup(void **state)
{
    memset(&test_msg, 0, sizeof(test_msg));
    memset(&test_properties, 0, sizeof(test_properties));

    test_no_memory = 0;
    test_of = &test_msg;
    test_msg.queue = &test_queue;
    test_msg.properties = &test_properties;
    test_msg.attempts = 3;
    ngx_str_set(&test_queue.name, "q");
    ngx_str_set(&test_msg.exchange, "ex");
    ngx_str_set(&test_msg.key, "key");

    return 0;
}


static void
test_values(void **state)
{
    assert_string_equal(value("ess_queue"), "q");
    assert_string_equal(value("ess_exchange"), "ex");
    assert_string_equal(value("ess_routing_key"), "key");
    assert_string_equal(value("ess_attempt"), "3");
    assert_string_equal(value("ess_redelivered"), "0");

    test_msg.redelivered = 1;
    assert_string_equal(value("ess_redelivered"), "1");

    test_properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG
                             |AMQP_BASIC_TIMESTAMP_FLAG;
    test_properties.message_id = amqp_cstring_bytes("id");
    test_properties.timestamp = UINT64_MAX;
    assert_string_equal(value("ess_message_id"), "id");
    assert_string_equal(value("ess_timestamp"), "18446744073709551615");
}


static void
test_what_it_has_not(void **state)
{
    assert_null(value("ess_message_id"));
    assert_null(value("ess_timestamp"));
    assert_null(value("ess_reply_to"));

    ngx_str_null(&test_msg.exchange);
    assert_null(value("ess_exchange"));
}


/* In a header it would begin another one. */

static void
test_control_characters(void **state)
{
    ngx_str_set(&test_msg.key, "a\r\nHost: b");
    assert_null(value("ess_routing_key"));

    test_properties._flags = AMQP_BASIC_MESSAGE_ID_FLAG;
    test_properties.message_id = amqp_cstring_bytes("a\x7f");
    assert_null(value("ess_message_id"));
}


static void
test_another_request(void **state)
{
    ngx_http_variable_t  *v;

    test_of = NULL;

    for (v = ngx_ess_consume_variables; v->name.len; v++) {
        assert_null(value((char *) v->name.data));
    }

    assert_int_equal(v - ngx_ess_consume_variables, 11);
}


static void
test_memory_is_short(void **state)
{
    ngx_http_variable_t        *var;
    ngx_http_variable_value_t   v;

    test_no_memory = 1;
    memset(&v, 0, sizeof(v));
    var = variable("ess_attempt");

    assert_int_equal(var->get_handler(&test_request, &v, var->data),
                     NGX_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_values, setup),
        cmocka_unit_test_setup(test_what_it_has_not, setup),
        cmocka_unit_test_setup(test_control_characters, setup),
        cmocka_unit_test_setup(test_another_request, setup),
        cmocka_unit_test_setup(test_memory_is_short, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
