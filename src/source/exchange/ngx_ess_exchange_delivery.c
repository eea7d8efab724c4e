
/*
 * Deliveries of the slot queues: appended to the logs, acknowledged once a
 * batch, redelivered ones recognised first.  Everything here belongs to the
 * worker; what it holds back was not acknowledged, so the broker still has
 * it.  The zone's mutex is held for one append at a time, or a part of it.
 */


#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_item.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_log.h"
#include "ngx_ess_mark.h"


/* what is held while a run is being decided */
#define NGX_ESS_EXCHANGE_HELD            1024
#define NGX_ESS_EXCHANGE_HELD_BYTES      (8 * 1024 * 1024)  /* over all slots */

/* a run that pauses for so long is over; if more should come: so many times */
#define NGX_ESS_EXCHANGE_PAUSE           100    /* ms */
#define NGX_ESS_EXCHANGE_PATIENCE        10

/* until the zone is asked for room again */
#define NGX_ESS_EXCHANGE_DELAY           2  /* ms */

/* of delayed events, from which on nothing is read */
#define NGX_ESS_EXCHANGE_DELAYED_BYTES   (8 * 1024 * 1024)


static void ngx_ess_exchange_delivery_append(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static ngx_int_t ngx_ess_exchange_delivery_try(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_uint_t force);
static void ngx_ess_exchange_delivery_unwanted(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_item_t *item);
static ngx_int_t ngx_ess_exchange_delivery_delay(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_later(ngx_ess_exchange_worker_t *w,
    ngx_int_t rc);
static ngx_int_t ngx_ess_exchange_delivery_delayed(ngx_ess_exchange_worker_t *w,
    ngx_uint_t force);
static void ngx_ess_exchange_delivery_delay_handler(ngx_event_t *ev);
static void ngx_ess_exchange_delivery_free_delayed(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_duplicate(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_done(ngx_ess_exchange_slot_t *slot,
    uint64_t tag);
static void ngx_ess_exchange_delivery_forget(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_delivery_unmarked(ngx_ess_exchange_slot_t *slot);
static void ngx_ess_exchange_delivery_marked(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static ngx_int_t ngx_ess_exchange_delivery_begin(ngx_ess_exchange_slot_t *slot);
static ngx_int_t ngx_ess_exchange_delivery_hold(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_decided(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_free(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_run_over(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_run_e run);
static void ngx_ess_exchange_delivery_pause(ngx_event_t *ev);
static uint64_t ngx_ess_exchange_delivery_ackable(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_delivery_covered(ngx_ess_exchange_worker_t *w,
    uint64_t tag);


void
ngx_ess_exchange_delivery_init(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_init(&w->delayed);

    w->delay.handler = ngx_ess_exchange_delivery_delay_handler;
    w->delay.data = w;
    w->delay.log = w->log;
    w->delay.cancelable = 1;
}


void
ngx_ess_exchange_delivery_init_slot(ngx_ess_exchange_slot_t *slot)
{
    ngx_queue_init(&slot->held);

    slot->pause.handler = ngx_ess_exchange_delivery_pause;
    slot->pause.data = slot;
    slot->pause.log = slot->worker->log;
    slot->pause.cancelable = 1;
}


void
ngx_ess_exchange_delivery_take(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery)
{
    ngx_ess_exchange_item_t     item;
    ngx_ess_exchange_slot_t    *slot;
    ngx_ess_exchange_worker_t  *w;

    if (delivery->tag >= NGX_ESS_SLOTS) {
        return;
    }

    w = ngx_ess_amqp_channel_data(ch);
    slot = &w->slots[delivery->tag];

    w->last_tag = delivery->delivery_tag;

    ngx_ess_exchange_item_init(&item, slot, delivery);

    if (delivery->over_size) {
        ngx_ess_source_too_large(w->zone, w->log, &delivery->key,
                                 delivery->body_size);
    }

    if (slot->former.overlap
        && ngx_ess_exchange_former_had(slot, delivery, item.mark.print))
    {
        ngx_ess_exchange_delivery_duplicate(slot, &item);

    } else if (delivery->redelivered) {
        ngx_ess_exchange_delivery_marked(slot, &item);

    } else {

        if (slot->run != NGX_ESS_EXCHANGE_RUN_NONE) {
            ngx_ess_exchange_delivery_unmarked(slot);
        }

        ngx_ess_exchange_delivery_append(slot, &item);
    }

    ngx_ess_exchange_item_done(&item);
}


static void
ngx_ess_exchange_delivery_append(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_int_t                   rc;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;
    rc = NGX_AGAIN;

    if (ngx_queue_empty(&w->delayed)) {
        rc = ngx_ess_exchange_delivery_try(slot, item, 0);

        if (rc == NGX_OK) {
            return;
        }
    }

    if (ngx_ess_exchange_delivery_delay(slot, item) == NGX_OK) {

        if (rc == NGX_BUSY) {
            ngx_ess_exchange_delivery_later(w, rc);
        }

        return;
    }

    /* no memory */

    (void) ngx_ess_exchange_delivery_delayed(w, 1);
    (void) ngx_ess_exchange_delivery_try(slot, item, 1);
}


/* NGX_AGAIN: there is no room but that of events that workers have not seen.
   NGX_BUSY: it is half appended, and the event loop has its turn. */

static ngx_int_t
ngx_ess_exchange_delivery_try(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_uint_t force)
{
    ngx_int_t                   n;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    if (w->conf->topic
        && ngx_ess_exchange_pattern_match(slot, &item->key, &item->event)
           != NGX_OK
        && !force)
    {
        return NGX_AGAIN;
    }

    item->event.mark = &item->mark;

    n = ngx_ess_log_append(w->zone, &item->key, &item->event, force, &w->wake);

    if (item->event.done) {
        w->appended = 1;
    }

    if (n == NGX_AGAIN || n == NGX_BUSY) {
        return n;
    }

    ngx_ess_exchange_delivery_done(slot, item->tag);

    if (w->conf->topic) {
        ngx_ess_exchange_pattern_appended(slot, &item->event);
    }

    if (n) {
        w->appended = 1;
        return NGX_OK;
    }

    ngx_ess_shm_count(w->zone, NGX_ESS_C_EVENTS_UNROUTED, 1);

    if (!w->conf->topic) {
        ngx_ess_exchange_delivery_unwanted(w, item);
    }

    return NGX_OK;
}


/* whichever of its keys brought it here */

static void
ngx_ess_exchange_delivery_unwanted(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_item_t *item)
{
    ngx_uint_t  i;

    if (item->event.keys == NULL) {
        ngx_ess_exchange_bind_unwanted(w, &item->key);
        return;
    }

    for (i = 0; i < item->event.nkeys; i++) {
        ngx_ess_exchange_bind_unwanted(w, &item->event.keys[i].key);
    }
}


/*
 * A copy is kept, and not acknowledged, until workers have seen what they were
 * told of: so the broker sends no more than its prefetch, and what comes
 * then stays in its queues.  With many bytes nothing is read at all.
 */

static ngx_int_t
ngx_ess_exchange_delivery_delay(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_queue_t                *q;
    ngx_ess_exchange_item_t    *copy, *before;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    copy = ngx_ess_exchange_item_copy(item);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    /* in order of their tags; those of a run were held for a while */

    for (q = ngx_queue_last(&w->delayed);
         q != ngx_queue_sentinel(&w->delayed);
         q = ngx_queue_prev(q))
    {
        before = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        if (before->tag < copy->tag) {
            break;
        }
    }

    ngx_queue_insert_after(q, &copy->queue);

    w->delayed_bytes += copy->size;

    if (w->delayed_bytes > NGX_ESS_EXCHANGE_DELAYED_BYTES) {
        ngx_ess_amqp_pause(w->session);
    }

    if (!w->delay.timer_set && !w->delay.posted) {
        ngx_add_timer(&w->delay, NGX_ESS_EXCHANGE_DELAY);
    }

    return NGX_OK;
}


/* What is half appended goes on in the next iteration of the loop, what waits
   for room a little later. */

static void
ngx_ess_exchange_delivery_later(ngx_ess_exchange_worker_t *w, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        ngx_add_timer(&w->delay, NGX_ESS_EXCHANGE_DELAY);
        return;
    }

    if (w->delay.timer_set) {
        ngx_del_timer(&w->delay);
    }

    ngx_post_event(&w->delay, &ngx_posted_next_events);
}


/* appends what has room meanwhile */

static ngx_int_t
ngx_ess_exchange_delivery_delayed(ngx_ess_exchange_worker_t *w,
    ngx_uint_t force)
{
    ngx_int_t                 rc;
    ngx_queue_t              *q;
    ngx_ess_exchange_item_t  *item;

    while (!ngx_queue_empty(&w->delayed)) {
        q = ngx_queue_head(&w->delayed);
        item = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        rc = ngx_ess_exchange_delivery_try(item->slot, item, force);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_ess_exchange_delivery_free_delayed(w, item);
    }

    return NGX_OK;
}


static void
ngx_ess_exchange_delivery_delay_handler(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_ess_exchange_worker_t  *w;

    w = ev->data;

    rc = ngx_ess_exchange_delivery_delayed(w, 0);

    if (rc != NGX_OK) {
        ngx_ess_exchange_delivery_later(w, rc);
    }

    if (w->delayed_bytes <= NGX_ESS_EXCHANGE_DELAYED_BYTES / 2) {
        ngx_ess_amqp_resume(w->session);
    }

    ngx_ess_exchange_delivery_batch(w);
}


static void
ngx_ess_exchange_delivery_free_delayed(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_item_t *item)
{
    ngx_queue_remove(&item->queue);

    w->delayed_bytes -= item->size;

    ngx_free(item);
}


static void
ngx_ess_exchange_delivery_duplicate(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_ess_shm_count(slot->worker->zone, NGX_ESS_C_REDELIVERED, 1);
    ngx_ess_exchange_delivery_done(slot, item->tag);
}


static void
ngx_ess_exchange_delivery_done(ngx_ess_exchange_slot_t *slot, uint64_t tag)
{
    if (slot->done_first == 0) {
        slot->done_first = tag;
    }

    slot->done_last = tag;
}


/*
 * What the zone says was never acknowledged did not come again, so it never
 * will: a later run must not be measured by it.
 */

static void
ngx_ess_exchange_delivery_forget(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_shm_lock(slot->worker->zone);
    ngx_ess_mark_acked_locked(slot->worker->zone, slot->number);
    ngx_ess_shm_unlock(slot->worker->zone);
}


/* a delivery is about to be appended that was not marked redelivered */

static void
ngx_ess_exchange_delivery_unmarked(ngx_ess_exchange_slot_t *slot)
{
    if (slot->run == NGX_ESS_EXCHANGE_RUN_FRESH) {
        ngx_ess_exchange_delivery_forget(slot);
    }

    ngx_ess_exchange_delivery_end(slot);

    slot->run = NGX_ESS_EXCHANGE_RUN_NONE;
}


/* a delivery that is marked redelivered */

static void
ngx_ess_exchange_delivery_marked(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    if ((slot->run == NGX_ESS_EXCHANGE_RUN_FRESH
         || slot->run == NGX_ESS_EXCHANGE_RUN_NONE)
        && ngx_ess_exchange_delivery_begin(slot) != NGX_OK)
    {
        slot->run = NGX_ESS_EXCHANGE_RUN_PASSING;
    }

    slot->run_length++;

    if (slot->run == NGX_ESS_EXCHANGE_RUN_PASSING) {
        ngx_ess_exchange_delivery_append(slot, item);
        return;
    }

    switch (ngx_ess_redelivery_push(slot->redelivery, item->mark.print)) {

    case NGX_ESS_REDELIVERY_DUPLICATE:
        ngx_ess_exchange_delivery_duplicate(slot, item);
        return;

    case NGX_ESS_REDELIVERY_NEW:
        ngx_ess_exchange_delivery_run_over(slot, NGX_ESS_EXCHANGE_RUN_PASSING);
        ngx_ess_exchange_delivery_append(slot, item);
        return;

    case NGX_ESS_REDELIVERY_HOLD:

        if (ngx_ess_exchange_delivery_hold(slot, item) == NGX_OK) {
            return;
        }

        (void) ngx_ess_redelivery_end(slot->redelivery, 0);
        break;

    default: /* NGX_ESS_REDELIVERY_DECIDED */
        break;
    }

    ngx_ess_exchange_delivery_decided(slot, item);
}


static ngx_int_t
ngx_ess_exchange_delivery_begin(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_mark_recent_t        recent;
    ngx_ess_redelivery_t       *r;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    r = ngx_alloc(sizeof(ngx_ess_redelivery_t), w->log);
    if (r == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&recent, sizeof(ngx_ess_mark_recent_t));
    recent.prints = r->prints;

    ngx_ess_mark_recent(w->zone, slot->number, &recent);

    if (slot->run == NGX_ESS_EXCHANGE_RUN_NONE) {
        /*
         * In the midst of deliveries that this worker will acknowledge: the
         * queue failed over, or an operator put something back.  Nothing is
         * known of how many come again.
         */
        recent.acked = recent.appended;
    }

    ngx_ess_redelivery_init(r, &recent);

    slot->redelivery = r;
    slot->run = NGX_ESS_EXCHANGE_RUN_HOLDING;
    slot->run_length = 0;
    slot->patience = NGX_ESS_EXCHANGE_PATIENCE;

    return NGX_OK;
}


/* keeps a copy; NGX_DECLINED: no more can be kept, or none would come */

static ngx_int_t
ngx_ess_exchange_delivery_hold(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_ess_exchange_item_t    *copy;
    ngx_ess_exchange_worker_t  *w;

    w = slot->worker;

    if (slot->nheld + 1 >= NGX_ESS_EXCHANGE_HELD
        || w->held_bytes + ngx_ess_exchange_item_size(item)
           > NGX_ESS_EXCHANGE_HELD_BYTES
        || slot->run_length >= ngx_ess_exchange_slot_prefetch(w))
    {
        return NGX_DECLINED;
    }

    copy = ngx_ess_exchange_item_copy(item);
    if (copy == NULL) {
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&slot->held, &copy->queue);

    slot->nheld++;
    slot->held_bytes += copy->size;
    w->held_bytes += copy->size;

    ngx_add_timer(&slot->pause, NGX_ESS_EXCHANGE_PAUSE);

    return NGX_OK;
}


/* the run is decided: settles what is held, then "item", if any */

static void
ngx_ess_exchange_delivery_decided(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_ess_exchange_item_t  *held;
    ngx_ess_redelivery_t     *r;

    r = slot->redelivery;

    if (r->duplicates < r->least) {
        ngx_ess_exchange_delivery_forget(slot);
    }

    if (r->doubt) {
        ngx_ess_shm_count(slot->worker->zone, NGX_ESS_C_REDELIVERED_IN_DOUBT,
                          r->doubt);
        r->doubt = 0;
    }

    for (i = 0; !ngx_queue_empty(&slot->held); i++) {
        q = ngx_queue_head(&slot->held);
        held = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        if (i < r->duplicates) {
            ngx_ess_exchange_delivery_duplicate(slot, held);

        } else {
            ngx_ess_exchange_delivery_append(slot, held);
        }

        ngx_ess_exchange_delivery_free(slot, held);
    }

    if (item) {
        if (i < r->duplicates) {
            ngx_ess_exchange_delivery_duplicate(slot, item);

        } else {
            ngx_ess_exchange_delivery_append(slot, item);
        }
    }

    if (slot->pause.timer_set) {
        ngx_del_timer(&slot->pause);
    }

    if (ngx_ess_redelivery_expects(r)) {
        slot->run = NGX_ESS_EXCHANGE_RUN_SKIPPING;
        return;
    }

    ngx_ess_exchange_delivery_run_over(slot, NGX_ESS_EXCHANGE_RUN_PASSING);
}


static void
ngx_ess_exchange_delivery_free(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_queue_remove(&item->queue);

    slot->nheld--;
    slot->held_bytes -= item->size;
    slot->worker->held_bytes -= item->size;

    ngx_free(item);
}


static void
ngx_ess_exchange_delivery_run_over(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_run_e run)
{
    ngx_ess_redelivery_t  *r;

    r = slot->redelivery;

    if (r) {
        if (r->doubt) {
            ngx_ess_shm_count(slot->worker->zone,
                              NGX_ESS_C_REDELIVERED_IN_DOUBT, r->doubt);
        }

        ngx_free(r);
        slot->redelivery = NULL;
    }

    if (slot->pause.timer_set) {
        ngx_del_timer(&slot->pause);
    }

    slot->run = run;
}


static void
ngx_ess_exchange_delivery_pause(ngx_event_t *ev)
{
    ngx_ess_exchange_slot_t  *slot;

    slot = ev->data;

    if (slot->run != NGX_ESS_EXCHANGE_RUN_HOLDING) {
        return;
    }

    if (slot->patience && ngx_ess_redelivery_expects(slot->redelivery)) {
        /* a slow link, or a large event on its way */
        slot->patience--;
        ngx_add_timer(ev, NGX_ESS_EXCHANGE_PAUSE);
        return;
    }

    ngx_ess_exchange_delivery_end(slot);
    ngx_ess_exchange_delivery_batch(slot->worker);
}


void
ngx_ess_exchange_delivery_end(ngx_ess_exchange_slot_t *slot)
{
    if (slot->run == NGX_ESS_EXCHANGE_RUN_HOLDING) {
        (void) ngx_ess_redelivery_end(slot->redelivery, 1);
        ngx_ess_exchange_delivery_decided(slot, NULL);
    }

    if (slot->run == NGX_ESS_EXCHANGE_RUN_SKIPPING) {
        ngx_ess_exchange_delivery_run_over(slot, NGX_ESS_EXCHANGE_RUN_PASSING);
    }
}


void
ngx_ess_exchange_delivery_reset(ngx_ess_exchange_slot_t *slot)
{
    ngx_queue_t              *q;
    ngx_ess_exchange_item_t  *item;

    while (!ngx_queue_empty(&slot->held)) {
        q = ngx_queue_head(&slot->held);
        item = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        ngx_ess_exchange_delivery_free(slot, item);
    }

    ngx_ess_exchange_delivery_run_over(slot, NGX_ESS_EXCHANGE_RUN_FRESH);

    slot->run_length = 0;
}


void
ngx_ess_exchange_delivery_drop(ngx_ess_exchange_worker_t *w)
{
    ngx_queue_t              *q;
    ngx_ess_exchange_item_t  *item;

    while (!ngx_queue_empty(&w->delayed)) {
        q = ngx_queue_head(&w->delayed);
        item = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        ngx_ess_exchange_delivery_free_delayed(w, item);
    }

    if (w->delay.timer_set) {
        ngx_del_timer(&w->delay);
    }

    if (w->delay.posted) {
        ngx_delete_posted_event(&w->delay);
    }
}


void
ngx_ess_exchange_delivery_batch(ngx_ess_exchange_worker_t *w)
{
    uint64_t  tag;

    if (w->appended) {
        w->appended = 0;
        ngx_ess_notify_wake(w->zone, &w->wake);
    }

    if (w->consume == NULL) {
        return;
    }

    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_UNACKNOWLEDGED,
                      w->last_tag - w->acked_tag);

    tag = ngx_ess_exchange_delivery_ackable(w);

    if (tag <= w->acked_tag) {
        return;
    }

    /*
     * Marked first: should this worker die in between, the zone says that
     * less must come again than will.  The other way round, new events
     * could be taken for old ones.
     */

    ngx_ess_exchange_delivery_covered(w, tag);

    if (ngx_ess_amqp_ack(w->consume, tag) != NGX_OK) {

        /* the socket is behind: again from the timer, or the session ends */
        ngx_ess_exchange_retry(w);
        return;
    }

    w->acked_tag = tag;

    ngx_ess_shm_gauge(w->zone, NGX_ESS_C_UNACKNOWLEDGED, w->last_tag - tag);
}


/*
 * The broker handles what was acknowledged before the channel's close, and the
 * close before it hands a slot on.  So whatever comes then is new, even if it
 * looks like an event that was appended; unless events of the slot were not
 * acknowledged, or those of another worker may still have been to come.
 */

void
ngx_ess_exchange_delivery_last(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    ngx_ess_exchange_delivery_batch(w);

    if (w->consume == NULL
        || ngx_ess_exchange_delivery_ackable(w) > w->acked_tag)
    {
        return;
    }

    ngx_ess_shm_lock(w->zone);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->done_first == 0
            && (slot->run == NGX_ESS_EXCHANGE_RUN_PASSING
                || slot->run == NGX_ESS_EXCHANGE_RUN_NONE))
        {
            ngx_ess_mark_settled_locked(w->zone, i);
        }
    }

    ngx_ess_shm_unlock(w->zone);
}


/* delivery tags count over all slots: up to the first one that is held or
   delayed */

static uint64_t
ngx_ess_exchange_delivery_ackable(ngx_ess_exchange_worker_t *w)
{
    uint64_t                  tag;
    ngx_uint_t                i;
    ngx_queue_t              *q;
    ngx_ess_exchange_item_t  *item;

    tag = w->last_tag;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (ngx_queue_empty(&w->slots[i].held)) {
            continue;
        }

        q = ngx_queue_head(&w->slots[i].held);
        item = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        tag = ngx_min(tag, item->tag - 1);
    }

    if (!ngx_queue_empty(&w->delayed)) {
        q = ngx_queue_head(&w->delayed);
        item = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        tag = ngx_min(tag, item->tag - 1);
    }

    return tag;
}


static void
ngx_ess_exchange_delivery_covered(ngx_ess_exchange_worker_t *w, uint64_t tag)
{
    ngx_uint_t                i;
    ngx_ess_exchange_slot_t  *slot;

    ngx_ess_shm_lock(w->zone);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        slot = &w->slots[i];

        if (slot->done_first == 0 || slot->done_first > tag) {
            continue;
        }

        ngx_ess_mark_acked_locked(w->zone, i);

        /* with some of them above "tag" this says too much, which is the
           safe side */

        slot->done_first = (slot->done_last > tag) ? tag + 1 : 0;
    }

    ngx_ess_shm_unlock(w->zone);
}
