
/*
 * The queue that a slot had when "queues=" of ess_amqp was set otherwise.  As
 * long as there is one, the slot's consumer takes from it, and each key is
 * bound to the slot's queue, then unbound from it.  When nothing is left in it,
 * the slot's queue has its turn.  All state is the slot's own worker's.
 *
 *   UNKNOWN ──► LOOKUP ──► NONE
 *                  │   ◄──► AWAY
 *                  ▼
 *                TAKEN ──► BOUND ──► UNBOUND ──► EMPTY ──► LEFT ──► DELETE
 *                             ▲                   │          │
 *                             └── something came ◄┴──────────┤
 *                                                            ▼
 *                                    NONE ◄── COUNTED ◄── COUNT
 *
 * As long as others, who are to leave, consume either of the two, no key is
 * bound or unbound, and nothing is read: see ngx_ess_exchange_taken.c.
 *
 * It is never deleted while it has a consumer: the broker would forget what it
 * has sent and was not acknowledged.  That is why its channel is closed first,
 * once for all own slots, and a classic queue then deleted if it is unused and
 * empty.  The broker deletes no quorum queue on conditions: it stays, without
 * bindings, until it expires.
 *
 * Nor does a quorum queue count what it has yet to write.  The start of a
 * consumer is written behind that: so such a queue is empty when it says so and
 * a consumer was started since the last key was unbound from it.  For the same
 * reason the slot's queue is counted when its own consumer was started.  And it
 * counts what a consumer did not acknowledge only some time after the end of
 * that: until then it counts the consumer.
 *
 * For a quorum queue whose leader does not answer within a quarter of a second,
 * or that has none, the broker says that it has no messages and no consumers.
 * Where there is a consumer for certain such an answer is seen through.  Where
 * there may be none it has to be given more than once: an election that takes
 * longer may still be taken for an empty queue.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_count.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_former.h"
#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_taken.h"


#define NGX_ESS_EXCHANGE_FORMER_TICK     50 /* ms */
#define NGX_ESS_EXCHANGE_FORMER_AGAIN    5000   /* ms until one that is away is
                                               looked up again */

/* answers in a row that a quorum queue is empty and has no consumers */
#define NGX_ESS_EXCHANGE_FORMER_NOBODY   2


static void ngx_ess_exchange_former_look(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_declare(ngx_ess_exchange_slot_t *slot,
    ngx_str_t *queue);
static void ngx_ess_exchange_former_delete(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_former_looked(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok, ngx_int_t rc, ngx_uint_t code,
    ngx_str_t *text);
static void ngx_ess_exchange_former_found(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_refused(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_counted(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok);
static void ngx_ess_exchange_former_left(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok);
static void ngx_ess_exchange_former_deleted(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code);
static void ngx_ess_exchange_former_tick(ngx_event_t *ev);
static void ngx_ess_exchange_former_tick_one(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_leave(ngx_ess_exchange_worker_t *w);
static ngx_uint_t ngx_ess_exchange_former_closable(
    ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_former_close(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_former_drop(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t closed);


void
ngx_ess_exchange_former_init(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_worker_event(w, &w->former_timer,
                                  ngx_ess_exchange_former_tick);
}


void
ngx_ess_exchange_former_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_overlap_forget(&w->slots[i]);
    }
}


void
ngx_ess_exchange_former(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (!slot->own || slot->former.busy) {
            continue;
        }

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_UNKNOWN
            && slot->queue.state == NGX_ESS_EXCHANGE_READY)
        {
            ngx_ess_exchange_former_look(slot);

        } else if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_COUNT
                   && slot->consuming)
        {
            ngx_ess_exchange_former_declare(slot, &slot->queue.name);
        }
    }
}


static void
ngx_ess_exchange_former_look(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    if (ngx_ess_broker_queue(w->zone, slot->number, !w->conf->quorum)
        != NGX_ESS_BROKER_THERE)
    {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
        return;
    }

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_LOOKUP;

    ngx_ess_exchange_former_declare(slot, &slot->former.name);
}


/* passively: is it there, with how many messages and consumers? */

static void
ngx_ess_exchange_former_declare(ngx_ess_exchange_slot_t *slot,
    ngx_str_t *queue)
{
    amqp_queue_declare_t  *m;

    m = ngx_ess_amqp_op_init(&slot->former.op, AMQP_QUEUE_DECLARE_METHOD,
                             ngx_ess_exchange_former_answered, slot);

    m->queue = ngx_ess_exchange_worker_bytes(queue);
    m->passive = 1;

    slot->former.busy = 1;
    slot->former.looked = ngx_current_msec;

    ngx_ess_amqp_op(slot->worker->admin, &slot->former.op);
}


static void
ngx_ess_exchange_former_delete(ngx_ess_exchange_slot_t *slot)
{
    amqp_queue_delete_t  *m;

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_DELETE;

    m = ngx_ess_amqp_op_init(&slot->former.op, AMQP_QUEUE_DELETE_METHOD,
                             ngx_ess_exchange_former_answered, slot);

    m->queue = ngx_ess_exchange_worker_bytes(&slot->former.name);
    m->if_unused = 1;
    m->if_empty = 1;

    slot->former.busy = 1;

    ngx_ess_amqp_op(slot->worker->admin, &slot->former.op);
}


static void
ngx_ess_exchange_former_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    amqp_queue_declare_ok_t  *ok;
    ngx_ess_exchange_slot_t  *slot;

    slot = op->data;

    slot->former.busy = 0;

    if (rc == NGX_ABORT) {
        ngx_ess_exchange_former_drop(slot, 1);
        return;
    }

    /* but of a deletion */

    ok = (rc == NGX_OK) ? reply : NULL;

    switch (slot->former.state) {

    case NGX_ESS_EXCHANGE_FORMER_LOOKUP:
        ngx_ess_exchange_former_looked(slot, ok, rc, code, text);
        break;

    case NGX_ESS_EXCHANGE_FORMER_TAKEN:

        if (ok) {
            ngx_ess_exchange_taken_answered(slot, ok);

        } else {
            ngx_ess_exchange_former_refused(slot);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_UNBOUND:
        ngx_ess_exchange_former_counted(slot, ok);
        break;

    case NGX_ESS_EXCHANGE_FORMER_LEFT:
        ngx_ess_exchange_former_left(slot, ok);
        break;

    case NGX_ESS_EXCHANGE_FORMER_DELETE:
        ngx_ess_exchange_former_deleted(slot, rc, code);
        break;

    case NGX_ESS_EXCHANGE_FORMER_COUNT:

        if (ngx_ess_exchange_count(slot, ok) != NGX_OK) {
            ngx_add_timer(&slot->worker->former_timer,
                          NGX_ESS_EXCHANGE_FORMER_TICK);
            return;
        }

        break;

    default:
        /* its consumer, or the session, went meanwhile */
        break;
    }

    ngx_ess_exchange_worker_kick(slot->worker);
}


static void
ngx_ess_exchange_former_looked(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok, ngx_int_t rc, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    /* it may have been away, and the slot's queue in use */

    if (ok && (slot->consuming ? ngx_ess_exchange_former_closable(w)
                               : !ngx_ess_exchange_consumer_asked(slot)))
    {
        ngx_ess_exchange_former_found(slot);
        return;
    }

    if (code == AMQP_NOT_FOUND
        && ngx_strlcasestrn(text->data, text->data + text->len,
                            (u_char *) "no queue", 8 - 1))
    {
        ngx_ess_broker_set_queue(w->zone, slot->number, !w->conf->quorum,
                                 NGX_ESS_BROKER_GONE);
        slot->former.state = slot->overlap ? NGX_ESS_EXCHANGE_FORMER_COUNT
                                           : NGX_ESS_EXCHANGE_FORMER_NONE;
        return;
    }

    if (rc != NGX_OK) {
        ngx_ess_amqp_trouble_once(w->session, NGX_LOG_WARN,
                                  "a queue that was left behind cannot be"
                                  " emptied", code, text);
    }

    if (code == AMQP_ACCESS_REFUSED) {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
        return;
    }

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_AWAY;

    if (!w->former_timer.timer_set) {
        ngx_add_timer(&w->former_timer, NGX_ESS_EXCHANGE_FORMER_AGAIN);
    }
}


static void
ngx_ess_exchange_former_found(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    if (!slot->former.found) {
        slot->former.found = 1;
        slot->former.marked = 0;

        ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                      "queue \"%V\" was left behind and is emptied before "
                      "queue \"%V\" is consumed",
                      &slot->former.name, &slot->queue.name);
    }

    ngx_ess_exchange_taken(slot);

    ngx_add_timer(&w->former_timer, NGX_ESS_EXCHANGE_FORMER_TICK);

    if (slot->consuming) {
        /* it was away: what is in it is late, but not lost */
        ngx_ess_exchange_former_close(w);
    }
}


/* what was asked of a queue that is or was there: looked up again, which tells
   why */

static void
ngx_ess_exchange_former_refused(ngx_ess_exchange_slot_t *slot)
{
    if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_TAKEN
        && slot->former.own)
    {
        ngx_ess_exchange_slot_gone(slot);
    }

    ngx_ess_exchange_former_drop(slot, 0);
}


ngx_uint_t
ngx_ess_exchange_former_bound(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i, slots;

    slots = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (w->slots[i].consuming
            && w->slots[i].former.state == NGX_ESS_EXCHANGE_FORMER_BOUND)
        {
            slots |= (ngx_uint_t) 1 << i;
        }
    }

    return slots;
}


void
ngx_ess_exchange_former_unbound(ngx_ess_exchange_worker_t *w, ngx_uint_t slots)
{
    ngx_uint_t  i;

    slots &= ngx_ess_exchange_former_bound(w);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (slots & ((ngx_uint_t) 1 << i)) {
            w->slots[i].former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;
            ngx_add_timer(&w->former_timer, NGX_ESS_EXCHANGE_FORMER_TICK);
        }
    }
}


/* of the former queue, which the slot consumes */

static void
ngx_ess_exchange_former_counted(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok)
{
    if (ok == NULL) {
        ngx_ess_exchange_former_refused(slot);
        return;
    }

    /* of more consumers, one that is about to end may give some of it back;
       without any it is no answer */

    if (ok->message_count == 0 && ok->consumer_count == 1
        && ngx_ess_exchange_delivery_idle(slot))
    {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_EMPTY;
        ngx_ess_exchange_former_leave(slot->worker);
    }
}


/* of the former queue, which the slot consumes no more */

static void
ngx_ess_exchange_former_left(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok)
{
    if (ok == NULL) {
        ngx_ess_exchange_former_refused(slot);
        return;
    }

    if (ok->consumer_count) {
        /* it may give some of it back */
        slot->former.nobody = 0;
        return;
    }

    if (ok->message_count || !slot->former.counted) {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;

    } else if (slot->worker->conf->quorum) {
        ngx_ess_exchange_former_delete(slot);

    } else if (++slot->former.nobody >= NGX_ESS_EXCHANGE_FORMER_NOBODY) {
        ngx_ess_exchange_former_deleted(slot, NGX_OK, 0);
    }
}


static void
ngx_ess_exchange_former_deleted(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code)
{
    if (rc == NGX_DECLINED && code == AMQP_PRECONDITION_FAILED) {
        /* in use, or not empty */
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;
        return;
    }

    /* without the right to delete it, it stays until it expires */

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_COUNT;
}


static void
ngx_ess_exchange_former_tick(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_msec_t                  next;
    ngx_ess_exchange_worker_t  *w;
    ngx_ess_exchange_slot_t    *slot;

    w = ev->data;
    next = 0;

    if (w->draining || w->admin == NULL) {
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (!slot->former.busy) {
            ngx_ess_exchange_former_tick_one(slot);
        }

        if (slot->former.state > NGX_ESS_EXCHANGE_FORMER_AWAY) {
            next = NGX_ESS_EXCHANGE_FORMER_TICK;

        } else if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_AWAY
                   && next == 0)
        {
            next = NGX_ESS_EXCHANGE_FORMER_AGAIN;
        }
    }

    ngx_ess_exchange_former_leave(w);

    if (next) {
        ngx_add_timer(ev, next);
    }
}


static void
ngx_ess_exchange_former_tick_one(ngx_ess_exchange_slot_t *slot)
{
    ngx_str_t  *queue;

    switch (slot->former.state) {

    case NGX_ESS_EXCHANGE_FORMER_AWAY:

        if (ngx_current_msec - slot->former.looked
            >= NGX_ESS_EXCHANGE_FORMER_AGAIN)
        {
            ngx_ess_exchange_former_look(slot);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_TAKEN:

        queue = ngx_ess_exchange_taken_due(slot);

        if (queue) {
            ngx_ess_exchange_former_declare(slot, queue);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_COUNT:

        if (slot->consuming) {
            ngx_ess_exchange_former_declare(slot, &slot->queue.name);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_UNBOUND:

        if (slot->consuming && ngx_ess_exchange_delivery_idle(slot)) {
            ngx_ess_exchange_former_declare(slot, &slot->former.name);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_LEFT:

        if (slot->worker->former == NULL) {
            ngx_ess_exchange_former_declare(slot, &slot->former.name);
        }

        break;

    default:
        break;
    }
}


/* The channel is closed when no own slot needs it any more.  Those that wait
   until others have left their queues are not waited for. */

static void
ngx_ess_exchange_former_leave(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i, n;
    ngx_ess_exchange_slot_t  *slot;

    if (!ngx_ess_exchange_former_closable(w)) {
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->own
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_NONE
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_AWAY
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_TAKEN
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_EMPTY)
        {
            return;
        }
    }

    n = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_EMPTY) {
            ngx_ess_exchange_overlap_remember(slot, slot->former.mark);
            slot->former.state = NGX_ESS_EXCHANGE_FORMER_LEFT;
            slot->former.nobody = 0;
            n++;
        }
    }

    if (n) {
        ngx_ess_exchange_former_close(w);
    }
}


static ngx_uint_t
ngx_ess_exchange_former_closable(ngx_ess_exchange_worker_t *w)
{
    return w->consume && !w->consumer.sent && w->former == NULL;
}


/* All consumers end in good order; those that are due are started again, on
   another channel. */

static void
ngx_ess_exchange_former_close(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    ngx_ess_exchange_delivery_last(w);

    w->former = w->consume;
    w->consume = NULL;

    ngx_ess_exchange_consumer_drop(w);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_COUNTED) {
            /* what it had sent goes back into the queue */
            slot->former.state = NGX_ESS_EXCHANGE_FORMER_COUNT;
        }

        ngx_ess_exchange_overlap_again(slot);
    }

    ngx_ess_amqp_channel_close(w->former);
    ngx_ess_exchange_worker_kick(w);
}


void
ngx_ess_exchange_former_closed(ngx_ess_exchange_worker_t *w,
    ngx_ess_amqp_channel_t *ch)
{
    if (ch == w->former) {
        w->former = NULL;

        ngx_ess_exchange_former_tick(&w->former_timer);
    }
}


void
ngx_ess_exchange_former_canceled(ngx_ess_exchange_slot_t *slot)
{
    if (slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND) {
        ngx_ess_exchange_former_drop(slot, 0);
    }
}


void
ngx_ess_exchange_former_reset(ngx_ess_exchange_worker_t *w, ngx_uint_t closed)
{
    ngx_uint_t  i;

    if (closed) {
        w->former = NULL;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_former_drop(&w->slots[i], closed);
    }
}


static void
ngx_ess_exchange_former_drop(ngx_ess_exchange_slot_t *slot, ngx_uint_t closed)
{
    if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_TAKEN) {
        /* no longer standing by */
        ngx_ess_broker_consumed(slot->worker->zone, slot->number, 0);
    }

    if (slot->former.state > NGX_ESS_EXCHANGE_FORMER_AWAY
        || (closed && slot->former.state != NGX_ESS_EXCHANGE_FORMER_NONE))
    {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNKNOWN;
    }

    ngx_ess_exchange_overlap_again(slot);
}
