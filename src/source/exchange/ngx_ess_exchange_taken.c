
/*
 * As long as a worker that is to leave consumes either of a slot's queues, it
 * may bind keys to its own, and unbind them from the other one: "queues=" may
 * have been changed back before it was done.  So both are asked for their
 * consumers, by turns.  The slot has none meanwhile: any that there is belongs
 * to others.  One of the two is a quorum queue, and what that says may be no
 * answer: see ngx_ess_exchange_former.c.  All state is the slot's own worker's.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_taken.h"
#include "ngx_ess_mark.h"


/* ms between two questions; less and less often while there is a consumer */
#define NGX_ESS_EXCHANGE_TAKEN_WAIT      50
#define NGX_ESS_EXCHANGE_TAKEN_WAIT_MAX  1000

/* answers in a row, of both together */
#define NGX_ESS_EXCHANGE_TAKEN_NOBODY    4


static void ngx_ess_exchange_taken_wait(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_taken_end(ngx_ess_exchange_slot_t *slot);


void
ngx_ess_exchange_taken(ngx_ess_exchange_slot_t *slot)
{
    slot->former.state = NGX_ESS_EXCHANGE_FORMER_TAKEN;
    slot->former.own = 0;
    slot->former.nobody = 0;
    slot->former.wait = NGX_ESS_EXCHANGE_TAKEN_WAIT;
}


ngx_str_t *
ngx_ess_exchange_taken_due(ngx_ess_exchange_slot_t *slot)
{
    if (ngx_current_msec - slot->former.looked < slot->former.wait) {
        return NULL;
    }

    return slot->former.own ? &slot->queue.name : &slot->former.name;
}


void
ngx_ess_exchange_taken_answered(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok)
{
    if (ok->consumer_count) {
        ngx_ess_exchange_taken_wait(slot);
        return;
    }

    slot->former.nobody++;
    slot->former.own = !slot->former.own;
    slot->former.wait = NGX_ESS_EXCHANGE_TAKEN_WAIT;

    if (slot->former.nobody == NGX_ESS_EXCHANGE_TAKEN_NOBODY) {
        ngx_ess_exchange_taken_end(slot);
    }
}


/*
 * This worker stands by as one whose consumer waits behind another does: else
 * the slot would be missing wherever it is waited for before the others are
 * told to leave.
 */

static void
ngx_ess_exchange_taken_wait(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    ngx_ess_broker_consumed(w->zone, slot->number, 1);

    slot->former.nobody = 0;

    if (slot->former.wait == NGX_ESS_EXCHANGE_TAKEN_WAIT_MAX) {
        return;
    }

    slot->former.wait = ngx_min(2 * slot->former.wait,
                                NGX_ESS_EXCHANGE_TAKEN_WAIT_MAX);

    if (slot->former.wait == NGX_ESS_EXCHANGE_TAKEN_WAIT_MAX) {
        ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                      "queue \"%V\" is still consumed by others, slot %ui "
                      "waits until they have left it",
                      slot->former.own ? &slot->queue.name
                                       : &slot->former.name,
                      slot->number);
    }
}


/* What others appended until now was never in both queues. */

static void
ngx_ess_exchange_taken_end(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;
    slot->former.counted = w->conf->quorum;

    if (!slot->former.marked) {
        slot->former.marked = 1;
        slot->former.mark = ngx_ess_mark_appended(w->zone, slot->number);
    }
}
