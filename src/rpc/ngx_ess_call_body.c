
/*
 * Bodies of calls, in a worker: compressed a slice in each turn of the event
 * loop.  All memory is the request's, but that of the codec.
 */


#include "ngx_ess_body.h"
#include "ngx_ess_call_body.h"
#include "ngx_ess_header.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"


static ngx_int_t ngx_ess_call_body_coding(ngx_http_request_t *r,
    ngx_str_t *coding);
static ngx_int_t ngx_ess_call_body_slice(ngx_ess_call_body_t *body);
static void ngx_ess_call_body_handler(ngx_event_t *ev);


static ngx_str_t  ngx_ess_call_body_gzip = ngx_string("gzip");


ngx_int_t
ngx_ess_call_body_check(ngx_http_request_t *r, ngx_ess_call_conf_t *conf)
{
    ngx_int_t  rc;
    ngx_str_t  coding;

    rc = ngx_ess_call_body_coding(r, &coding);

    if (rc != NGX_OK) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      "the Content-Encoding must be one line "
                                      "of at most 255 bytes, without control "
                                      "characters");
    }

    if (conf->pack == NGX_ESS_RPC_GZIP && coding.len
        && !ngx_ess_str_is(&coding, "gzip"))
    {
        if (ngx_ess_header_add(r, "Accept-Encoding", "gzip", 4) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_ess_problem_refuse(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                      "the Content-Encoding must be gzip or "
                                      "identity");
    }

    if (r->headers_in.content_length_n > (off_t) conf->max_body) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "a call has at most %uz bytes here",
                                      conf->max_body);
    }

    return NGX_OK;
}


/* Empty: none.  NGX_DECLINED: it cannot be that of a message. */

static ngx_int_t
ngx_ess_call_body_coding(ngx_http_request_t *r, ngx_str_t *coding)
{
    ngx_table_elt_t  *h;

    ngx_str_null(coding);

    h = ngx_ess_header_find(r, "content-encoding", NULL);
    if (h == NULL) {
        return NGX_OK;
    }

    *coding = h->value;
    ngx_ess_str_trim(coding);

    if (ngx_ess_header_find(r, "content-encoding", h)
        || coding->len > NGX_ESS_MAX_KEY
        || !ngx_ess_header_is_clean(coding->data, coding->len))
    {
        return NGX_DECLINED;
    }

    if (ngx_ess_str_is(coding, "identity")) {
        ngx_str_null(coding);

    } else if (ngx_ess_str_is(coding, "x-gzip")) {
        *coding = ngx_ess_call_body_gzip;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_call_body(ngx_ess_call_body_t *body)
{
    ngx_http_request_t  *r;

    r = body->request;

    if (ngx_ess_body_read(r, r->pool, body->conf->max_body + 1, &body->text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (body->text.len > body->conf->max_body) {
        return NGX_ABORT;
    }

    (void) ngx_ess_call_body_coding(r, &body->coding);

    if (body->conf->pack != NGX_ESS_RPC_GZIP || body->coding.len) {
        return NGX_OK;
    }

    body->coding = ngx_ess_call_body_gzip;

    body->gzip = ngx_ess_gzip_create(&body->text, ngx_cycle->log);
    if (body->gzip == NULL) {
        return NGX_ERROR;
    }

    body->event.handler = ngx_ess_call_body_handler;
    body->event.data = body;
    body->event.log = ngx_cycle->log;

    return ngx_ess_call_body_slice(body);
}


static ngx_int_t
ngx_ess_call_body_slice(ngx_ess_call_body_t *body)
{
    ngx_int_t  rc;

    rc = ngx_ess_gzip_step(body->gzip);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(&body->event);

    } else if (rc == NGX_OK) {
        ngx_ess_gzip_text(body->gzip, &body->text);
    }

    return rc;
}


static void
ngx_ess_call_body_handler(ngx_event_t *ev)
{
    ngx_int_t             rc;
    ngx_ess_call_body_t  *body;

    ngx_ess_turn_begin(ev);

    body = ev->data;
    rc = ngx_ess_call_body_slice(body);

    if (rc != NGX_AGAIN) {
        body->handler(body, rc);
    }
}


void
ngx_ess_call_body_cancel(ngx_ess_call_body_t *body)
{
    if (body->gzip) {
        ngx_ess_wait_clear(&body->event);

        ngx_ess_gzip_destroy(body->gzip);
        body->gzip = NULL;
    }
}
