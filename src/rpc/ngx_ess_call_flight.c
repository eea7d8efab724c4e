
/*
 * Calls in flight, in a worker: sent when the channel is ready, and answered
 * by a reply, by what the broker says, or by a timer.  A message belongs to its
 * call, which may leave at any time.
 */


#include "ngx_ess_call_flight.h"
#include "ngx_ess_rpc_figures.h"
#include "ngx_ess_wait.h"


/* ms in which the broker is to confirm a message */
#define NGX_ESS_CALL_FLIGHT_CONFIRM  2000


typedef struct {
    ngx_ess_call_pending_table_t  pending;
    ngx_log_t               *log;
    ngx_str_t               *down;
    uint64_t                 serial;        /* of the last message */
    ngx_uint_t               unconfirmed;   /* on all channels */
    unsigned                 proven:1;      /* the session confirmed one */
} ngx_ess_call_flights_t;


static ngx_uint_t ngx_ess_call_flight_may(ngx_ess_call_flight_t *f);
static void ngx_ess_call_flight_timer(ngx_event_t *ev);
static void ngx_ess_call_flight_fail_one(ngx_ess_call_message_t *m,
    ngx_int_t rc, ngx_str_t *why);
static void ngx_ess_call_flight_fail_queue(ngx_queue_t *queue,
    ngx_str_t *why);
static void ngx_ess_call_flight_unlink(ngx_ess_call_message_t *m);


static ngx_ess_call_flights_t  ngx_ess_call_flights;


static ngx_str_t  ngx_ess_call_flight_not_ready =
    ngx_string("the broker could not be reached in time");
static ngx_str_t  ngx_ess_call_flight_silent =
    ngx_string("the broker did not confirm the call in time");
static ngx_str_t  ngx_ess_call_flight_nacked =
    ngx_string("the broker did not take the call, the queue may be full");


void
ngx_ess_call_flight_init(ngx_log_t *log)
{
    ngx_memzero(&ngx_ess_call_flights, sizeof(ngx_ess_call_flights_t));

    ngx_ess_call_flights.log = log;

    ngx_ess_call_pending_init(&ngx_ess_call_flights.pending);
}


void
ngx_ess_call_flight_create(ngx_ess_call_flight_t *f, ngx_str_t *exchange)
{
    f->exchange = *exchange;

    ngx_queue_init(&f->waiting);
    ngx_queue_init(&f->sent);
    ngx_queue_init(&f->confirmed);
}


void
ngx_ess_call_flight_down(ngx_str_t *why)
{
    ngx_ess_call_flights.down = why;
}


void
ngx_ess_call_flight_unproven(void)
{
    ngx_ess_call_flights.proven = 0;
}


void
ngx_ess_call_flight_publish(ngx_ess_call_flight_t *f,
    ngx_ess_call_message_t *m)
{
    ngx_str_t  *why;

    m->flight = f;
    m->since = ngx_current_msec;
    m->state = NGX_ESS_CALL_WAITING;

    m->timer.handler = ngx_ess_call_flight_timer;
    m->timer.data = m;
    m->timer.log = ngx_ess_call_flights.log;

    ngx_queue_insert_tail(&f->waiting, &m->link);

    why = ngx_ess_call_flights.down ? ngx_ess_call_flights.down : f->refused;

    if (why) {
        ngx_ess_call_flight_fail_one(m, NGX_BUSY, why);
        return;
    }

    if (ngx_ess_call_pending_add(&ngx_ess_call_flights.pending, &m->pending)
        != NGX_OK)
    {
        ngx_ess_call_flight_fail_one(m, NGX_ERROR, NULL);
        return;
    }

    ngx_add_timer(&m->timer, ngx_min(m->timeout, NGX_ESS_CALL_FLIGHT_CONFIRM));

    ngx_ess_call_flight_pump(f);
}


void
ngx_ess_call_flight_cancel(ngx_ess_call_message_t *m)
{
    if (m->flight) {
        ngx_ess_call_flight_unlink(m);
        m->flight = NULL;
    }
}


void
ngx_ess_call_flight_pump(ngx_ess_call_flight_t *f)
{
    ngx_int_t                rc;
    ngx_queue_t             *q;
    ngx_ess_call_message_t  *m;

    while (ngx_ess_call_flight_may(f)) {
        q = ngx_queue_head(&f->waiting);
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        m->serial = ngx_ess_call_flights.serial + 1;

        rc = ngx_ess_call_message_send(m, f->channel, &f->exchange);

        if (rc == NGX_AGAIN) {
            return;
        }

        if (rc != NGX_OK) {
            ngx_ess_call_flight_fail_one(m, NGX_ERROR, NULL);
            continue;
        }

        ngx_ess_call_flights.serial++;
        ngx_ess_call_flights.unconfirmed++;

        m->tag = ++f->tag;
        m->state = NGX_ESS_CALL_SENT;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&f->sent, q);
    }
}


/*
 * During an alarm the broker tells a new session so once something was
 * published: until it confirmed one, there is one at a time, or all of them
 * would be done when the alarm ends, long after they were answered.
 */

static ngx_uint_t
ngx_ess_call_flight_may(ngx_ess_call_flight_t *f)
{
    return f->ready
           && ngx_ess_call_flights.down == NULL
           && (ngx_ess_call_flights.proven
               || ngx_ess_call_flights.unconfirmed == 0)
           && !ngx_queue_empty(&f->waiting);
}


static void
ngx_ess_call_flight_timer(ngx_event_t *ev)
{
    ngx_int_t                rc;
    ngx_str_t               *why;
    ngx_msec_t               passed;
    ngx_ess_call_message_t  *m;

    m = ev->data;

    passed = ngx_current_msec - m->since;
    rc = NGX_ABORT;
    why = NULL;

    if (m->state == NGX_ESS_CALL_FAILED) {
        rc = m->rc;
        why = m->why;

    } else if (m->state == NGX_ESS_CALL_WAITING) {
        rc = NGX_BUSY;
        why = &ngx_ess_call_flight_not_ready;

    } else if (passed < m->timeout) {

        if (m->state == NGX_ESS_CALL_CONFIRMED) {
            ngx_add_timer(ev, m->timeout - passed);
            return;
        }

        rc = NGX_BUSY;
        why = &ngx_ess_call_flight_silent;
    }

    ngx_ess_call_flight_cancel(m);

    m->handler(m, rc, NULL, why);
}


/* Its handler is called from the event. */

static void
ngx_ess_call_flight_fail_one(ngx_ess_call_message_t *m, ngx_int_t rc,
    ngx_str_t *why)
{
    ngx_ess_call_flight_unlink(m);

    m->state = NGX_ESS_CALL_FAILED;
    m->rc = rc;
    m->why = why;

    ngx_post_event(&m->timer, &ngx_posted_events);
}


static void
ngx_ess_call_flight_fail_queue(ngx_queue_t *queue, ngx_str_t *why)
{
    ngx_ess_call_message_t  *m;

    while (!ngx_queue_empty(queue)) {
        m = ngx_queue_data(ngx_queue_head(queue), ngx_ess_call_message_t,
                           link);

        ngx_ess_call_flight_fail_one(m, NGX_BUSY, why);
    }
}


void
ngx_ess_call_flight_fail_sent(ngx_ess_call_flight_t *f, ngx_str_t *why)
{
    ngx_ess_call_flight_fail_queue(&f->sent, why);
    ngx_ess_call_flight_fail_queue(&f->confirmed, why);
}


void
ngx_ess_call_flight_fail(ngx_ess_call_flight_t *f, ngx_str_t *why)
{
    ngx_ess_call_flight_fail_queue(&f->waiting, why);
    ngx_ess_call_flight_fail_sent(f, why);
}


void
ngx_ess_call_flight_fail_unconfirmed(ngx_ess_call_flight_t *f, ngx_str_t *why)
{
    ngx_ess_call_flight_fail_queue(&f->waiting, why);
    ngx_ess_call_flight_fail_queue(&f->sent, why);
}


/* Takes it off all lists, whatever its state. */

static void
ngx_ess_call_flight_unlink(ngx_ess_call_message_t *m)
{
    if (m->state != NGX_ESS_CALL_FAILED) {
        ngx_queue_remove(&m->link);
    }

    if (m->state == NGX_ESS_CALL_SENT) {
        ngx_ess_call_flights.unconfirmed--;
    }

    ngx_ess_call_pending_remove(&ngx_ess_call_flights.pending, &m->pending);
    ngx_ess_wait_clear(&m->timer);
}


ngx_uint_t
ngx_ess_call_flight_confirmed(ngx_ess_call_flight_t *f, uint64_t tag,
    ngx_uint_t multiple, ngx_uint_t ok)
{
    ngx_uint_t               first;
    ngx_queue_t             *q, *next;
    ngx_ess_call_message_t  *m;

    for (q = ngx_queue_head(&f->sent);
         q != ngx_queue_sentinel(&f->sent);
         q = next)
    {
        next = ngx_queue_next(q);
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        if (m->tag > tag) {
            break;
        }

        if (m->tag != tag && !multiple) {
            continue;
        }

        if (!ok) {
            ngx_ess_call_flight_fail_one(m, NGX_BUSY,
                                         &ngx_ess_call_flight_nacked);
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&f->confirmed, q);

        m->state = NGX_ESS_CALL_CONFIRMED;
        ngx_ess_call_flights.unconfirmed--;
    }

    first = !ngx_ess_call_flights.proven;
    ngx_ess_call_flights.proven = 1;

    return first;
}


/* Before it is confirmed. */

void
ngx_ess_call_flight_returned(ngx_ess_call_flight_t *f, uint64_t number)
{
    ngx_queue_t             *q;
    ngx_ess_call_message_t  *m;

    for (q = ngx_queue_head(&f->sent);
         q != ngx_queue_sentinel(&f->sent);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, ngx_ess_call_message_t, link);

        if (m->serial == number) {
            ngx_ess_call_flight_fail_one(m, NGX_DECLINED, NULL);
            return;
        }
    }
}


void
ngx_ess_call_flight_delivery(ngx_ess_amqp_delivery_t *d)
{
    amqp_basic_properties_t  *properties;
    ngx_ess_call_pending_t   *pending;
    ngx_ess_call_message_t   *m;

    pending = NULL;
    properties = d->properties;

    if (properties->_flags & AMQP_BASIC_CORRELATION_ID_FLAG) {
        pending = ngx_ess_call_pending_find(&ngx_ess_call_flights.pending,
                                            properties->correlation_id.bytes,
                                            properties->correlation_id.len);
    }

    if (pending == NULL) {
        ngx_ess_rpc_figures_call(NGX_ESS_CALL_LATE);
        return;
    }

    m = (ngx_ess_call_message_t *)
            ((u_char *) pending - offsetof(ngx_ess_call_message_t, pending));

    ngx_ess_call_flight_cancel(m);

    m->handler(m, NGX_OK, d, NULL);
}
