
/*
 * Queues that this worker consumes: the seam to those who take messages, the
 * deliveries of a channel, and what the broker says of it.  All state is the
 * worker's; a delivery is its taker's, and in the list of its queue until it
 * is settled or lost.
 */


#include "ngx_ess_consume_queue.h"
#include "ngx_ess_consume_queue_leave.h"
#include "ngx_ess_consume_queue_start.h"


/* ms until what the socket did not take is tried again */
#define NGX_ESS_CONSUME_QUEUE_BEHIND  100

/* ms that what is given back for want of memory is held, or it would come again
   at once */
#define NGX_ESS_CONSUME_QUEUE_BACK    1000


static void ngx_ess_consume_queue_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *d);
static void ngx_ess_consume_queue_give_back(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d);
static void ngx_ess_consume_queue_settled(ngx_ess_consume_queue_t *q,
    uint64_t tag, ngx_ess_consume_settle_e how);
static void ngx_ess_consume_queue_lost(ngx_event_t *ev);
static void ngx_ess_consume_queue_canceled(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t tag);
static void ngx_ess_consume_queue_reopened(ngx_ess_amqp_channel_t *ch,
    ngx_uint_t code, ngx_str_t *text);
static void ngx_ess_consume_queue_closed(ngx_ess_amqp_channel_t *ch);
static void ngx_ess_consume_queue_back(ngx_event_t *ev);
static void ngx_ess_consume_queue_send(ngx_event_t *ev);


static const ngx_ess_amqp_channel_handlers_t  ngx_ess_consume_queue_channel = {
    .delivery = ngx_ess_consume_queue_delivery,
    .canceled = ngx_ess_consume_queue_canceled,
    .reopened = ngx_ess_consume_queue_reopened,
    .closed = ngx_ess_consume_queue_closed
};


ngx_int_t
ngx_ess_consume_queue_init(ngx_ess_rpc_conf_t *conf,
    ngx_ess_consume_queue_pt handler, ngx_ess_consume_queue_lost_pt lost,
    ngx_log_t *log)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_t         *q;
    ngx_ess_consume_conf_queue_t    *queue;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;
    ngx_memzero(w, sizeof(ngx_ess_consume_queue_worker_t));

    w->log = log;
    w->handler = handler;
    w->lost = lost;
    w->handlers = &ngx_ess_consume_queue_channel;

    ngx_ess_consume_queue_worker_event(&w->lose, ngx_ess_consume_queue_lost,
                                       w);

    w->queues = ngx_calloc(conf->queues.nelts * sizeof(ngx_ess_consume_queue_t),
                           log);
    if (w->queues == NULL) {
        return NGX_ERROR;
    }

    queue = conf->queues.elts;

    for (i = 0; i < conf->queues.nelts; i++) {
        q = &w->queues[w->n++];

        q->conf = &queue[i];
        (void) ngx_sprintf(q->tag, "ess-%ui%Z", i + 1);

        ngx_queue_init(&q->unsettled);

        ngx_ess_consume_queue_start_init(q);
        ngx_ess_consume_queue_worker_event(&q->settle,
                                           ngx_ess_consume_queue_send, q);
        ngx_ess_consume_queue_worker_event(&q->back,
                                           ngx_ess_consume_queue_back, q);

        if (ngx_ess_consume_acks_room(&q->acks, q->conf->consume->concurrency,
                                      log)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_ess_consume_queue_exit(void)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    if (w->queues == NULL) {
        return;
    }

    for (i = 0; i < w->n; i++) {
        ngx_ess_wait_clear(&w->queues[i].turn);
        ngx_ess_wait_clear(&w->queues[i].settle);
        ngx_ess_wait_clear(&w->queues[i].back);
        ngx_ess_consume_acks_free(&w->queues[i].acks);
    }

    ngx_ess_wait_clear(&w->lose);
    ngx_ess_wait_clear(&w->leave);

    ngx_free(w->queues);
    w->queues = NULL;
}


ngx_ess_consume_conf_queue_t *
ngx_ess_consume_queue_conf(ngx_ess_consume_queue_t *q)
{
    return q->conf;
}


ngx_uint_t
ngx_ess_consume_queue_leaving(ngx_ess_consume_queue_t *q)
{
    return ngx_ess_consume_queue_worker.leaving;
}


void
ngx_ess_consume_queue_open(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    w->session = s;

    for (i = 0; i < w->n; i++) {
        w->queues[i].attempt = 0;
        ngx_post_event(&w->queues[i].turn, &ngx_posted_events);
    }
}


void
ngx_ess_consume_queue_close(void)
{
    ngx_uint_t                       i;
    ngx_ess_consume_queue_t         *q;
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    w->session = NULL;
    w->admin = NULL;

    for (i = 0; i < w->n; i++) {
        q = &w->queues[i];

        q->closing = NULL;

        ngx_ess_consume_queue_start_drop(q);
        ngx_ess_wait_clear(&q->turn);

        if (w->leaving) {
            ngx_ess_consume_queue_leave_done(q);
        }
    }
}


void
ngx_ess_consume_queue_dead(ngx_ess_consume_queue_t *q)
{
    ngx_ess_consume_queue_worker_t  *w;

    w = &ngx_ess_consume_queue_worker;

    if (w->admin && q->dead.name->len && !q->dead.busy) {
        ngx_ess_consume_queue_declare(&q->dead, w->admin);
    }
}


void
ngx_ess_consume_queue_shutdown(void)
{
    ngx_ess_consume_queue_leave();
}


static void
ngx_ess_consume_queue_delivery(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_delivery_t *d)
{
    ngx_ess_consume_queue_t         *q;
    ngx_ess_consume_queue_worker_t  *w;

    q = ngx_ess_amqp_channel_data(ch);
    w = &ngx_ess_consume_queue_worker;

    /* there is, unless the broker gives more than it was told */

    if (ngx_ess_consume_acks_room(&q->acks, q->acks.nelts + q->nunsettled + 1,
                                  w->log)
        != NGX_OK)
    {
        ngx_ess_consume_queue_reopened(ch, 0, NULL);
        return;
    }

    if (w->leaving) {
        ngx_ess_consume_queue_give_back(q, d);
        return;
    }

    q->taken = 0;

    w->handler(q, d);

    if (!q->taken) {
        ngx_ess_consume_queue_give_back(q, d);
    }
}


/* As the single active consumer we would only get it again: it goes when the
   channel does. */

static void
ngx_ess_consume_queue_give_back(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d)
{
    if (ngx_ess_consume_queue_worker.leaving && q->conf->consume->sac) {

        if (q->left == 0) {
            q->left = d->delivery_tag;
        }

        return;
    }

    ngx_ess_consume_queue_settled(q, d->delivery_tag,
                                  NGX_ESS_CONSUME_SETTLE_REQUEUE);
}


void
ngx_ess_consume_queue_take(ngx_ess_consume_queue_t *q,
    ngx_ess_consume_delivery_t *delivery, ngx_ess_amqp_delivery_t *d)
{
    q->taken = 1;
    q->nunsettled++;

    delivery->queue = q;
    delivery->tag = d->delivery_tag;
    delivery->lost = 0;

    ngx_queue_insert_tail(&q->unsettled, &delivery->link);
}


void
ngx_ess_consume_queue_settle(ngx_ess_consume_delivery_t *delivery,
    ngx_ess_consume_settle_e how)
{
    ngx_ess_consume_queue_t  *q;

    if (delivery->lost) {
        return;
    }

    q = delivery->queue;

    ngx_queue_remove(&delivery->link);
    q->nunsettled--;

    ngx_ess_consume_queue_settled(q, delivery->tag, how);
}


static void
ngx_ess_consume_queue_settled(ngx_ess_consume_queue_t *q, uint64_t tag,
    ngx_ess_consume_settle_e how)
{
    ngx_ess_consume_acks_add(&q->acks, tag, how);
    ngx_post_event(&q->settle, &ngx_posted_events);

    if (how == NGX_ESS_CONSUME_SETTLE_REQUEUE && !q->back.timer_set) {
        ngx_add_timer(&q->back, NGX_ESS_CONSUME_QUEUE_BACK);
    }
}


static void
ngx_ess_consume_queue_lost(ngx_event_t *ev)
{
    ngx_ess_consume_queue_worker.lost();
}


static void
ngx_ess_consume_queue_back(ngx_event_t *ev)
{
    ngx_ess_consume_queue_t  *q;

    q = ev->data;

    ngx_post_event(&q->settle, &ngx_posted_events);
}


static void
ngx_ess_consume_queue_send(ngx_event_t *ev)
{
    uint64_t                     oldest;
    ngx_uint_t                   leaving;
    ngx_queue_t                 *link;
    ngx_ess_consume_queue_t     *q;
    ngx_ess_consume_delivery_t  *delivery;

    q = ev->data;
    leaving = ngx_ess_consume_queue_worker.leaving;

    if (q->channel == NULL) {
        return;
    }

    oldest = q->left ? q->left : UINT64_MAX;

    if (!ngx_queue_empty(&q->unsettled)) {

        if (leaving && q->conf->consume->sac) {

            /* with each acknowledgement another one would come */

            return;
        }

        link = ngx_queue_head(&q->unsettled);
        delivery = ngx_queue_data(link, ngx_ess_consume_delivery_t, link);
        oldest = ngx_min(oldest, delivery->tag);
    }

    /* what is given back before the consumer is gone would come again */

    if (ngx_ess_consume_acks_send(&q->acks, q->channel, oldest,
                                  leaving ? !q->busy : !q->back.timer_set)
        != NGX_OK)
    {
        ngx_add_timer(ev, NGX_ESS_CONSUME_QUEUE_BEHIND);
        return;
    }

    if (leaving) {
        ngx_ess_consume_queue_leave_settled(q);
    }
}


/* the queue was deleted, or its node is gone */

static void
ngx_ess_consume_queue_canceled(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag)
{
    ngx_ess_consume_queue_t  *q;

    q = ngx_ess_amqp_channel_data(ch);

    if (!ngx_ess_consume_queue_worker.leaving) {
        ngx_log_error(NGX_LOG_WARN, ngx_ess_consume_queue_worker.log, 0,
                      "the broker canceled the consumer of the queue \"%V\"",
                      &q->conf->name);

        ngx_ess_consume_queue_start_later(q);
    }
}


/* It was closed by the broker, for a delivery was not settled for too long:
   what comes of its deliveries is void. */

static void
ngx_ess_consume_queue_reopened(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
    ngx_str_t *text)
{
    ngx_ess_consume_queue_t  *q;

    q = ngx_ess_amqp_channel_data(ch);

    if (ngx_ess_consume_queue_worker.leaving) {
        ngx_ess_consume_queue_start_drop(q);
        ngx_ess_consume_queue_leave_done(q);

    } else {

        if (code) {

            /* the session's own line has the broker's reason, but no queue */

            ngx_log_error(NGX_LOG_WARN, ngx_ess_consume_queue_worker.log, 0,
                          "the broker closed the channel of the queue \"%V\", "
                          "what was in work comes again: %ui messages",
                          &q->conf->name, q->nunsettled);

            q->told = 1;
        }

        ngx_ess_consume_queue_start_later(q);
    }
}


/* by us, and the broker has all that was sent on it before */

static void
ngx_ess_consume_queue_closed(ngx_ess_amqp_channel_t *ch)
{
    ngx_ess_consume_queue_t  *q;

    q = ngx_ess_amqp_channel_data(ch);

    if (q->closing == ch) {
        q->closing = NULL;
        ngx_ess_consume_queue_leave_done(q);
    }
}
