
/*
 * Requests become RPC calls, in a worker: which queue is meant, the body, the
 * call, and the response that its reply becomes.  All memory is the request's;
 * should that end before, the call is forgotten.
 */


#include "ngx_ess_call.h"
#include "ngx_ess_call_answer.h"
#include "ngx_ess_call_body.h"
#include "ngx_ess_call_channel.h"
#include "ngx_ess_call_flight.h"
#include "ngx_ess_header.h"
#include "ngx_ess_origin.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_wait.h"


typedef struct {
    ngx_http_request_t      *request;
    ngx_ess_call_conf_t     *conf;
    ngx_http_cleanup_t      *cleanup;
    ngx_msec_t               start;         /* ms, the body was read */
    ngx_ess_call_body_t      body;
    ngx_ess_call_message_t   message;
    ngx_ess_call_answer_t    answer;
} ngx_ess_call_t;


static void ngx_ess_call_read(ngx_http_request_t *r);
static ngx_int_t ngx_ess_call_begin(ngx_http_request_t *r);
static ngx_int_t ngx_ess_call_queue(ngx_http_request_t *r,
    ngx_ess_call_conf_t *conf, ngx_str_t *queue);
static void ngx_ess_call_header(ngx_http_request_t *r, const char *name,
    size_t max, ngx_str_t *value);
static void ngx_ess_call_packed(ngx_ess_call_body_t *body, ngx_int_t rc);
static ngx_int_t ngx_ess_call_publish(ngx_ess_call_t *call, ngx_int_t rc);
static void ngx_ess_call_reply(ngx_ess_call_message_t *m, ngx_int_t rc,
    ngx_ess_amqp_delivery_t *d, ngx_str_t *text);
static ngx_int_t ngx_ess_call_unanswered(ngx_ess_call_t *call, ngx_int_t rc,
    ngx_str_t *text);
static void ngx_ess_call_unpacked(ngx_ess_call_answer_t *answer, ngx_int_t rc);
static ngx_int_t ngx_ess_call_respond(ngx_ess_call_t *call, ngx_int_t rc);
static ngx_int_t ngx_ess_call_refuse(ngx_int_t rc);
static void ngx_ess_call_end(ngx_ess_call_t *call,
    ngx_ess_call_outcome_e outcome);
static void ngx_ess_call_gone(void *data);


/* of this worker, by the numbers of the locations: calls in flight */
static ngx_uint_t  *ngx_ess_call_flying;


ngx_int_t
ngx_ess_call_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log)
{
    ngx_ess_call_flying = ngx_calloc((conf->calls.nelts + 1)
                                     * sizeof(ngx_uint_t), log);
    if (ngx_ess_call_flying == NULL) {
        return NGX_ERROR;
    }

    return ngx_ess_call_channel_init(conf, log);
}


void
ngx_ess_call_exit(void)
{
    ngx_ess_call_channel_exit();

    if (ngx_ess_call_flying) {
        ngx_free(ngx_ess_call_flying);
        ngx_ess_call_flying = NULL;
    }
}


ngx_int_t
ngx_ess_call_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_str_t             queue;
    ngx_ess_loc_conf_t   *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    if (ngx_ess_origin_is_foreign(r)) {
        return ngx_ess_call_refuse(
                   ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                          NGX_ESS_ORIGIN_FOREIGN));
    }

    rc = ngx_ess_call_queue(r, lcf->call, &queue);

    if (rc == NGX_OK) {
        rc = ngx_ess_call_body_check(r, lcf->call);

        if (rc != NGX_OK) {
            return ngx_ess_call_refuse(rc);
        }
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_read_client_request_body(r, ngx_ess_call_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return ngx_ess_call_refuse(rc);
    }

    return NGX_DONE;
}


static void
ngx_ess_call_read(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_ess_call_begin(r);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/* NGX_AGAIN: under way. */

static ngx_int_t
ngx_ess_call_begin(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_ess_call_t       *call;
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_call_conf_t  *conf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    conf = lcf->call;

    if (ngx_ess_call_flying[conf->number] >= conf->max) {
        ngx_ess_rpc_figures_call(NGX_ESS_CALL_UNAVAILABLE);

        return ngx_ess_problem_retry(r, "%ui calls are in flight here, which "
                                     "is what \"max\" of \"ess_rpc\" allows",
                                     conf->max);
    }

    call = ngx_pcalloc(r->pool, sizeof(ngx_ess_call_t));
    if (call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->request = r;
    call->conf = conf;
    call->start = ngx_current_msec;

    rc = ngx_ess_call_queue(r, conf, &call->message.queue);
    if (rc != NGX_OK) {
        return rc;
    }

    call->cleanup = ngx_ess_wait(r, ngx_ess_call_gone, call);
    if (call->cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_ess_call_flying[conf->number]++;
    ngx_ess_rpc_figures_in_flight(1);

    call->body.request = r;
    call->body.conf = conf;
    call->body.handler = ngx_ess_call_packed;
    call->body.data = call;

    rc = ngx_ess_call_body(&call->body);

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_ess_call_publish(call, rc);
}


/* NGX_OK, or what is to be given to nginx, counted. */

static ngx_int_t
ngx_ess_call_queue(ngx_http_request_t *r, ngx_ess_call_conf_t *conf,
    ngx_str_t *queue)
{
    ngx_str_t          *listed;
    ngx_uint_t          i;
    ngx_ess_escaped_t   e;

    if (ngx_http_complex_value(r, conf->queue, queue) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (conf->queues == NULL) {
        return NGX_OK;
    }

    listed = conf->queues->elts;

    for (i = 0; i < conf->queues->nelts; i++) {
        if (ngx_ess_str_equal(&listed[i], queue)) {
            return NGX_OK;
        }
    }

    ngx_ess_rpc_figures_call(NGX_ESS_CALL_NO_QUEUE);

    return ngx_ess_problem_refuse(r, NGX_HTTP_NOT_FOUND,
                                  "\"%V\" is none of the queues that can be "
                                  "called here", ngx_ess_escape(&e, queue));
}


/* Empty: it is not there, or cannot be a message's. */

static void
ngx_ess_call_header(ngx_http_request_t *r, const char *name, size_t max,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_ess_header_find(r, name, NULL);

    if (h && h->value.len <= max
        && ngx_ess_header_is_clean(h->value.data, h->value.len))
    {
        *value = h->value;
    }
}


static void
ngx_ess_call_packed(ngx_ess_call_body_t *body, ngx_int_t rc)
{
    ngx_ess_call_t  *call;

    call = body->data;

    rc = ngx_ess_call_publish(call, rc);

    if (rc != NGX_AGAIN) {
        ngx_ess_wait_finish(call->request, rc);
    }
}


/* The body is there, or "rc" says why not.  NGX_AGAIN: it is published. */

static ngx_int_t
ngx_ess_call_publish(ngx_ess_call_t *call, ngx_int_t rc)
{
    ngx_http_request_t      *r;
    ngx_ess_call_message_t  *m;

    r = call->request;

    if (rc == NGX_ABORT) {
        ngx_ess_call_end(call, NGX_ESS_CALL_REFUSED);

        return ngx_ess_problem_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "a call has at most %uz bytes here",
                                      call->conf->max_body);
    }

    if (rc != NGX_OK) {
        ngx_ess_call_end(call, NGX_ESS_CALL_UNAVAILABLE);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    m = &call->message;

    m->handler = ngx_ess_call_reply;
    m->data = call;
    m->exchange = call->conf->exchange;
    m->coding = call->body.coding;
    m->body = call->body.text;
    m->timeout = call->conf->timeout;

    ngx_ess_call_header(r, "content-type", NGX_ESS_MAX_KEY, &m->type);
    ngx_ess_call_header(r, "traceparent", NGX_ESS_CALL_TRACE, &m->traceparent);
    ngx_ess_call_header(r, "tracestate", NGX_ESS_CALL_TRACE, &m->tracestate);

    ngx_ess_call_channel_publish(m);

    return NGX_AGAIN;
}


static void
ngx_ess_call_reply(ngx_ess_call_message_t *m, ngx_int_t rc,
    ngx_ess_amqp_delivery_t *d, ngx_str_t *text)
{
    ngx_ess_call_t         *call;
    ngx_ess_call_answer_t  *answer;

    call = m->data;

    /* it was kept until it was sent, and for nobody else */

    ngx_ess_call_body_cancel(&call->body);

    if (rc != NGX_OK) {
        ngx_ess_wait_finish(call->request,
                            ngx_ess_call_unanswered(call, rc, text));
        return;
    }

    answer = &call->answer;

    answer->request = call->request;
    answer->conf = call->conf;
    answer->handler = ngx_ess_call_unpacked;
    answer->data = call;

    rc = ngx_ess_call_answer(answer, d);

    if (rc != NGX_AGAIN) {
        ngx_ess_wait_finish(call->request, ngx_ess_call_respond(call, rc));
    }
}


static ngx_int_t
ngx_ess_call_unanswered(ngx_ess_call_t *call, ngx_int_t rc, ngx_str_t *text)
{
    ngx_http_request_t  *r;

    r = call->request;

    switch (rc) {

    case NGX_DECLINED:
        ngx_ess_call_end(call, NGX_ESS_CALL_NO_QUEUE);

        return ngx_ess_problem_refuse(r, NGX_HTTP_NOT_FOUND,
                                      "the broker has no queue \"%V\" for this "
                                      "call, nobody answers it",
                                      &call->message.queue);

    case NGX_ABORT:
        ngx_ess_call_end(call, NGX_ESS_CALL_TIMEOUT);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no reply from queue \"%V\" within %M ms",
                      &call->message.queue, call->conf->timeout);

        return ngx_ess_problem_refuse(r, NGX_HTTP_GATEWAY_TIME_OUT,
                                      "no reply came within %M ms",
                                      call->conf->timeout);

    case NGX_BUSY:
        ngx_ess_call_end(call, NGX_ESS_CALL_UNAVAILABLE);

        return ngx_ess_problem_retry(r, "%V", text);

    default:
        ngx_ess_call_end(call, NGX_ESS_CALL_UNAVAILABLE);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_ess_call_unpacked(ngx_ess_call_answer_t *answer, ngx_int_t rc)
{
    ngx_ess_call_t  *call;

    call = answer->data;

    ngx_ess_wait_finish(call->request, ngx_ess_call_respond(call, rc));
}


static ngx_int_t
ngx_ess_call_respond(ngx_ess_call_t *call, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = call->request;

    if (rc == NGX_DECLINED) {
        ngx_ess_call_end(call, NGX_ESS_CALL_BAD_REPLY);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "a reply from queue \"%V\" is not passed on: %s",
                      &call->message.queue, call->answer.detail);

        return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_GATEWAY, "%s",
                                      call->answer.detail);
    }

    if (rc != NGX_OK) {
        ngx_ess_call_end(call, NGX_ESS_CALL_UNAVAILABLE);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_ess_rpc_figures_call_time(ngx_current_msec - call->start);

    ngx_ess_call_end(call, (call->answer.status < 500) ? NGX_ESS_CALL_REPLY
                                                       : NGX_ESS_CALL_ERROR);

    return ngx_ess_call_answer_send(&call->answer);
}


static ngx_int_t
ngx_ess_call_refuse(ngx_int_t rc)
{
    ngx_ess_rpc_figures_call(NGX_ESS_CALL_REFUSED);

    return rc;
}


/* Nothing of it is under way any more; what the answer has stays. */

static void
ngx_ess_call_end(ngx_ess_call_t *call, ngx_ess_call_outcome_e outcome)
{
    call->cleanup->handler = NULL;

    ngx_ess_call_body_cancel(&call->body);
    ngx_ess_call_flight_cancel(&call->message);
    ngx_ess_call_answer_cancel(&call->answer);

    ngx_ess_call_flying[call->conf->number]--;

    ngx_ess_rpc_figures_in_flight(-1);
    ngx_ess_rpc_figures_call(outcome);
}


static void
ngx_ess_call_gone(void *data)
{
    ngx_ess_call_end(data, NGX_ESS_CALL_GONE);
}
