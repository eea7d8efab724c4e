
/*
 * A message that failed for good: where it was never tried its caller is told;
 * then it goes to the queue of "dead=", until the broker has it, or is
 * rejected.  All state is the message's.  Runs in a worker.
 */


#include "ngx_ess_consume_dead.h"
#include "ngx_ess_consume_door.h"
#include "ngx_ess_consume_fail.h"
#include "ngx_ess_consume_finish.h"
#include "ngx_ess_consume_reply.h"
#include "ngx_ess_consume_turn.h"
#include "ngx_ess_escape.h"


/* ms until a message that the queue of "dead=" did not take is published
   again */
#define NGX_ESS_CONSUME_FAIL_AGAIN  1000


static void ngx_ess_consume_fail_refused(ngx_ess_consume_message_t *msg,
    ngx_int_t rc, ngx_str_t *text);
static ngx_uint_t ngx_ess_consume_fail_now(time_t *last);
static void ngx_ess_consume_fail_log(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_fail_bury(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_fail_later(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_fail_handler(ngx_event_t *ev);
static void ngx_ess_consume_fail_buried(ngx_ess_consume_message_t *msg,
    ngx_int_t rc, ngx_str_t *text);


void
ngx_ess_consume_fail_refuse(ngx_ess_consume_message_t *msg, const char *why)
{
    ngx_str_t  reply_to;

    reply_to = ngx_ess_consume_message_property(msg, AMQP_BASIC_REPLY_TO_FLAG);

    if (msg->delivery.lost || !msg->rpc
        || !ngx_ess_consume_door(&reply_to, msg->queue->consume->reply))
    {
        ngx_ess_consume_fail(msg, why);
        return;
    }

    msg->why = why;
    msg->settled = ngx_ess_consume_fail_refused;

    if (ngx_ess_consume_reply_refusal(msg) != NGX_OK) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    ngx_ess_consume_finish_hurry(msg);
}


/* Whether or not there is a caller, and the broker took it. */

static void
ngx_ess_consume_fail_refused(ngx_ess_consume_message_t *msg, ngx_int_t rc,
    ngx_str_t *text)
{
    if (rc == NGX_ABORT) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    if (rc == NGX_BUSY || rc == NGX_ERROR) {
        ngx_ess_consume_fail_reply_log(msg, text);
    }

    ngx_ess_consume_fail(msg, msg->why);
}


void
ngx_ess_consume_fail_reply_log(ngx_ess_consume_message_t *msg, ngx_str_t *text)
{
    if (ngx_ess_consume_fail_now(&msg->place->refused)) {
        ngx_log_error(NGX_LOG_WARN, msg->log, 0,
                      "ess_consume: the reply to a message of the queue "
                      "\"%V\" was refused: %V", &msg->queue->name, text);
    }
}


/* 1: once a second. */

static ngx_uint_t
ngx_ess_consume_fail_now(time_t *last)
{
    if (*last == ngx_time()) {
        return 0;
    }

    *last = ngx_time();

    return 1;
}


void
ngx_ess_consume_fail(ngx_ess_consume_message_t *msg, const char *why)
{
    if (msg->delivery.lost) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    msg->why = why;

    ngx_ess_consume_fail_log(msg);

    if (msg->timer.timer_set) {
        ngx_del_timer(&msg->timer);
    }

    if (msg->queue->consume->dead.len == 0) {
        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_DEAD,
                               NGX_ESS_CONSUME_SETTLE_REJECT);
        return;
    }

    ngx_ess_consume_fail_bury(msg);
}


static void
ngx_ess_consume_fail_log(ngx_ess_consume_message_t *msg)
{
    ngx_str_t          reply_to;
    ngx_ess_escaped_t  escaped;

    if (!ngx_ess_consume_fail_now(&msg->place->died)) {
        return;
    }

    if (ngx_strcmp(msg->why, NGX_ESS_CONSUME_WHY_REPLY_TO) == 0) {
        reply_to = ngx_ess_consume_message_property(msg,
                                                    AMQP_BASIC_REPLY_TO_FLAG);

        ngx_log_error(NGX_LOG_WARN, msg->log, 0,
                      "ess_consume: a message of the queue \"%V\" is dead: "
                      "replies to \"%V\" are not allowed, or it is no such "
                      "address", &msg->queue->name,
                      ngx_ess_escape(&escaped, &reply_to));
        return;
    }

    ngx_log_error(NGX_LOG_WARN, msg->log, 0,
                  "ess_consume: a message of the queue \"%V\" is dead: \"%s\", "
                  "the last status is %ui, requests: %ui, bytes: %uL",
                  &msg->queue->name, msg->why, msg->status, msg->attempts,
                  msg->body_size);
}


static void
ngx_ess_consume_fail_bury(ngx_ess_consume_message_t *msg)
{
    msg->settled = ngx_ess_consume_fail_buried;

    if (ngx_ess_consume_dead(msg) != NGX_OK) {
        ngx_ess_consume_fail_later(msg);
        return;
    }

    ngx_ess_consume_finish_hurry(msg);
}


static void
ngx_ess_consume_fail_later(ngx_ess_consume_message_t *msg)
{
    if (ngx_ess_consume_queue_leaving(msg->delivery.queue)) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);
        return;
    }

    msg->timer.handler = ngx_ess_consume_fail_handler;

    ngx_add_timer(&msg->timer, NGX_ESS_CONSUME_FAIL_AGAIN);
}


static void
ngx_ess_consume_fail_handler(ngx_event_t *ev)
{
    ngx_ess_consume_message_t  *msg;

    msg = ev->data;

    if (msg->delivery.lost) {
        ngx_ess_consume_finish_drop(msg, NGX_ESS_CONSUME_SETTLE_REQUEUE);

    } else {
        ngx_ess_consume_fail_bury(msg);
    }
}


static void
ngx_ess_consume_fail_buried(ngx_ess_consume_message_t *msg, ngx_int_t rc,
    ngx_str_t *text)
{
    if (rc == NGX_OK) {

        /* a body that was not kept only the broker's own dead letters have */

        ngx_ess_consume_finish(msg, NGX_ESS_CONSUME_DEAD,
                               msg->over_size ? NGX_ESS_CONSUME_SETTLE_REJECT
                                              : NGX_ESS_CONSUME_SETTLE_ACK);
        return;
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_consume_queue_dead(msg->delivery.queue);

    } else if (rc == NGX_ERROR && !msg->bare) {

        /* it may be its headers */

        msg->bare = 1;

    } else if (ngx_ess_consume_fail_now(&msg->place->waited)) {
        ngx_log_error(NGX_LOG_ERR, msg->log, 0,
                      "ess_consume: a dead message of the queue \"%V\" cannot "
                      "be published to \"%V\", it is tried again: %V",
                      &msg->queue->name, &msg->queue->consume->dead, text);
    }

    ngx_ess_consume_fail_later(msg);
}
