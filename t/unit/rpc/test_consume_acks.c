/*
 * Acknowledgements: as few as may be, never for what is in work, refused or
 * held back.
 *
 * links: src/rpc/ngx_ess_consume_acks.c t/unit/ngx_trace.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_acks.h"
#include "ngx_trace.h"


#define ACK      NGX_ESS_CONSUME_SETTLE_ACK
#define REJECT   NGX_ESS_CONSUME_SETTLE_REJECT
#define REQUEUE  NGX_ESS_CONSUME_SETTLE_REQUEUE


static ngx_ess_consume_acks_t  acks;
static ngx_uint_t              behind;      /* the socket takes none from this
                                               one on; 0: all */


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


static ngx_int_t
takes(void)
{
    return (behind && --behind == 0) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    if (takes() != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_unit_trace("all to %d", (int) tag);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_ack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag)
{
    if (takes() != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_unit_trace("ack %d", (int) tag);

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_nack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t requeue)
{
    if (takes() != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_unit_trace("%s %d", requeue ? "requeue" : "reject", (int) tag);

    return NGX_OK;
}


static void
add(uint64_t tag, ngx_ess_consume_settle_e how)
{
    assert_int_equal(ngx_ess_consume_acks_room(&acks, acks.nelts + 1, NULL),
                     NGX_OK);
    ngx_ess_consume_acks_add(&acks, tag, how);
}


static ngx_int_t
sends(uint64_t oldest, ngx_uint_t requeue)
{
    return ngx_ess_consume_acks_send(&acks, NULL, oldest, requeue);
}


static int
setup(void **state)
{
    ngx_unit_trace_clear();
    behind = 0;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_consume_acks_free(&acks);

    return 0;
}


static void
test_one_for_all_that_are_done(void **state)
{
    add(3, ACK);
    add(1, ACK);
    add(2, ACK);
    assert_int_equal(sends(UINT64_MAX, 1), NGX_OK);
    ngx_unit_traced("all to 3");
    assert_int_equal(sends(UINT64_MAX, 1), NGX_OK);
    ngx_unit_traced();
}


static void
test_not_for_what_is_in_work(void **state)
{
    add(1, ACK);
    add(5, ACK);
    add(2, ACK);
    add(4, ACK);
    assert_int_equal(sends(3, 1), NGX_OK);
    ngx_unit_traced("all to 2", "ack 5", "ack 4");
}


static void
test_not_for_what_is_refused(void **state)
{
    add(1, ACK);
    add(2, REJECT);
    add(3, REQUEUE);
    add(4, ACK);
    assert_int_equal(sends(UINT64_MAX, 1), NGX_OK);
    ngx_unit_traced("reject 2", "requeue 3", "all to 4");
}


static void
test_not_for_what_is_held_back(void **state)
{
    add(1, ACK);
    add(2, REQUEUE);
    add(3, ACK);
    assert_int_equal(sends(UINT64_MAX, 0), NGX_OK);
    ngx_unit_traced("all to 1", "ack 3");
    assert_int_equal(acks.nelts, 1);
    assert_int_equal(sends(UINT64_MAX, 1), NGX_OK);
    ngx_unit_traced("requeue 2");
    assert_int_equal(acks.nelts, 0);
}


/* what it did not take is sent once, later, and in the same order of things */

static void
test_socket_that_is_behind(void **state)
{
    add(1, ACK);
    add(2, REJECT);
    add(3, ACK);
    add(5, ACK);

    behind = 1;
    assert_int_equal(sends(4, 1), NGX_AGAIN);
    ngx_unit_traced();

    behind = 2;
    assert_int_equal(sends(4, 1), NGX_AGAIN);
    ngx_unit_traced("reject 2");

    behind = 2;
    assert_int_equal(sends(4, 1), NGX_AGAIN);
    ngx_unit_traced("all to 3");

    assert_int_equal(sends(4, 1), NGX_OK);
    ngx_unit_traced("ack 5");
    assert_int_equal(acks.nelts, 0);
}


int
main(void)
{
#define t(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

    const struct CMUnitTest  tests[] = {
        t(test_one_for_all_that_are_done),
        t(test_not_for_what_is_in_work),
        t(test_not_for_what_is_refused),
        t(test_not_for_what_is_held_back),
        t(test_socket_that_is_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
