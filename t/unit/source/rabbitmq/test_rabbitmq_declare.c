/*
 * What RabbitMQ streams are declared with: each option becomes an argument, and
 * what is not given none.
 *
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_declare.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_rabbitmq_declare.h"


static ngx_ess_source_options_t     options;
static ngx_ess_rabbitmq_declare_t  *declare;
static amqp_table_entry_t           arguments[NGX_ESS_RABBITMQ_DECLARE_N];


static int
setup(void **state)
{
    ngx_memzero(&options, sizeof(options));
    declare = (ngx_ess_rabbitmq_declare_t *) &options;

    return 0;
}


static ngx_uint_t
is(amqp_bytes_t bytes, const char *text)
{
    return bytes.len == strlen(text)
           && memcmp(bytes.bytes, text, bytes.len) == 0;
}


static void
test_nothing_given_is_the_brokers_default(void **state)
{
    assert_int_equal(ngx_ess_rabbitmq_declare(&options, arguments), 1);

    assert_true(is(arguments[0].key, "x-queue-type"));
    assert_true(is(arguments[0].value.value.bytes, "stream"));
}


static void
test_each_option_is_an_argument(void **state)
{
    declare->max_length = 1000;
    declare->max_segment = 500;
    strcpy((char *) declare->max_age, "7D");

    assert_int_equal(ngx_ess_rabbitmq_declare(&options, arguments),
                     NGX_ESS_RABBITMQ_DECLARE_N);

    assert_true(is(arguments[1].key, "x-max-length-bytes"));
    assert_int_equal(arguments[1].value.kind, AMQP_FIELD_KIND_I64);
    assert_int_equal(arguments[1].value.value.i64, 1000);

    assert_true(is(arguments[2].key, "x-max-age"));
    assert_int_equal(arguments[2].value.kind, AMQP_FIELD_KIND_UTF8);
    assert_true(is(arguments[2].value.value.bytes, "7D"));

    assert_true(is(arguments[3].key, "x-stream-max-segment-size-bytes"));
    assert_int_equal(arguments[3].value.value.i64, 500);
}


static void
test_one_option_leaves_no_hole(void **state)
{
    declare->max_segment = 500;

    assert_int_equal(ngx_ess_rabbitmq_declare(&options, arguments), 2);
    assert_true(is(arguments[1].key, "x-stream-max-segment-size-bytes"));
}


static void
test_options_fit(void **state)
{
    const ngx_ess_source_option_t  *option;

    assert_true(sizeof(ngx_ess_rabbitmq_declare_t) <= sizeof(options));

    for (option = ngx_ess_rabbitmq_declare_options; option->name.len; option++)
    {
        if (option->valid) {
            assert_int_equal(option->valid("7D"), 1);
            assert_int_equal(option->valid("999999999s"), 1);
            assert_int_equal(option->valid("1000000000s"), 0);
            assert_int_equal(option->valid("7"), 0);
            assert_int_equal(option->valid(""), 0);
        }
    }
}


#define t(test)  cmocka_unit_test_setup(test, setup)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        t(test_nothing_given_is_the_brokers_default),
        t(test_each_option_is_an_argument),
        t(test_one_option_leaves_no_hole),
        t(test_options_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
