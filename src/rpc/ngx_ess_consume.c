
/*
 * Messages on their way through a worker: each waits for its turn in its queue
 * and for a connection, becomes a request, and is settled by what that ends in.
 * Runs in a worker, which owns all of it.
 */


#include "ngx_ess_consume.h"
#include "ngx_ess_consume_door.h"
#include "ngx_ess_consume_fail.h"
#include "ngx_ess_consume_finish.h"
#include "ngx_ess_consume_reply.h"
#include "ngx_ess_consume_request.h"
#include "ngx_ess_consume_retry.h"
#include "ngx_ess_consume_turn.h"
#include "ngx_ess_escape.h"


typedef struct {
    ngx_log_t               *log;           /* NULL: nothing is consumed */
    ngx_queue_t              all;           /* messages */
    unsigned                 leaving:1;
} ngx_ess_consume_t;


static ngx_int_t ngx_ess_consume_begin(ngx_ess_consume_message_t *msg);
static ngx_int_t ngx_ess_consume_run(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_inflate(ngx_event_t *ev);
static void ngx_ess_consume_inflated(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_responded(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_again(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_again_handler(ngx_event_t *ev);
static void ngx_ess_consume_answer(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);
static void ngx_ess_consume_answered(ngx_ess_consume_message_t *msg,
    ngx_int_t rc, ngx_str_t *text);


static ngx_ess_consume_t  ngx_ess_consume;


ngx_int_t
ngx_ess_consume_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    ngx_ess_consume_t  *c;

    c = &ngx_ess_consume;

    ngx_memzero(c, sizeof(ngx_ess_consume_t));
    ngx_queue_init(&c->all);

    if (ngx_ess_consume_turn_init(conf, ngx_ess_consume_begin, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    c->log = log;

    return NGX_OK;
}


void
ngx_ess_consume_exit(void)
{
    ngx_queue_t                *q;
    ngx_ess_consume_t          *c;
    ngx_ess_consume_message_t  *msg;

    c = &ngx_ess_consume;

    if (c->log == NULL) {
        return;
    }

    c->leaving = 1;

    while (!ngx_queue_empty(&c->all)) {
        q = ngx_queue_head(&c->all);
        msg = ngx_queue_data(q, ngx_ess_consume_message_t, all);

        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
    }

    ngx_ess_consume_turn_exit();

    c->log = NULL;
}


void
ngx_ess_consume_delivery(ngx_ess_consume_queue_t *q,
    ngx_ess_amqp_delivery_t *d)
{
    ngx_str_t                      reply_to;
    ngx_ess_consume_t             *c;
    ngx_ess_consume_message_t     *msg;
    ngx_ess_consume_conf_queue_t  *queue;

    c = &ngx_ess_consume;

    if (c->leaving) {
        return;
    }

    queue = ngx_ess_consume_queue_conf(q);

    msg = ngx_ess_consume_message_create(queue, d, c->log);
    if (msg == NULL) {
        return;
    }

    msg->place = ngx_ess_consume_turn_place(queue);
    msg->responded = ngx_ess_consume_responded;

    ngx_ess_consume_queue_take(q, &msg->delivery, d);
    ngx_queue_insert_tail(&c->all, &msg->all);

    if (msg->over_size || msg->body.len > queue->consume->max_body) {
        ngx_ess_consume_fail_refuse(msg, NGX_ESS_CONSUME_WHY_TOO_LARGE);
        return;
    }

    reply_to = ngx_ess_consume_message_property(msg, AMQP_BASIC_REPLY_TO_FLAG);

    if (msg->rpc && !ngx_ess_consume_door(&reply_to, queue->consume->reply)) {
        ngx_ess_consume_fail(msg, NGX_ESS_CONSUME_WHY_REPLY_TO);
        return;
    }

    ngx_ess_consume_turn_wait(msg);
}


/*
 * The broker gives them to somebody else, perhaps to this worker once more: so
 * what is only kept here goes at once, or it would add up while the connection
 * ends again and again.  A reply that was sent and not confirmed is none the
 * better for being waited for.  Requests end by themselves, and hold their
 * queue's share meanwhile.
 */

void
ngx_ess_consume_lost(void)
{
    ngx_queue_t                *q, *next;
    ngx_ess_consume_t          *c;
    ngx_ess_consume_message_t  *msg;

    c = &ngx_ess_consume;

    for (q = ngx_queue_head(&c->all);
         q != ngx_queue_sentinel(&c->all);
         q = next)
    {
        next = ngx_queue_next(q);
        msg = ngx_queue_data(q, ngx_ess_consume_message_t, all);

        if (msg->delivery.lost && msg->state != NGX_ESS_CONSUME_REQUEST) {
            ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        }
    }
}


/* NGX_OK, or NGX_ERROR: it waits again. */

static ngx_int_t
ngx_ess_consume_begin(ngx_ess_consume_message_t *msg)
{
    if (msg->delivery.lost) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return NGX_OK;
    }

    if (msg->rpc && ngx_ess_consume_message_expired(msg)) {
        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_EXPIRED,
                               NGX_ESS_CONSUME_SETTLE_ACK);
        return NGX_OK;
    }

    if (msg->unpacked || !ngx_ess_consume_message_packed(msg)) {
        return ngx_ess_consume_run(msg);
    }

    msg->inflate = ngx_ess_inflate_create(&msg->body, 1,
                                          msg->queue->consume->max_body);
    if (msg->inflate == NULL) {
        ngx_ess_consume_turn_wait_again(msg);
        return NGX_ERROR;
    }

    msg->state = NGX_ESS_CONSUME_INFLATING;
    msg->event.handler = ngx_ess_consume_inflate;

    ngx_post_event(&msg->event, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_run(ngx_ess_consume_message_t *msg)
{
    ngx_int_t  rc;

    msg->state = NGX_ESS_CONSUME_REQUEST;

    rc = ngx_ess_request_room() ? ngx_ess_consume_request(msg) : NGX_ERROR;

    if (rc == NGX_DECLINED) {
        ngx_ess_consume_turn_release(msg);
        ngx_ess_consume_fail_refuse(msg, NGX_ESS_CONSUME_WHY_URI);
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        ngx_ess_consume_turn_wait_again(msg);
    }

    return rc;
}


static void
ngx_ess_consume_inflate(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    const char                 *detail;
    ngx_ess_consume_message_t  *msg;

    msg = ev->data;
    rc = ngx_ess_inflate_step(msg->inflate, &detail);

    if (rc == NGX_AGAIN) {
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_inflate_take(msg->inflate, msg->pool, &msg->text);
    }

    ngx_ess_inflate_destroy(msg->inflate);
    msg->inflate = NULL;

    switch (rc) {

    case NGX_OK:
        ngx_ess_consume_inflated(msg);
        break;

    case NGX_ERROR:
        ngx_ess_consume_turn_wait_again(msg);
        break;

    default:
        ngx_ess_consume_turn_release(msg);
        ngx_ess_consume_fail_refuse(msg, (rc == NGX_ABORT)
                                         ? NGX_ESS_CONSUME_WHY_TOO_LARGE
                                         : NGX_ESS_CONSUME_WHY_INFLATE);
    }
}


static void
ngx_ess_consume_inflated(ngx_ess_consume_message_t *msg)
{
    msg->unpacked = 1;

    if (msg->delivery.lost) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    (void) ngx_ess_consume_run(msg);
}


static void
ngx_ess_consume_responded(ngx_ess_consume_message_t *msg)
{
    ngx_ess_request_t        *req;
    ngx_ess_consume_retry_e   what;

    req = msg->request;
    msg->request = NULL;

    ngx_ess_consume_turn_release(msg);
    ngx_ess_consume_turn_look();

    if (msg->delivery.lost) {

        /* it is somebody else's by now */

        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    what = ngx_ess_consume_retry(msg->rpc, msg->end, msg->status);

    /* one that the end of the worker cut off did not fail */

    if (what == NGX_ESS_CONSUME_RETRY_AGAIN
        && (msg->attempts <= msg->queue->consume->retries
            || (ngx_ess_consume.leaving
                && msg->end == NGX_ESS_REQUEST_BROKEN)))
    {
        ngx_ess_consume_again(msg);

    } else if (msg->rpc) {
        ngx_ess_consume_answer(msg, req);

    } else if (what == NGX_ESS_CONSUME_RETRY_DONE) {
        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_ACK,
                               NGX_ESS_CONSUME_SETTLE_ACK);

    } else {
        ngx_ess_consume_fail(msg, ngx_ess_consume_message_why(msg));
    }
}


static void
ngx_ess_consume_again(ngx_ess_consume_message_t *msg)
{
    ngx_msec_t               delay, left;
    ngx_ess_consume_conf_t  *consume;

    consume = msg->queue->consume;

    if (ngx_ess_consume.leaving) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    ngx_ess_rpc_figures_message(msg->queue->figures, NGX_ESS_CONSUME_RETRY);

    delay = ngx_ess_consume_retry_delay(consume->retry_delay, msg->attempts);

    /* a caller does not wait as long as an application may ask for */

    if (!msg->rpc && msg->retry_after != NGX_TIMER_INFINITE) {
        delay = ngx_max(msg->retry_after, consume->retry_delay);
    }

    if (msg->rpc && msg->expires) {
        left = ngx_current_msec - msg->since;
        left = (left < msg->expiration) ? msg->expiration - left + 1 : 1;

        delay = ngx_min(delay, left);
    }

    msg->state = NGX_ESS_CONSUME_RETRYING;
    msg->timer.handler = ngx_ess_consume_again_handler;

    ngx_add_timer(&msg->timer, delay);
}


static void
ngx_ess_consume_again_handler(ngx_event_t *ev)
{
    ngx_ess_consume_message_t  *msg;

    msg = ev->data;

    if (msg->delivery.lost) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);

    } else if (msg->rpc && ngx_ess_consume_message_expired(msg)) {
        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_EXPIRED,
                               NGX_ESS_CONSUME_SETTLE_ACK);

    } else {
        ngx_ess_consume_turn_wait(msg);
    }
}


static void
ngx_ess_consume_answer(ngx_ess_consume_message_t *msg, ngx_ess_request_t *req)
{
    msg->settled = ngx_ess_consume_answered;

    if (ngx_ess_consume_reply(msg, req) != NGX_OK) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    ngx_ess_consume_finish_hurry(msg);
}


static void
ngx_ess_consume_answered(ngx_ess_consume_message_t *msg, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_ess_escaped_t  escaped;

    switch (rc) {

    case NGX_OK:
        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_REPLY,
                               NGX_ESS_CONSUME_SETTLE_ACK);
        break;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_INFO, msg->log, 0,
                      "ess_consume: the caller of a message of the queue "
                      "\"%V\" is gone, there is no queue \"%V\" for its reply",
                      &msg->queue->name,
                      ngx_ess_escape(&escaped, &msg->publish.queue));

        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_GONE,
                               NGX_ESS_CONSUME_SETTLE_ACK);
        break;

    case NGX_BUSY:
    case NGX_ERROR:
        ngx_ess_consume_fail_reply_log(msg, text);
        ngx_ess_consume_fail(msg, NGX_ESS_CONSUME_WHY_REPLY);
        break;

    default:
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
    }
}


void
ngx_ess_consume_shutdown(void)
{
    ngx_queue_t                *q, *next;
    ngx_ess_consume_t          *c;
    ngx_ess_consume_message_t  *msg;

    c = &ngx_ess_consume;

    if (c->log == NULL) {
        return;
    }

    c->leaving = 1;

    for (q = ngx_queue_head(&c->all);
         q != ngx_queue_sentinel(&c->all);
         q = next)
    {
        next = ngx_queue_next(q);
        msg = ngx_queue_data(q, ngx_ess_consume_message_t, all);

        if (msg->state == NGX_ESS_CONSUME_REQUEST) {
            continue;
        }

        if (msg->state == NGX_ESS_CONSUME_PACKING || msg->in_flight) {
            ngx_ess_consume_finish_hurry(msg);

        } else {
            ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        }
    }
}
