
/*
 * Keys of own slots are bound again: in passes, as fast as the broker answers,
 * when it is known or feared that bindings are gone; and in rounds, slowly and
 * for ever, for RabbitMQ tells nobody that a binding was removed.  A round
 * gives way to a pass.  All state is the worker's.
 */


#include "ngx_ess_exchange_bind.h"
#include "ngx_ess_exchange_consumer.h"
#include "ngx_ess_exchange_former.h"
#include "ngx_ess_exchange_rebind.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_exchange_watch.h"
#include "ngx_ess_counter.h"


/* keys in flight, and read from the zone at a time */
#define NGX_ESS_EXCHANGE_REBIND_WINDOW     64
#define NGX_ESS_EXCHANGE_REBIND_READ       16

/* so many refusals in a pass are no matter of single keys */
#define NGX_ESS_EXCHANGE_REBIND_REFUSED    16
#define NGX_ESS_EXCHANGE_REBIND_LATER      10000    /* ms */

/*
 * ms that a round takes at least, and for each stream, so that all workers
 * together bind no more than 200 keys a second: each costs the broker 0.2 ms
 * of CPU time
 */
#define NGX_ESS_EXCHANGE_REBIND_ROUND      4000
#define NGX_ESS_EXCHANGE_REBIND_KEY        5

/* ms between two portions of a round */
#define NGX_ESS_EXCHANGE_REBIND_TICK_MIN   100
#define NGX_ESS_EXCHANGE_REBIND_TICK_MAX   1000


static ngx_uint_t ngx_ess_exchange_rebind_due(ngx_ess_exchange_worker_t *w);
static ngx_int_t ngx_ess_exchange_rebind_read(ngx_ess_exchange_worker_t *w);
static ngx_uint_t ngx_ess_exchange_rebind_begin(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_rebind_start(ngx_ess_exchange_worker_t *w,
    ngx_uint_t slots, ngx_uint_t round);
static void ngx_ess_exchange_rebind_end(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_rebind_stop(ngx_ess_exchange_worker_t *w);
static void ngx_ess_exchange_rebind_answered(ngx_ess_exchange_slot_t *slot,
    ngx_int_t rc, ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_rebind_refused(ngx_ess_exchange_slot_t *slot,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_exchange_rebind_round_begin(ngx_ess_exchange_worker_t *w);


/*
 * A pass takes keys with subscribers first, then all, few at a time, so that
 * neither the zone nor the socket holds up the worker.  Slots that ask for it
 * meanwhile get the next pass.
 */

void
ngx_ess_exchange_rebind(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    if (w->admin == NULL || w->draining) {
        return;
    }

    if (ngx_ess_exchange_rebind_due(w) && (r->slots == 0 || r->round)
        && !ngx_ess_exchange_rebind_begin(w))
    {
        return;
    }

    if (r->slots == 0) {
        return;
    }

    while (!r->read
           && r->busy
              <= NGX_ESS_EXCHANGE_REBIND_WINDOW - NGX_ESS_EXCHANGE_REBIND_READ
           && !(r->round && r->credit == 0))
    {
        if (ngx_ess_exchange_rebind_read(w) != NGX_OK) {
            ngx_ess_exchange_rebind_stop(w);
        }
    }

    if (r->read && r->busy == 0) {
        ngx_ess_exchange_rebind_end(w);
    }
}


/* Those of w->rebind that need not wait until others have left their queues. */

static ngx_uint_t
ngx_ess_exchange_rebind_due(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t  i, slots;

    slots = w->rebind;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (w->slots[i].former.state == NGX_ESS_EXCHANGE_FORMER_TAKEN) {
            slots &= ~((ngx_uint_t) 1 << i);
        }
    }

    return slots;
}


static ngx_uint_t
ngx_ess_exchange_rebind_begin(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                  i, bit, due;
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    if (w->exchange.state != NGX_ESS_EXCHANGE_READY
        || !ngx_ess_exchange_watch_settled(w)
        || ngx_ess_exchange_consumer_starting(w))
    {
        return 0;
    }

    due = ngx_ess_exchange_rebind_due(w);

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        bit = (ngx_uint_t) 1 << i;

        if (!(due & bit)) {
            continue;
        }

        if (w->slots[i].queue.state == NGX_ESS_EXCHANGE_REFUSED) {
            /* asks again when it is consumed at last */
            w->rebind &= ~bit;
            due &= ~bit;

        } else if (w->slots[i].queue.state != NGX_ESS_EXCHANGE_READY) {
            return 0;
        }
    }

    if (due == 0) {
        return 0;
    }

    if (r->after) {

        if ((ngx_msec_int_t) (r->after - ngx_current_msec) > 0) {
            return 0;
        }

        r->after = 0;
    }

    ngx_ess_exchange_rebind_start(w, due, 0);

    w->rebind &= ~due;

    return 1;
}


static void
ngx_ess_exchange_rebind_start(ngx_ess_exchange_worker_t *w, ngx_uint_t slots,
    ngx_uint_t round)
{
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    r->slots = slots;
    r->round = round;
    r->former = ngx_ess_exchange_former_bound(w) & slots;
    r->subscribed = !round;
    r->cursor = 0;
    r->keys = 0;
    r->bound = 0;
    r->refused = 0;
    r->read = 0;
}


static ngx_int_t
ngx_ess_exchange_rebind_read(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                  i, n;
    ngx_ess_stream_key_t        keys[NGX_ESS_EXCHANGE_REBIND_READ];
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;
    n = NGX_ESS_EXCHANGE_REBIND_READ;

    if (r->round) {
        n = ngx_min(n, r->credit);
        r->credit -= n;
    }

    n = ngx_ess_stream_keys(w->zone, r->slots, r->subscribed,
                            &r->cursor, keys, n);

    if (n == 0) {
        if (r->subscribed) {
            r->subscribed = 0;
            r->cursor = 0;

        } else {
            r->read = 1;
        }

        return NGX_OK;
    }

    for (i = 0; i < n; i++) {

        if (ngx_ess_exchange_bind_again(w, &keys[i],
                                        ngx_ess_exchange_rebind_answered)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        r->busy++;
    }

    if (!r->subscribed) {
        r->keys += n;
    }

    return NGX_OK;
}


static void
ngx_ess_exchange_rebind_end(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    if (r->round) {
        r->round_keys = r->keys;

    } else if (r->after == 0) {
        ngx_log_error(NGX_LOG_INFO, w->log, 0,
                      "bound %ui routing keys again, %ui were refused",
                      r->bound, r->refused);

        ngx_ess_exchange_former_unbound(w, r->former);

        if (w->lost) {
            ngx_ess_counter_add(w->zone, NGX_ESS_C_RESTORED, r->keys);

            w->lost &= ~r->slots;
            ngx_ess_exchange_worker_gauge(w);
        }
    }

    r->slots = 0;
    r->round = 0;

    if (ngx_ess_exchange_rebind_due(w)) {
        ngx_ess_exchange_worker_kick(w);
    }
}


/* gives up the pass; all of it is done again later */

static void
ngx_ess_exchange_rebind_stop(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    r->read = 1;
    w->rebind |= r->slots;

    r->after = ngx_current_msec + NGX_ESS_EXCHANGE_REBIND_LATER;
    r->after += (r->after == 0);

    ngx_ess_exchange_worker_retry(w);
}


static void
ngx_ess_exchange_rebind_answered(ngx_ess_exchange_slot_t *slot, ngx_int_t rc,
    ngx_uint_t code, ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;
    ngx_ess_exchange_rebind_t  *r;

    w = slot->worker;
    r = &w->rebinds;
    r->busy--;

    if (rc == NGX_ABORT) {
        return;
    }

    if (rc == NGX_OK) {
        r->bound++;

    } else {
        ngx_ess_exchange_rebind_refused(slot, code, text);
    }

    ngx_ess_exchange_rebind(w);
}


static void
ngx_ess_exchange_rebind_refused(ngx_ess_exchange_slot_t *slot, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_exchange_worker_t  *w;
    ngx_ess_exchange_rebind_t  *r;

    w = slot->worker;
    r = &w->rebinds;
    r->refused++;

    ngx_ess_amqp_trouble_once(w->session, NGX_LOG_ERR,
                              "broker refused a binding", code, text);

    if (code == AMQP_NOT_FOUND) {
        /* soon again, but for the backoff */
        ngx_ess_exchange_slot_gone(slot);
        ngx_ess_exchange_rebind_stop(w);
        r->after = ngx_current_msec ? ngx_current_msec : 1;

    } else if (r->refused == NGX_ESS_EXCHANGE_REBIND_REFUSED
               && !r->round)
    {
        ngx_ess_exchange_rebind_stop(w);
    }
}


/*
 * A round has the time that it would take at 200 keys a second, were it for
 * the streams of all workers; each takes as much of it as it has keys.  Streams
 * may come while it goes on, so its pace is that of what there is by now.
 */

ngx_msec_t
ngx_ess_exchange_rebind_tick(ngx_ess_exchange_worker_t *w)
{
    uint64_t                    due;
    ngx_msec_t                  time, tick;
    ngx_uint_t                  n, keys;
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    if (w->admin == NULL || w->draining || ngx_ess_exchange_rebind_due(w)
        || (r->slots && !r->round)
        || w->exchange.state != NGX_ESS_EXCHANGE_READY)
    {
        return NGX_ESS_EXCHANGE_REBIND_TICK_MAX;
    }

    n = ngx_ess_stream_count(w->zone);

    time = ngx_max(n * NGX_ESS_EXCHANGE_REBIND_KEY,
                   NGX_ESS_EXCHANGE_REBIND_ROUND);

    if (r->slots == 0 && ngx_current_msec - r->round_begin >= time) {
        ngx_ess_exchange_rebind_round_begin(w);
    }

    keys = ngx_max(r->round_keys, n * r->round_slots / NGX_ESS_SLOTS) + 1;

    tick = ngx_min(ngx_max(time / keys, NGX_ESS_EXCHANGE_REBIND_TICK_MIN),
                   NGX_ESS_EXCHANGE_REBIND_TICK_MAX);

    if (r->slots) {

        /* spread evenly; what was due and did not get its turn is not made up
           for in a burst */

        due = r->round_due
              + (uint64_t) keys * ngx_min(ngx_current_msec - r->round_last,
                                          NGX_ESS_EXCHANGE_REBIND_TICK_MAX);

        r->credit = due / time;
        r->round_due = due % time;
        r->round_last = ngx_current_msec;

        ngx_ess_exchange_rebind(w);
    }

    return tick;
}


static void
ngx_ess_exchange_rebind_round_begin(ngx_ess_exchange_worker_t *w)
{
    ngx_uint_t                  i, slots, n;
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    slots = 0;
    n = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {

        if (w->slots[i].consuming
            && w->slots[i].queue.state == NGX_ESS_EXCHANGE_READY)
        {
            slots |= (ngx_uint_t) 1 << i;
            n++;
        }
    }

    r->round_begin = ngx_current_msec;
    r->round_last = ngx_current_msec - NGX_ESS_EXCHANGE_REBIND_TICK_MIN;
    r->round_slots = n;
    r->round_due = 0;
    r->credit = 0;

    if (slots) {
        ngx_ess_exchange_rebind_start(w, slots, 1);
    }
}


void
ngx_ess_exchange_rebind_reset(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_exchange_rebind_t  *r;

    r = &w->rebinds;

    /* own slots are bound again once they are consumed again */

    r->slots = 0;
    r->round = 0;
    w->rebind = 0;
    r->busy = 0;
    r->read = 0;
    r->after = 0;
}
