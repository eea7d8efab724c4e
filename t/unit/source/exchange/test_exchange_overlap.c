/*
 * Events that are in the slot's queue and in its former one: each is found
 * once, for as long as some may come.
 *
 * links: src/source/exchange/ngx_ess_exchange_overlap.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_print.h"
#include "ngx_ess_exchange_slot.h"


static ngx_log_t                  quiet;
static ngx_ess_exchange_worker_t  worker;
static ngx_ess_exchange_slot_t   *slot = &worker.slots[3];
static ngx_uint_t                 failing;

/* what the zone remembers */
static uint64_t                   prints[8];
static ngx_uint_t                 nprints;

volatile ngx_msec_t               ngx_current_msec;

/* of the next event */
static size_t                     key;


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return failing ? NULL : calloc(1, size);
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    return (uint32_t) len;
}


/* of a classic queue; that of a quorum queue is the test's */

uint64_t
ngx_ess_exchange_print(ngx_str_t *key, ngx_str_t *properties, ngx_str_t *body,
    ngx_uint_t quorum)
{
    assert_int_equal(quorum, 0);

    return 1000 + body->len;
}


ngx_uint_t
ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w)
{
    return 2;
}


ngx_uint_t
ngx_ess_mark_prints(ngx_ess_zone_t *zone, ngx_uint_t number, uint64_t mark,
    uint64_t *p)
{
    assert_int_equal(number, 3);
    assert_int_equal(mark, 77);

    memcpy(p, prints, nprints * sizeof(uint64_t));

    return nprints;
}


/* one with that print, or of so many bytes, comes from the slot's queue */

static ngx_uint_t
had(uint64_t print, size_t len)
{
    ngx_ess_amqp_delivery_t  delivery;

    memset(&delivery, 0, sizeof(ngx_ess_amqp_delivery_t));
    delivery.body.len = len;
    delivery.key.len = key;

    return ngx_ess_exchange_overlap_had(slot, &delivery, print);
}


static void
remember(const uint64_t *p, ngx_uint_t n, uint64_t left)
{
    memcpy(prints, p, n * sizeof(uint64_t));
    nprints = n;

    ngx_ess_exchange_overlap_remember(slot, 77);

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    ngx_ess_exchange_overlap_count(slot, left);
    ngx_ess_exchange_overlap_arrived(slot);
}


static int
setup(void **state)
{
    memset(&worker, 0, sizeof(worker));
    worker.log = &quiet;
    slot->worker = &worker;
    slot->number = 3;
    failing = 0;
    key = 1;
    ngx_current_msec = 1000;

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_exchange_overlap_forget(slot);
    assert_null(slot->overlap);

    return 0;
}


static void
test_each_once(void **state)
{
    static const uint64_t  p[] = { 30, 10, 1005, 20 };

    remember(p, 4, 100);

    assert_int_equal(had(20, 0), 1);
    assert_int_equal(had(20, 0), 0);
    assert_int_equal(had(15, 0), 0);
    assert_int_equal(had(30, 0), 1);
    assert_int_equal(had(10, 0), 1);

    /* a worker that left took it from a classic queue */
    assert_int_equal(had(16, 5), 1);
    assert_int_equal(had(16, 5), 0);
}


static void
test_what_is_there_twice(void **state)
{
    static const uint64_t  p[] = { 10, 20, 20, 30, 30, 30 };

    remember(p, 6, 100);

    assert_int_equal(had(20, 0), 0);
    assert_int_equal(had(30, 0), 0);
    assert_int_equal(had(10, 0), 1);
}


static void
test_ends(void **state)
{
    static const uint64_t  p[] = { 10, 20, 30 };

    remember(p, 3, 2);

    assert_int_equal(had(20, 0), 1);
    assert_int_equal(had(5, 0), 0);
    assert_non_null(slot->overlap);

    ngx_current_msec += 250;

    assert_int_equal(had(10, 0), 0);
    assert_null(slot->overlap);
    assert_int_equal(had(10, 0), 0);
}


/* it was sent before it was counted: it is among the first of its key, and
   comes soon */

static void
test_late(void **state)
{
    static const uint64_t  p[] = { 10, 20, 30, 40 };

    remember(p, 4, 0);

    ngx_current_msec += 249;

    assert_int_equal(had(10, 0), 1);
    assert_int_equal(had(20, 0), 1);
    assert_int_equal(had(5, 0), 0);
    assert_int_equal(had(30, 0), 0);

    key = 2;
    assert_int_equal(had(30, 0), 1);
    assert_int_equal(had(6, 0), 0);

    ngx_ess_exchange_overlap_again(slot);
    assert_int_equal(had(10, 0), 1);
    assert_int_equal(had(6, 0), 0);
    assert_int_equal(had(40, 0), 0);
}


/* until all that was sent has arrived, it does not end */

static void
test_under_way(void **state)
{
    static const uint64_t  p[] = { 10, 20, 30 };

    remember(p, 3, 0);
    ngx_ess_exchange_overlap_count(slot, 0);

    ngx_current_msec += 5000;

    assert_int_equal(had(10, 0), 1);

    ngx_ess_exchange_overlap_arrived(slot);
    ngx_current_msec += 249;

    assert_int_equal(had(20, 0), 1);

    ngx_current_msec += 1;

    assert_int_equal(had(30, 0), 0);
    assert_null(slot->overlap);
}


/* what was sent before it was counted comes first: so many that none of those
   counted would be left */

static void
test_more_on_its_way_than_counted(void **state)
{
    static const uint64_t  p[] = { 10, 20, 30, 40, 50 };

    remember(p, 5, 0);
    ngx_ess_exchange_overlap_count(slot, 2);

    assert_int_equal(had(10, 0), 1);
    assert_int_equal(had(20, 0), 1);
    assert_int_equal(had(30, 0), 1);

    ngx_ess_exchange_overlap_arrived(slot);
    ngx_current_msec += 250;

    assert_int_equal(had(40, 0), 1);
    assert_int_equal(had(50, 0), 1);
    assert_non_null(slot->overlap);

    assert_int_equal(had(40, 0), 0);
    assert_null(slot->overlap);
}


/* what was counted, or is not yet, need not be in order */

static void
test_counted(void **state)
{
    static const uint64_t  p[] = { 10, 20 };

    remember(p, 2, 2);

    assert_int_equal(had(5, 0), 0);
    assert_int_equal(had(10, 0), 1);
    assert_int_equal(had(20, 0), 0);

    ngx_ess_exchange_overlap_remember(slot, 77);

    assert_int_equal(had(5, 0), 0);
    assert_int_equal(had(10, 0), 1);
    ngx_ess_exchange_overlap_again(slot);
    ngx_current_msec += 250;
    assert_int_equal(had(10, 0), 1);

    ngx_ess_exchange_overlap_count(slot, 0);
    ngx_ess_exchange_overlap_arrived(slot);
    ngx_current_msec += 250;
    assert_int_equal(had(20, 0), 0);
    assert_null(slot->overlap);
}


static void
test_comes_again(void **state)
{
    static const uint64_t  p[] = { 10, 20, 30 };

    remember(p, 3, 1);

    assert_int_equal(had(20, 0), 1);
    ngx_ess_exchange_overlap_again(slot);
    assert_int_equal(had(20, 0), 1);
    assert_int_equal(had(10, 0), 1);

    ngx_current_msec += 250;
    assert_int_equal(had(30, 0), 0);
    assert_null(slot->overlap);

    /* nothing to remember */
    ngx_ess_exchange_overlap_again(slot);
}


static void
test_former_queue(void **state)
{
    static const uint64_t  p[] = { 10 };

    remember(p, 1, 1);

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;
    assert_int_equal(had(10, 0), 0);
    assert_non_null(slot->overlap);

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    assert_int_equal(had(10, 0), 1);
}


static void
test_no_memory(void **state)
{
    static const uint64_t  p[] = { 10 };

    remember(p, 1, 1);

    failing = 1;
    ngx_ess_exchange_overlap_remember(slot, 77);
    assert_null(slot->overlap);
    assert_int_equal(had(10, 0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_there_twice, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_on_its_way_than_counted,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_comes_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_former_queue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
