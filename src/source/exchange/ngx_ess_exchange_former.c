
/*
 * The queue that a slot had when "queues=" of ess_amqp was set otherwise.  As
 * long as there is one, the slot's consumer takes from it, and each key is
 * bound to the slot's queue, then unbound from it.  When nothing is left in it,
 * the slot's queue has its turn.  All state is the slot's own worker's.
 *
 *   UNKNOWN ──► LOOKUP ──► NONE
 *                  │   ◄──► AWAY
 *                  ▼
 *                BOUND ──► UNBOUND ──► EMPTY ──► LEFT ──► DELETE
 *                             ▲                   │          │
 *                             └── something came ◄┴──────────┤
 *                                                            ▼
 *                                                 NONE ◄── COUNT
 *
 * It is never deleted while it has a consumer: the broker would forget what it
 * has sent and was not acknowledged.  That is why its channel is closed first,
 * once for all own slots, and a classic queue then deleted if it is unused and
 * empty.  The broker deletes no quorum queue on conditions: it stays, without
 * bindings, until it expires.
 */


#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_print.h"


#define NGX_ESS_EXCHANGE_FORMER_TICK     50 /* ms */
#define NGX_ESS_EXCHANGE_FORMER_AGAIN    5000   /* ms until one that is away is
                                               looked up again */


static void ngx_ess_exchange_former_look(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_declare(ngx_ess_exchange_slot_t *slot,
    ngx_str_t *queue);
static void ngx_ess_exchange_former_delete(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_answered(ngx_ess_amqp_op_t *op,
    ngx_int_t rc, void *reply, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_former_looked(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_former_found(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_counted(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok);
static void ngx_ess_exchange_former_deleted(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code);
static void ngx_ess_exchange_former_done(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_tick(ngx_event_t *ev);
static void ngx_ess_exchange_former_tick_slot(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_leave(ngx_ess_exchange_worker_t *w);
static ngx_uint_t ngx_ess_exchange_former_idle(ngx_ess_exchange_slot_t *slot);
static ngx_uint_t ngx_ess_exchange_former_closable(
    ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_former_close(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_former_remember(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_former_sort(ngx_ess_exchange_overlap_t *o);
static int ngx_libc_cdecl ngx_ess_exchange_former_compare(const void *one,
    const void *two);
static ngx_uint_t ngx_ess_exchange_former_came(ngx_ess_exchange_overlap_t *o,
    uint64_t print);
static void ngx_ess_exchange_former_forget(ngx_ess_exchange_slot_t *slot);


ngx_int_t
ngx_ess_exchange_former_init(ngx_ess_exchange_worker_t *w, ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (ngx_ess_exchange_slot_name(w, cycle, i, !w->conf->quorum,
                                       &w->slots[i].former.queue)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    w->former_timer.handler = ngx_ess_exchange_former_tick;
    w->former_timer.data = w;
    w->former_timer.log = w->log;
    w->former_timer.cancelable = 1;

    return NGX_OK;
}


void
ngx_ess_exchange_former_exit(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_former_forget(&w->slots[i]);
    }

    if (w->former_timer.timer_set) {
        ngx_del_timer(&w->former_timer);
    }
}


/*
 * To look for a queue that is not there costs a channel, and a line in the
 * broker's log: so a slot with a classic queue looks for another one only
 * after quorum queues were in use, or where its own queue had to be made.
 */

void
ngx_ess_exchange_former_declared(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t created)
{
    ngx_uint_t       quorum;
    ngx_ess_zone_t  *zone;

    zone = slot->worker->zone;
    quorum = slot->worker->conf->quorum;

    ngx_ess_broker_set_queue(zone, slot->number, quorum, NGX_ESS_BROKER_THERE);

    if ((created || quorum)
        && ngx_ess_broker_queue(zone, slot->number, !quorum)
           == NGX_ESS_BROKER_UNKNOWN)
    {
        ngx_ess_broker_set_queue(zone, slot->number, !quorum,
                                 NGX_ESS_BROKER_THERE);
    }
}


void
ngx_ess_exchange_former(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->own
            && slot->state == NGX_ESS_EXCHANGE_READY
            && slot->former.state == NGX_ESS_EXCHANGE_FORMER_UNKNOWN
            && !slot->former.busy)
        {
            ngx_ess_exchange_former_look(slot);
        }
    }
}


static void
ngx_ess_exchange_former_look(ngx_ess_exchange_slot_t *slot)
{
    if (ngx_ess_broker_queue(slot->worker->zone, slot->number,
                             !slot->worker->conf->quorum)
        != NGX_ESS_BROKER_THERE)
    {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
        return;
    }

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_LOOKUP;
    slot->former.looked = ngx_current_msec;

    ngx_ess_exchange_former_declare(slot, &slot->former.queue);
}


/* passively: is it there, and with how many messages? */

static void
ngx_ess_exchange_former_declare(ngx_ess_exchange_slot_t *slot, ngx_str_t *queue)
{
    amqp_queue_declare_t  *m;

    m = &slot->former.method.declare;
    ngx_memzero(m, sizeof(amqp_queue_declare_t));

    m->queue.bytes = queue->data;
    m->queue.len = queue->len;
    m->passive = 1;

    slot->former.busy = 1;

    ngx_ess_amqp_op(slot->worker->admin, &slot->former.op,
                    AMQP_QUEUE_DECLARE_METHOD, m,
                    AMQP_QUEUE_DECLARE_OK_METHOD,
                    ngx_ess_exchange_former_answered, slot);
}


static void
ngx_ess_exchange_former_delete(ngx_ess_exchange_slot_t *slot)
{
    amqp_queue_delete_t  *m;

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_DELETE;

    m = &slot->former.method.delete;
    ngx_memzero(m, sizeof(amqp_queue_delete_t));

    m->queue.bytes = slot->former.queue.data;
    m->queue.len = slot->former.queue.len;
    m->if_unused = 1;
    m->if_empty = 1;

    slot->former.busy = 1;

    ngx_ess_amqp_op(slot->worker->admin, &slot->former.op,
                    AMQP_QUEUE_DELETE_METHOD, m, AMQP_QUEUE_DELETE_OK_METHOD,
                    ngx_ess_exchange_former_answered, slot);
}


static void
ngx_ess_exchange_former_answered(ngx_ess_amqp_op_t *op, ngx_int_t rc,
    void *reply, ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_slot_t  *slot;
    amqp_queue_declare_ok_t  *ok;

    slot = op->data;
    slot->former.busy = 0;

    if (rc == NGX_ABORT) {
        ngx_ess_exchange_former_reset(slot, 1);
        return;
    }

    /* but of a deletion */

    ok = (rc == NGX_OK) ? reply : NULL;

    switch (slot->former.state) {

    case NGX_ESS_EXCHANGE_FORMER_LOOKUP:
        ngx_ess_exchange_former_looked(slot, rc, code, text);
        break;

    case NGX_ESS_EXCHANGE_FORMER_UNBOUND:
    case NGX_ESS_EXCHANGE_FORMER_LEFT:
        ngx_ess_exchange_former_counted(slot, ok);
        break;

    case NGX_ESS_EXCHANGE_FORMER_DELETE:
        ngx_ess_exchange_former_deleted(slot, rc, code);
        break;

    case NGX_ESS_EXCHANGE_FORMER_COUNT:

        if (ok && slot->former.overlap) {
            slot->former.overlap->left = ok->message_count;
        }

        ngx_ess_exchange_former_done(slot);
        break;

    default:
        /* its consumer, or the session, went meanwhile */
        break;
    }

    ngx_ess_exchange_kick(slot->worker);
}


static void
ngx_ess_exchange_former_looked(ngx_ess_exchange_slot_t *slot, ngx_int_t rc,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    if (rc == NGX_OK
        && (!slot->consuming || ngx_ess_exchange_former_closable(w)))
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
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
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
        slot->former.mark = ngx_ess_mark_appended(w->zone, slot->number);

        ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                      "queue \"%V\" was left behind and is emptied before "
                      "queue \"%V\" is consumed",
                      &slot->former.queue, &slot->queue);
    }

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_BOUND;

    if (slot->consuming) {
        /* it was away: what is in it is late, but not lost */
        ngx_ess_exchange_former_close(w);
    }
}


ngx_uint_t
ngx_ess_exchange_former_settled(ngx_ess_exchange_slot_t *slot)
{
    return slot->former.state == NGX_ESS_EXCHANGE_FORMER_NONE
           || slot->former.state == NGX_ESS_EXCHANGE_FORMER_AWAY
           || ngx_ess_exchange_former_consumed(slot);
}


ngx_uint_t
ngx_ess_exchange_former_consumed(ngx_ess_exchange_slot_t *slot)
{
    return slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND
           && slot->former.state <= NGX_ESS_EXCHANGE_FORMER_EMPTY;
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

    if (slots == 0) {
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (slots & ((ngx_uint_t) 1 << i)) {
            w->slots[i].former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;
        }
    }

    ngx_add_timer(&w->former_timer, NGX_ESS_EXCHANGE_FORMER_TICK);
}


/* of the former queue, with or without a consumer */

static void
ngx_ess_exchange_former_counted(ngx_ess_exchange_slot_t *slot,
    amqp_queue_declare_ok_t *ok)
{
    if (ok == NULL) {
        /* looked up again, which tells why */
        ngx_ess_exchange_former_reset(slot, 0);
        return;
    }

    if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_UNBOUND) {

        /* a worker that leaves may give some of it back */

        if (ok->message_count == 0 && ok->consumer_count < 2
            && ngx_ess_exchange_former_idle(slot))
        {
            slot->former.state = NGX_ESS_EXCHANGE_FORMER_EMPTY;
            ngx_ess_exchange_former_leave(slot->worker);
        }

        return;
    }

    if (ok->message_count) {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;

    } else if (slot->worker->conf->quorum) {
        ngx_ess_exchange_former_delete(slot);

    } else {
        ngx_ess_exchange_former_deleted(slot, NGX_OK, 0);
    }
}


static void
ngx_ess_exchange_former_deleted(ngx_ess_exchange_slot_t *slot, ngx_int_t rc,
    ngx_uint_t code)
{
    if (rc == NGX_DECLINED && code == AMQP_PRECONDITION_FAILED) {
        /* in use, or not empty */
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNBOUND;
        return;
    }

    /* without the right to delete it, it stays until it expires */

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_COUNT;

    ngx_ess_exchange_former_declare(slot, &slot->queue);
}


static void
ngx_ess_exchange_former_done(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    slot->former.state = NGX_ESS_EXCHANGE_FORMER_NONE;
    slot->former.found = 0;

    ngx_ess_broker_set_queue(w->zone, slot->number, !w->conf->quorum,
                             NGX_ESS_BROKER_GONE);

    if (slot->former.overlap && slot->former.overlap->left == 0) {
        ngx_ess_exchange_former_forget(slot);
    }

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "queue \"%V\" is empty, queue \"%V\" is consumed now",
                  &slot->former.queue, &slot->queue);
}


static void
ngx_ess_exchange_former_tick(ngx_event_t *ev)
{
    ngx_uint_t                  i;
    ngx_msec_t                  next;
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;
    next = 0;

    if (w->draining || w->admin == NULL) {
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (!slot->former.busy) {
            ngx_ess_exchange_former_tick_slot(slot);
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
ngx_ess_exchange_former_tick_slot(ngx_ess_exchange_slot_t *slot)
{
    switch (slot->former.state) {

    case NGX_ESS_EXCHANGE_FORMER_AWAY:

        if (ngx_current_msec - slot->former.looked
            >= NGX_ESS_EXCHANGE_FORMER_AGAIN)
        {
            ngx_ess_exchange_former_look(slot);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_UNBOUND:

        if (slot->consuming && ngx_ess_exchange_former_idle(slot)) {
            ngx_ess_exchange_former_declare(slot, &slot->former.queue);
        }

        break;

    case NGX_ESS_EXCHANGE_FORMER_LEFT:

        if (slot->worker->former == NULL) {
            ngx_ess_exchange_former_declare(slot, &slot->former.queue);
        }

        break;

    default:
        break;
    }
}


/* all that came of it was appended */

static ngx_uint_t
ngx_ess_exchange_former_idle(ngx_ess_exchange_slot_t *slot)
{
    return slot->nheld == 0 && ngx_queue_empty(&slot->worker->delayed);
}


/* The channel is closed when no own slot needs it any more. */

static void
ngx_ess_exchange_former_leave(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i, n;
    ngx_ess_exchange_slot_t  *slot;

    if (!ngx_ess_exchange_former_closable(w)) {
        return;
    }

    n = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->own && slot->former.state != NGX_ESS_EXCHANGE_FORMER_NONE
            && slot->former.state != NGX_ESS_EXCHANGE_FORMER_AWAY)
        {
            if (slot->former.state != NGX_ESS_EXCHANGE_FORMER_EMPTY) {
                return;
            }

            n++;
        }
    }

    if (n == 0) {
        return;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->former.state == NGX_ESS_EXCHANGE_FORMER_EMPTY) {
            ngx_ess_exchange_former_remember(slot);
            slot->former.state = NGX_ESS_EXCHANGE_FORMER_LEFT;
        }
    }

    ngx_ess_exchange_former_close(w);
}


static ngx_uint_t
ngx_ess_exchange_former_closable(ngx_ess_exchange_worker_t *w)
{
    return w->consume && !w->consume_busy && w->former == NULL;
}


/* All consumers end in good order; those that are due are started again, on
   another channel. */

static void
ngx_ess_exchange_former_close(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_delivery_last(w);

    w->former = w->consume;
    w->consume = NULL;

    ngx_ess_exchange_slot_drop(w);

    ngx_ess_amqp_channel_close(w->former);
    ngx_ess_exchange_kick(w);
}


void
ngx_ess_exchange_former_closed(ngx_ess_exchange_worker_t *w)
{
    w->former = NULL;

    ngx_ess_exchange_former_tick(&w->former_timer);
}


void
ngx_ess_exchange_former_reset(ngx_ess_exchange_slot_t *slot, ngx_uint_t closed)
{
    ngx_ess_exchange_overlap_t  *o;

    if (slot->former.state > NGX_ESS_EXCHANGE_FORMER_AWAY
        || (closed && slot->former.state != NGX_ESS_EXCHANGE_FORMER_NONE))
    {
        slot->former.state = NGX_ESS_EXCHANGE_FORMER_UNKNOWN;
    }

    o = slot->former.overlap;

    if (o) {
        /* what was not acknowledged comes again */
        ngx_memzero(o->came, sizeof(o->came));
        o->left += ngx_ess_exchange_slot_prefetch(slot->worker);
    }
}


/*
 * An event that was published between a key's bind and its unbind is in both
 * queues; there are few, and they are among the last that came from the former
 * one.  A print that is there twice says nothing: such events come twice.
 */

static void
ngx_ess_exchange_former_remember(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_overlap_t  *o;

    ngx_ess_exchange_former_forget(slot);

    o = ngx_calloc(sizeof(ngx_ess_exchange_overlap_t), slot->worker->log);
    if (o == NULL) {
        return;
    }

    o->n = ngx_ess_mark_prints(slot->worker->zone, slot->number,
                               slot->former.mark, o->prints);

    slot->former.overlap = o;

    ngx_ess_exchange_former_sort(o);
}


static void
ngx_ess_exchange_former_sort(ngx_ess_exchange_overlap_t *o)
{
    uint64_t    *p;
    ngx_uint_t   i, n;

    p = o->prints;
    n = 0;

    ngx_qsort(p, o->n, sizeof(uint64_t), ngx_ess_exchange_former_compare);

    for (i = 0; i < o->n; i++) {

        if ((i == 0 || p[i - 1] != p[i])
            && (i + 1 == o->n || p[i + 1] != p[i]))
        {
            p[n++] = p[i];
        }
    }

    o->n = n;
}


static int ngx_libc_cdecl
ngx_ess_exchange_former_compare(const void *one, const void *two)
{
    const uint64_t  *a, *b;

    a = one;
    b = two;

    return (*a > *b) - (*a < *b);
}


ngx_uint_t
ngx_ess_exchange_former_quorum(ngx_ess_exchange_slot_t *slot)
{
    return slot->worker->conf->quorum || slot->former.found
           || slot->former.overlap;
}


/* A worker that left appended it with the print of a classic queue's. */

ngx_uint_t
ngx_ess_exchange_former_had(ngx_ess_exchange_slot_t *slot,
    ngx_ess_amqp_delivery_t *delivery, uint64_t print)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->former.overlap;

    if (ngx_ess_exchange_former_consumed(slot)) {
        /* that of a former attempt; this comes from the former queue */
        return 0;
    }

    if (o->left == 0) {
        ngx_ess_exchange_former_forget(slot);
        return 0;
    }

    o->left--;

    return ngx_ess_exchange_former_came(o, print)
           || ngx_ess_exchange_former_came(o,
                  ngx_ess_exchange_print(&delivery->key,
                                         &delivery->raw_properties,
                                         &delivery->body, 0));
}


static ngx_uint_t
ngx_ess_exchange_former_came(ngx_ess_exchange_overlap_t *o, uint64_t print)
{
    uint64_t    *p;
    ngx_uint_t   i;

    p = bsearch(&print, o->prints, o->n, sizeof(uint64_t),
                ngx_ess_exchange_former_compare);
    if (p == NULL) {
        return 0;
    }

    i = p - o->prints;

    if (o->came[i]) {
        return 0;
    }

    o->came[i] = 1;

    return 1;
}


static void
ngx_ess_exchange_former_forget(ngx_ess_exchange_slot_t *slot)
{
    if (slot->former.overlap) {
        ngx_free(slot->former.overlap);
        slot->former.overlap = NULL;
    }
}
