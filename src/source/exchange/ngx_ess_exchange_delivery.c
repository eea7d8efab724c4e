
/*
 * Deliveries of the slot queues: appended to the logs, acknowledged once a
 * batch, redelivered ones recognised first.  Everything here belongs to the
 * worker; what it holds back was not acknowledged, so the broker still has
 * it.  The zone's mutex is held for one append at a time, or a part of it.
 */


#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_delivery.h"
#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_pattern.h"
#include "ngx_ess_exchange_run.h"
#include "ngx_ess_log.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_wait.h"


/* until the zone is asked for room again */
#define NGX_ESS_EXCHANGE_DELAY           2  /* ms */

/* of delayed events, from which on nothing is read */
#define NGX_ESS_EXCHANGE_DELAYED_BYTES   (8 * 1024 * 1024)


typedef struct {
    uint64_t                     first;     /* 0: none */
    uint64_t                     last;
} ngx_ess_exchange_delivery_done_t;


typedef struct {
    ngx_ess_wake_t               wake;
    uint64_t                     last_tag;  /* these count over all slots */
    uint64_t                     acked_tag;

    /* of each slot, dealt with, but not acknowledged */
    ngx_ess_exchange_delivery_done_t done[NGX_ESS_SLOTS];

    ngx_ess_exchange_run_t       runs[NGX_ESS_SLOTS];
    size_t                       held_bytes;    /* over all slots */
    ngx_queue_t                  delayed;       /* no room for them yet */
    size_t                       delayed_bytes;
    ngx_event_t                  delay;         /* they are tried again */
    unsigned                     appended:1;    /* somebody is to be woken */
} ngx_ess_exchange_delivery_t;


static void ngx_ess_exchange_delivery_settle(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_ess_exchange_run_verdict_e verdict);
static void ngx_ess_exchange_delivery_pause(ngx_event_t *ev);
static void ngx_ess_exchange_delivery_append(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static ngx_int_t ngx_ess_exchange_delivery_try(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_uint_t force);
static void ngx_ess_exchange_delivery_unwanted(ngx_ess_exchange_worker_t *w,
    ngx_ess_exchange_item_t *item);
static ngx_int_t ngx_ess_exchange_delivery_delay(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_later(ngx_ess_exchange_delivery_t *d,
    ngx_int_t rc);
static ngx_int_t ngx_ess_exchange_delivery_delayed(
    ngx_ess_exchange_delivery_t *d, ngx_uint_t force);
static void ngx_ess_exchange_delivery_delay_handler(ngx_event_t *ev);
static void ngx_ess_exchange_delivery_free_delayed(
    ngx_ess_exchange_delivery_t *d, ngx_ess_exchange_item_t *item);
static void ngx_ess_exchange_delivery_done(ngx_ess_exchange_slot_t *slot,
    uint64_t tag);
static uint64_t ngx_ess_exchange_delivery_ackable(
    ngx_ess_exchange_delivery_t *d);
static void ngx_ess_exchange_delivery_covered(ngx_ess_exchange_worker_t *w,
    uint64_t tag);


/* this process's */
static ngx_ess_exchange_delivery_t  ngx_ess_exchange_deliveries;


void
ngx_ess_exchange_delivery_init(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                    i;
    ngx_ess_exchange_run_t       *run;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;
    ngx_memzero(d, sizeof(ngx_ess_exchange_delivery_t));

    ngx_queue_init(&d->delayed);

    ngx_ess_exchange_worker_event(w, &d->delay,
                                  ngx_ess_exchange_delivery_delay_handler);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        run = &d->runs[i];

        run->slot = &w->slots[i];
        run->bytes = &d->held_bytes;
        run->settle = ngx_ess_exchange_delivery_settle;
        run->pause.handler = ngx_ess_exchange_delivery_pause;
        run->pause.data = run;

        ngx_ess_exchange_run_init(run);
    }
}


void
ngx_ess_exchange_delivery_take(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *delivery)
{
    ngx_ess_exchange_run_t         *run;
    ngx_ess_exchange_item_t         item;
    ngx_ess_exchange_slot_t        *slot;
    ngx_ess_exchange_worker_t      *w;
    ngx_ess_exchange_run_verdict_e  verdict;

    if (delivery->tag >= NGX_ESS_SLOTS) {
        return;
    }

    w = ngx_ess_amqp_channel_data(ch);
    slot = &w->slots[delivery->tag];
    run = &ngx_ess_exchange_deliveries.runs[delivery->tag];

    ngx_ess_exchange_deliveries.last_tag = delivery->delivery_tag;

    ngx_ess_exchange_item_init(&item, slot, delivery);

    if (delivery->over_size) {
        ngx_ess_source_too_large(w->zone, w->log, &delivery->key,
                                 delivery->body_size);
    }

    if (ngx_ess_exchange_overlap_had(slot, delivery, item.mark.print)) {
        verdict = NGX_ESS_EXCHANGE_RUN_DUPLICATE;

    } else if (delivery->redelivered) {
        verdict = ngx_ess_exchange_run_push(run, &item);

    } else {
        ngx_ess_exchange_run_unmarked(run);
        verdict = NGX_ESS_EXCHANGE_RUN_NEW;
    }

    ngx_ess_exchange_delivery_settle(slot, &item, verdict);

    ngx_ess_exchange_item_done(&item);
}


static void
ngx_ess_exchange_delivery_settle(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_ess_exchange_run_verdict_e verdict)
{
    if (verdict == NGX_ESS_EXCHANGE_RUN_NEW) {
        ngx_ess_exchange_delivery_append(slot, item);

    } else if (verdict == NGX_ESS_EXCHANGE_RUN_DUPLICATE) {
        ngx_ess_counter_add(slot->worker->zone, NGX_ESS_C_REDELIVERED, 1);
        ngx_ess_exchange_delivery_done(slot, item->tag);
    }
}


static void
ngx_ess_exchange_delivery_pause(ngx_event_t *ev)
{
    ngx_ess_exchange_run_t  *run;

    run = ev->data;

    if (!ngx_ess_exchange_run_wait(run)) {
        ngx_ess_exchange_run_end(run);
        ngx_ess_exchange_delivery_batch(run->slot->worker);
    }
}


void
ngx_ess_exchange_delivery_end(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_run_t  *run;

    run = &ngx_ess_exchange_deliveries.runs[slot->number];

    ngx_ess_exchange_run_end(run);
    ngx_ess_exchange_run_reset(run);
}


ngx_uint_t
ngx_ess_exchange_delivery_idle(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;

    return d->runs[slot->number].nheld == 0 && ngx_queue_empty(&d->delayed);
}


static void
ngx_ess_exchange_delivery_append(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item)
{
    ngx_int_t                     rc;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;
    rc = NGX_AGAIN;

    if (ngx_queue_empty(&d->delayed)) {
        rc = ngx_ess_exchange_delivery_try(slot, item, 0);

        if (rc == NGX_OK) {
            return;
        }
    }

    if (ngx_ess_exchange_delivery_delay(slot, item) == NGX_OK) {

        if (rc == NGX_BUSY) {
            ngx_ess_exchange_delivery_later(d, rc);
        }

        return;
    }

    /* no memory */

    (void) ngx_ess_exchange_delivery_delayed(d, 1);
    (void) ngx_ess_exchange_delivery_try(slot, item, 1);
}


/* NGX_AGAIN: there is no room but that of events that workers have not seen.
   NGX_BUSY: it is half appended, and the event loop has its turn. */

static ngx_int_t
ngx_ess_exchange_delivery_try(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_uint_t force)
{
    ngx_int_t                     n;
    ngx_ess_exchange_worker_t    *w;
    ngx_ess_exchange_delivery_t  *d;

    w = slot->worker;
    d = &ngx_ess_exchange_deliveries;

    if (w->conf->topic
        && ngx_ess_exchange_pattern_match(slot, &item->key, &item->event)
           != NGX_OK
        && !force)
    {
        return NGX_AGAIN;
    }

    item->event.mark = &item->mark;

    n = ngx_ess_log_append(w->zone, &item->key, &item->event, force,
                           &d->wake);

    if (item->event.done) {
        d->appended = 1;
    }

    if (n == NGX_AGAIN || n == NGX_BUSY) {
        return n;
    }

    ngx_ess_exchange_delivery_done(slot, item->tag);

    if (w->conf->topic) {
        ngx_ess_exchange_pattern_appended(slot, &item->event);
    }

    if (n) {
        d->appended = 1;
        return NGX_OK;
    }

    ngx_ess_counter_add(w->zone, NGX_ESS_C_EVENTS_UNROUTED, 1);

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
    ngx_queue_t                  *q;
    ngx_ess_exchange_item_t      *copy, *before;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;

    copy = ngx_ess_exchange_item_copy(item);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    /* in order of their tags; those of a run were held for a while */

    for (q = ngx_queue_last(&d->delayed);
         q != ngx_queue_sentinel(&d->delayed);
         q = ngx_queue_prev(q))
    {
        before = ngx_queue_data(q, ngx_ess_exchange_item_t, queue);

        if (before->tag < copy->tag) {
            break;
        }
    }

    ngx_queue_insert_after(q, &copy->queue);

    d->delayed_bytes += copy->size;

    if (d->delayed_bytes > NGX_ESS_EXCHANGE_DELAYED_BYTES) {
        ngx_ess_amqp_pause(slot->worker->session);
    }

    if (!d->delay.timer_set && !d->delay.posted) {
        ngx_add_timer(&d->delay, NGX_ESS_EXCHANGE_DELAY);
    }

    return NGX_OK;
}


/* What is half appended goes on in the next iteration of the loop, what waits
   for room a little later. */

static void
ngx_ess_exchange_delivery_later(ngx_ess_exchange_delivery_t *d, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        ngx_add_timer(&d->delay, NGX_ESS_EXCHANGE_DELAY);
        return;
    }

    ngx_ess_wait_clear(&d->delay);
    ngx_post_event(&d->delay, &ngx_posted_next_events);
}


/* appends what has room meanwhile */

static ngx_int_t
ngx_ess_exchange_delivery_delayed(ngx_ess_exchange_delivery_t *d,
    ngx_uint_t force)
{
    ngx_int_t                 rc;
    ngx_ess_exchange_item_t  *item;

    while ((item = ngx_ess_exchange_item_first(&d->delayed)) != NULL) {
        rc = ngx_ess_exchange_delivery_try(item->slot, item, force);

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_ess_exchange_delivery_free_delayed(d, item);
    }

    return NGX_OK;
}


static void
ngx_ess_exchange_delivery_delay_handler(ngx_event_t *ev)
{
    ngx_int_t                     rc;
    ngx_ess_exchange_worker_t    *w;
    ngx_ess_exchange_delivery_t  *d;

    w = ev->data;
    d = &ngx_ess_exchange_deliveries;

    rc = ngx_ess_exchange_delivery_delayed(d, 0);

    if (rc != NGX_OK) {
        ngx_ess_exchange_delivery_later(d, rc);
    }

    if (d->delayed_bytes <= NGX_ESS_EXCHANGE_DELAYED_BYTES / 2) {
        ngx_ess_amqp_resume(w->session);
    }

    ngx_ess_exchange_delivery_batch(w);
}


static void
ngx_ess_exchange_delivery_free_delayed(ngx_ess_exchange_delivery_t *d,
    ngx_ess_exchange_item_t *item)
{
    ngx_queue_remove(&item->queue);

    d->delayed_bytes -= item->size;

    ngx_free(item);
}


static void
ngx_ess_exchange_delivery_done(ngx_ess_exchange_slot_t *slot, uint64_t tag)
{
    ngx_ess_exchange_delivery_done_t  *done;

    done = &ngx_ess_exchange_deliveries.done[slot->number];

    if (done->first == 0) {
        done->first = tag;
    }

    done->last = tag;
}


void
ngx_ess_exchange_delivery_drop(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                    i;
    ngx_ess_exchange_item_t      *item;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        ngx_ess_exchange_run_reset(&d->runs[i]);
    }

    while ((item = ngx_ess_exchange_item_first(&d->delayed)) != NULL) {
        ngx_ess_exchange_delivery_free_delayed(d, item);
    }

    ngx_ess_wait_clear(&d->delay);

    ngx_memzero(d->done, sizeof(d->done));

    d->last_tag = 0;
    d->acked_tag = 0;
}


void
ngx_ess_exchange_delivery_batch(ngx_ess_exchange_worker_t *w)
{
    uint64_t                      tag;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;

    if (d->appended) {
        d->appended = 0;
        ngx_ess_wake_procs(w->zone, &d->wake);
    }

    if (w->consume == NULL) {
        return;
    }

    tag = ngx_ess_exchange_delivery_ackable(d);

    if (tag > d->acked_tag) {

        /*
         * Marked first: should this worker die in between, the zone says that
         * less must come again than will.  The other way round, new events
         * could be taken for old ones.
         */

        ngx_ess_exchange_delivery_covered(w, tag);

        if (ngx_ess_amqp_ack(w->consume, tag) == NGX_OK) {
            d->acked_tag = tag;

        } else {
            /* the socket is behind: again from the timer, or the session
               ends */
            ngx_ess_exchange_worker_retry(w);
        }
    }

    ngx_ess_counter_set(w->zone, NGX_ESS_C_UNACKNOWLEDGED,
                        d->last_tag - d->acked_tag);
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
    ngx_uint_t                    i;
    ngx_ess_exchange_run_t       *run;
    ngx_ess_exchange_delivery_t  *d;

    d = &ngx_ess_exchange_deliveries;

    ngx_ess_exchange_delivery_batch(w);

    if (w->consume == NULL
        || ngx_ess_exchange_delivery_ackable(d) > d->acked_tag)
    {
        return;
    }

    ngx_ess_zone_lock(w->zone);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        run = &d->runs[i];

        if (d->done[i].first == 0
            && (run->state == NGX_ESS_EXCHANGE_RUN_PASSING
                || run->state == NGX_ESS_EXCHANGE_RUN_NONE))
        {
            ngx_ess_mark_settled_locked(w->zone, i);
        }
    }

    ngx_ess_zone_unlock(w->zone);
}


/* delivery tags count over all slots: up to the first one that is held or
   delayed */

static uint64_t
ngx_ess_exchange_delivery_ackable(ngx_ess_exchange_delivery_t *d)
{
    uint64_t                  tag;
    ngx_uint_t                i;
    ngx_ess_exchange_item_t  *item;

    item = ngx_ess_exchange_item_first(&d->delayed);
    tag = item ? item->tag - 1 : d->last_tag;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        item = ngx_ess_exchange_item_first(&d->runs[i].held);

        if (item) {
            tag = ngx_min(tag, item->tag - 1);
        }
    }

    return tag;
}


static void
ngx_ess_exchange_delivery_covered(ngx_ess_exchange_worker_t *w, uint64_t tag)
{
    ngx_uint_t                         i;
    ngx_ess_exchange_delivery_done_t  *done;

    ngx_ess_zone_lock(w->zone);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        done = &ngx_ess_exchange_deliveries.done[i];

        if (done->first == 0 || done->first > tag) {
            continue;
        }

        ngx_ess_mark_acked_locked(w->zone, i);

        /* with some of them above "tag" this says too much, which is the
           safe side */

        done->first = (done->last > tag) ? tag + 1 : 0;
    }

    ngx_ess_zone_unlock(w->zone);
}
