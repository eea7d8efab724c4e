
/*
 * Runs of redelivered events: each is held, or found to be new or a duplicate,
 * as ngx_ess_redelivery.c decides.  What is held was not acknowledged, so the
 * broker still has it.  A run is its slot's own worker's.
 */


#include "ngx_ess_exchange_run.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_counter.h"


/* what is held while a run is being decided */
#define NGX_ESS_EXCHANGE_RUN_MAX         1024
#define NGX_ESS_EXCHANGE_RUN_BYTES       (8 * 1024 * 1024)  /* over all slots */

/* a run that pauses for so long is over; if more should come: so many times */
#define NGX_ESS_EXCHANGE_RUN_PAUSE       100    /* ms */
#define NGX_ESS_EXCHANGE_RUN_PATIENCE    10


static void ngx_ess_exchange_run_begin(ngx_ess_exchange_run_t *run);
static ngx_int_t ngx_ess_exchange_run_hold(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_item_t *item);
static ngx_ess_exchange_run_verdict_e ngx_ess_exchange_run_settle(
    ngx_ess_exchange_run_t *run);
static void ngx_ess_exchange_run_free(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_run_forget(ngx_ess_exchange_run_t *run);
static void ngx_ess_exchange_run_doubt(ngx_ess_exchange_run_t *run);
static void ngx_ess_exchange_run_over(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_run_e state);


void
ngx_ess_exchange_run_init(ngx_ess_exchange_run_t *run)
{
    ngx_queue_init(&run->held);

    run->pause.log = run->slot->worker->log;
    run->pause.cancelable = 1;
}


ngx_ess_exchange_run_verdict_e
ngx_ess_exchange_run_push(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_item_t *item)
{
    if (run->state == NGX_ESS_EXCHANGE_RUN_FRESH
        || run->state == NGX_ESS_EXCHANGE_RUN_NONE)
    {
        ngx_ess_exchange_run_begin(run);
    }

    run->length++;

    if (run->state == NGX_ESS_EXCHANGE_RUN_PASSING) {
        return NGX_ESS_EXCHANGE_RUN_NEW;
    }

    switch (ngx_ess_redelivery_push(run->redelivery, item->mark.print)) {

    case NGX_ESS_REDELIVERY_DUPLICATE:
        return NGX_ESS_EXCHANGE_RUN_DUPLICATE;

    case NGX_ESS_REDELIVERY_NEW:
        ngx_ess_exchange_run_over(run, NGX_ESS_EXCHANGE_RUN_PASSING);
        return NGX_ESS_EXCHANGE_RUN_NEW;

    case NGX_ESS_REDELIVERY_HOLD:

        if (ngx_ess_exchange_run_hold(run, item) == NGX_OK) {
            return NGX_ESS_EXCHANGE_RUN_HELD;
        }

        (void) ngx_ess_redelivery_end(run->redelivery, 0);
        break;

    default: /* NGX_ESS_REDELIVERY_DECIDED */
        break;
    }

    return ngx_ess_exchange_run_settle(run);
}


static void
ngx_ess_exchange_run_begin(ngx_ess_exchange_run_t *run)
{
    ngx_ess_redelivery_t       *r;
    ngx_ess_mark_recent_t       recent;
    ngx_ess_exchange_worker_t  *w;

    w = run->slot->worker;

    r = ngx_alloc(sizeof(ngx_ess_redelivery_t), w->log);
    if (r == NULL) {
        run->state = NGX_ESS_EXCHANGE_RUN_PASSING;
        return;
    }

    ngx_memzero(&recent, sizeof(ngx_ess_mark_recent_t));
    recent.prints = r->prints;

    ngx_ess_mark_recent(w->zone, run->slot->number, &recent);

    if (run->state == NGX_ESS_EXCHANGE_RUN_NONE) {
        /*
         * In the midst of deliveries that this worker will acknowledge: the
         * queue failed over, or an operator put something back.  Nothing is
         * known of how many come again.
         */
        recent.acked = recent.appended;
    }

    ngx_ess_redelivery_init(r, &recent);

    run->redelivery = r;
    run->state = NGX_ESS_EXCHANGE_RUN_HOLDING;
    run->length = 0;
    run->patience = NGX_ESS_EXCHANGE_RUN_PATIENCE;
}


/* keeps a copy; NGX_DECLINED: no more can be kept, or none would come */

static ngx_int_t
ngx_ess_exchange_run_hold(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_item_t *item)
{
    ngx_ess_exchange_item_t  *copy;

    if (run->nheld + 1 >= NGX_ESS_EXCHANGE_RUN_MAX
        || *run->bytes + ngx_ess_exchange_item_size(item)
           > NGX_ESS_EXCHANGE_RUN_BYTES
        || run->length >= ngx_ess_exchange_slot_prefetch(run->slot->worker))
    {
        return NGX_DECLINED;
    }

    copy = ngx_ess_exchange_item_copy(item);
    if (copy == NULL) {
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&run->held, &copy->queue);

    run->nheld++;
    *run->bytes += copy->size;

    ngx_add_timer(&run->pause, NGX_ESS_EXCHANGE_RUN_PAUSE);

    return NGX_OK;
}


/* it is decided; returns what is to be done with the next one */

static ngx_ess_exchange_run_verdict_e
ngx_ess_exchange_run_settle(ngx_ess_exchange_run_t *run)
{
    ngx_uint_t                i, duplicates;
    ngx_ess_redelivery_t     *r;
    ngx_ess_exchange_item_t  *item;

    r = run->redelivery;
    duplicates = r->duplicates;

    if (duplicates < r->least) {
        ngx_ess_exchange_run_forget(run);
    }

    ngx_ess_exchange_run_doubt(run);

    for (i = 0; (item = ngx_ess_exchange_item_first(&run->held)) != NULL; i++) {
        run->settle(run->slot, item, (i < duplicates)
                                     ? NGX_ESS_EXCHANGE_RUN_DUPLICATE
                                     : NGX_ESS_EXCHANGE_RUN_NEW);
        ngx_ess_exchange_run_free(run, item);
    }

    if (ngx_ess_redelivery_expects(r)) {
        run->state = NGX_ESS_EXCHANGE_RUN_SKIPPING;

    } else {
        ngx_ess_exchange_run_over(run, NGX_ESS_EXCHANGE_RUN_PASSING);
    }

    return (i < duplicates) ? NGX_ESS_EXCHANGE_RUN_DUPLICATE
                            : NGX_ESS_EXCHANGE_RUN_NEW;
}


static void
ngx_ess_exchange_run_free(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_item_t *item)
{
    ngx_queue_remove(&item->queue);

    run->nheld--;
    *run->bytes -= item->size;

    ngx_free(item);
}


static void
ngx_ess_exchange_run_doubt(ngx_ess_exchange_run_t *run)
{
    ngx_ess_counter_add(run->slot->worker->zone, NGX_ESS_C_REDELIVERED_IN_DOUBT,
                        run->redelivery->doubt);
    run->redelivery->doubt = 0;
}


static void
ngx_ess_exchange_run_over(ngx_ess_exchange_run_t *run,
    ngx_ess_exchange_run_e state)
{
    if (run->redelivery) {
        ngx_ess_exchange_run_doubt(run);

        ngx_free(run->redelivery);
        run->redelivery = NULL;
    }

    if (run->pause.timer_set) {
        ngx_del_timer(&run->pause);
    }

    run->state = state;
}


/* a slow link, or a large event on its way */

ngx_uint_t
ngx_ess_exchange_run_wait(ngx_ess_exchange_run_t *run)
{
    if (run->state != NGX_ESS_EXCHANGE_RUN_HOLDING
        || run->patience == 0
        || !ngx_ess_redelivery_expects(run->redelivery))
    {
        return 0;
    }

    run->patience--;
    ngx_add_timer(&run->pause, NGX_ESS_EXCHANGE_RUN_PAUSE);

    return 1;
}


void
ngx_ess_exchange_run_end(ngx_ess_exchange_run_t *run)
{
    if (run->state == NGX_ESS_EXCHANGE_RUN_HOLDING) {
        (void) ngx_ess_redelivery_end(run->redelivery, 1);
        (void) ngx_ess_exchange_run_settle(run);

    } else if (run->state == NGX_ESS_EXCHANGE_RUN_SKIPPING) {
        ngx_ess_exchange_run_over(run, NGX_ESS_EXCHANGE_RUN_PASSING);
    }
}


void
ngx_ess_exchange_run_unmarked(ngx_ess_exchange_run_t *run)
{
    if (run->state == NGX_ESS_EXCHANGE_RUN_FRESH) {
        ngx_ess_exchange_run_forget(run);

    } else {
        ngx_ess_exchange_run_end(run);
    }

    run->state = NGX_ESS_EXCHANGE_RUN_NONE;
}


/* What the zone says was never acknowledged did not come again, so it never
   will: a later run must not be measured by it. */

static void
ngx_ess_exchange_run_forget(ngx_ess_exchange_run_t *run)
{
    ngx_ess_zone_t  *zone;

    zone = run->slot->worker->zone;

    ngx_ess_zone_lock(zone);
    ngx_ess_mark_acked_locked(zone, run->slot->number);
    ngx_ess_zone_unlock(zone);
}


void
ngx_ess_exchange_run_reset(ngx_ess_exchange_run_t *run)
{
    ngx_ess_exchange_item_t  *item;

    while ((item = ngx_ess_exchange_item_first(&run->held)) != NULL) {
        ngx_ess_exchange_run_free(run, item);
    }

    ngx_ess_exchange_run_over(run, NGX_ESS_EXCHANGE_RUN_FRESH);

    run->length = 0;
}
