/*
 * A run of redelivered events: what is held, what settles it, and what the
 * zone is told.
 *
 * links: src/source/exchange/ngx_ess_exchange_run.c
 * links: src/source/exchange/ngx_ess_redelivery.c
 * links: t/unit/ngx_string.c t/unit/ngx_timer.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_exchange_run.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_timer.h"
#include "ngx_ess_counter.h"


static ngx_log_t                  quiet;
static ngx_ess_exchange_worker_t  worker;
static ngx_ess_exchange_run_t     run;
static size_t                     bytes;
static ngx_uint_t                 prefetch;
static ngx_int_t                  allocations;  /* until one fails */
static ngx_uint_t                 locked;

/* what the zone remembers, and was told */
static ngx_ess_mark_recent_t       zone;
static uint64_t                   remembered[8];
static ngx_uint_t                 forgotten;
static ngx_int_t                  doubt;

/* "10 20-": 10 was appended, 20 was a duplicate */
static char                       settled[256];


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return allocations-- == 0 ? NULL : malloc(size);
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void
ngx_ess_zone_lock(ngx_ess_zone_t *z)
{
    assert_int_equal(locked++, 0);
}


void
ngx_ess_zone_unlock(ngx_ess_zone_t *z)
{
    assert_int_equal(locked--, 1);
}


void
ngx_ess_counter_add(ngx_ess_zone_t *z, ngx_ess_counter_e counter, int64_t n)
{
    assert_int_equal(counter, NGX_ESS_C_REDELIVERED_IN_DOUBT);
    doubt += n;
}


void
ngx_ess_mark_acked_locked(ngx_ess_zone_t *z, ngx_uint_t slot)
{
    assert_int_equal(locked, 1);
    assert_int_equal(slot, 3);

    /* before anything of the run is appended */
    assert_string_equal(settled, "");

    forgotten++;
}


void
ngx_ess_mark_recent(ngx_ess_zone_t *z, ngx_uint_t slot,
    ngx_ess_mark_recent_t *recent)
{
    recent->appended = zone.appended;
    recent->acked = zone.acked;
    recent->n = zone.n;

    memcpy(recent->prints, remembered, zone.n * sizeof(uint64_t));
}


ngx_uint_t
ngx_ess_exchange_slot_prefetch(ngx_ess_exchange_worker_t *w)
{
    return prefetch;
}


size_t
ngx_ess_exchange_item_size(ngx_ess_exchange_item_t *item)
{
    return item->size;
}


ngx_ess_exchange_item_t *
ngx_ess_exchange_item_copy(ngx_ess_exchange_item_t *item)
{
    ngx_ess_exchange_item_t  *copy;

    copy = ngx_alloc(sizeof(ngx_ess_exchange_item_t), &quiet);
    if (copy) {
        *copy = *item;
    }

    return copy;
}


static void
settle(ngx_ess_exchange_slot_t *slot, ngx_ess_exchange_item_t *item,
    ngx_ess_exchange_run_verdict_e verdict)
{
    assert_ptr_equal(slot, &worker.slots[3]);

    sprintf(settled + strlen(settled), "%d%s ", (int) item->mark.print,
            verdict == NGX_ESS_EXCHANGE_RUN_DUPLICATE ? "-" : "");
}


static void
pause_handler(ngx_event_t *ev)
{
    if (!ngx_ess_exchange_run_wait(&run)) {
        ngx_ess_exchange_run_end(&run);
    }
}


static ngx_ess_exchange_run_verdict_e
push(uint64_t print)
{
    ngx_ess_exchange_item_t  item;

    memset(&item, 0, sizeof(ngx_ess_exchange_item_t));
    item.mark.print = print;
    item.size = 100;

    return ngx_ess_exchange_run_push(&run, &item);
}


/* the last n of 10, 20, 30, ... up to "last"; of them "unacked" */

static void
remember(ngx_uint_t last, ngx_uint_t n, ngx_uint_t unacked)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        remembered[i] = 10 * (last - n + 1 + i);
    }

    zone.n = n;
    zone.appended = last;
    zone.acked = last - unacked;
}


static int
setup(void **state)
{
    ngx_unit_timer_init();

    memset(&worker, 0, sizeof(worker));
    worker.log = &quiet;
    worker.slots[3].worker = &worker;
    worker.slots[3].number = 3;

    memset(&run, 0, sizeof(run));
    run.slot = &worker.slots[3];
    run.bytes = &bytes;
    run.settle = settle;
    run.pause.handler = pause_handler;

    ngx_ess_exchange_run_init(&run);

    prefetch = 100;
    allocations = -1;
    forgotten = 0;
    doubt = 0;
    settled[0] = '\0';

    return 0;
}


static int
teardown(void **state)
{
    ngx_ess_exchange_run_reset(&run);

    assert_int_equal(bytes, 0);
    assert_int_equal(run.nheld, 0);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_FRESH);
    assert_int_equal(ngx_unit_pending(), 0);

    return 0;
}


/* 30 to 50 were appended, 60 was not */

static void
test_proven(void **state)
{
    remember(5, 4, 3);

    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_HELD);
    assert_int_equal(push(40), NGX_ESS_EXCHANGE_RUN_HELD);
    assert_int_equal(bytes, 200);
    assert_int_equal(ngx_ess_exchange_item_first(&run.held)->mark.print, 30);

    assert_int_equal(push(50), NGX_ESS_EXCHANGE_RUN_DUPLICATE);
    assert_string_equal(settled, "30- 40- ");
    assert_null(ngx_ess_exchange_item_first(&run.held));

    assert_int_equal(push(60), NGX_ESS_EXCHANGE_RUN_NEW);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_PASSING);
    assert_int_equal(forgotten, 0);
    assert_int_equal(doubt, 0);
}


static void
test_nothing_was_appended(void **state)
{
    remember(5, 4, 0);

    assert_int_equal(push(60), NGX_ESS_EXCHANGE_RUN_NEW);
    assert_int_equal(push(70), NGX_ESS_EXCHANGE_RUN_NEW);
    assert_string_equal(settled, "");
}


/* fewer came again than were never acknowledged */

static void
test_forgets_first(void **state)
{
    remember(5, 4, 3);

    assert_int_equal(push(50), NGX_ESS_EXCHANGE_RUN_DUPLICATE);
    assert_int_equal(forgotten, 1);
}


static void
test_pause(void **state)
{
    remember(5, 4, 3);

    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_HELD);

    /* more must come: ten times */
    ngx_unit_pass(1050);
    assert_string_equal(settled, "");
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_HOLDING);

    ngx_unit_pass(100);
    assert_string_equal(settled, "30 ");
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_PASSING);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_unmarked(void **state)
{
    remember(5, 4, 3);

    /* the first one of the consumer */
    ngx_ess_exchange_run_unmarked(&run);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_NONE);
    assert_int_equal(forgotten, 1);

    /* in the midst of others */
    assert_int_equal(push(40), NGX_ESS_EXCHANGE_RUN_HELD);
    ngx_ess_exchange_run_unmarked(&run);
    assert_string_equal(settled, "40 ");
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_NONE);
    assert_int_equal(doubt, 1);
}


/* none would come as long as so many are held */

static void
test_prefetch(void **state)
{
    remember(5, 4, 3);
    prefetch = 2;

    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_HELD);
    assert_int_equal(push(40), NGX_ESS_EXCHANGE_RUN_DUPLICATE);
    assert_string_equal(settled, "30- ");
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_SKIPPING);

    assert_int_equal(push(50), NGX_ESS_EXCHANGE_RUN_DUPLICATE);
    assert_int_equal(push(60), NGX_ESS_EXCHANGE_RUN_NEW);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_PASSING);
}


static void
test_ends_while_skipping(void **state)
{
    test_prefetch(state);
    ngx_ess_exchange_run_reset(&run);
    settled[0] = '\0';

    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_HELD);
    assert_int_equal(push(40), NGX_ESS_EXCHANGE_RUN_DUPLICATE);

    ngx_ess_exchange_run_end(&run);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_PASSING);
}


static void
test_no_memory(void **state)
{
    remember(5, 4, 3);

    /* neither for a run ... */
    allocations = 0;
    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_NEW);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_PASSING);

    /* ... nor for what is held */
    ngx_ess_exchange_run_reset(&run);
    allocations = 1;
    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_DUPLICATE);
    assert_int_equal(run.state, NGX_ESS_EXCHANGE_RUN_SKIPPING);
}


static void
test_reset_while_holding(void **state)
{
    remember(5, 4, 3);

    assert_int_equal(push(30), NGX_ESS_EXCHANGE_RUN_HELD);
    ngx_ess_exchange_run_reset(&run);
    assert_string_equal(settled, "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_proven, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_was_appended, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_forgets_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unmarked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefetch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ends_while_skipping, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_while_holding, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
