/*
 * The body of a request as that of a message: compressed where the location
 * says so, and as it is where it is compressed already.
 */


#ifndef _NGX_ESS_CALL_BODY_H_INCLUDED_
#define _NGX_ESS_CALL_BODY_H_INCLUDED_


#include "ngx_ess_call_conf.h"
#include "ngx_ess_gzip.h"


typedef struct ngx_ess_call_body_s  ngx_ess_call_body_t;

/* rc: as ngx_ess_call_body() returns it, but NGX_AGAIN; never from within
   that. */
typedef void (*ngx_ess_call_body_pt)(ngx_ess_call_body_t *body, ngx_int_t rc);

struct ngx_ess_call_body_s {
    ngx_http_request_t      *request;
    ngx_ess_call_conf_t     *conf;
    ngx_ess_call_body_pt     handler;
    void                    *data;

    ngx_str_t                text;          /* NGX_OK: the body, and */
    ngx_str_t                coding;        /* its content_encoding */

    /* private */
    ngx_event_t              event;
    ngx_ess_gzip_t          *gzip;
};


/*
 * Refuses a body that cannot be passed on, before it is read: returns 413 or
 * 415 for nginx.  NGX_OK: it can.
 */
ngx_int_t ngx_ess_call_body_check(ngx_http_request_t *r,
    ngx_ess_call_conf_t *conf);

/* Takes the body that was read.  NGX_OK.  NGX_AGAIN: it takes longer, the
   handler is called.  NGX_ABORT: it is larger than the location allows.
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_call_body(ngx_ess_call_body_t *body);

/* Nobody waits any more, or for "text".  May be called at any time. */
void ngx_ess_call_body_cancel(ngx_ess_call_body_t *body);


#endif /* _NGX_ESS_CALL_BODY_H_INCLUDED_ */
