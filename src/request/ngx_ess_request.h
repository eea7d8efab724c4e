/*
 * A request without a client: nginx runs it through its own locations as any
 * other, and what it answers is collected here.  Knows nothing of who wants it,
 * nor why.
 *
 *   create ──► target, header, body, client ──► run ──► handler ──► (freed)
 *                                                │
 *                                                └── abort ──► (freed)
 *
 * It takes a connection of the worker's, without a socket, from create on.
 */


#ifndef _NGX_ESS_REQUEST_H_INCLUDED_
#define _NGX_ESS_REQUEST_H_INCLUDED_


#include "ngx_ess.h"


typedef struct ngx_ess_request_s  ngx_ess_request_t;


/* how it ended */

typedef enum {
    NGX_ESS_REQUEST_DONE = 0,   /* with a response, whole, of any status */
    NGX_ESS_REQUEST_BROKEN,     /* in the middle of the response, or without
                                   one */
    NGX_ESS_REQUEST_TIMEOUT,
    NGX_ESS_REQUEST_TOO_LARGE   /* the response's body, for "max" */
} ngx_ess_request_end_e;


/* what is wanted of it; the caller's, until the end */

typedef struct {
    /* from an event of its own; see the fields of ngx_ess_request_t; it is
       freed when this returns */
    void                   (*handler)(ngx_ess_request_t *req);

    /* NULL, or: the response is over, and nginx's request is still there: time
       to look at its headers (r->headers_out); it is not to be changed */
    void                   (*ended)(ngx_ess_request_t *req,
                                 ngx_http_request_t *r);

    void                    *data;
    ngx_http_conf_ctx_t     *ctx;           /* of the server that runs it */
    ngx_msec_t               timeout;       /* ms, for all of it */
    size_t                   max;           /* bytes of the response's body */
} ngx_ess_request_conf_t;


struct ngx_ess_request_s {
    const ngx_ess_request_conf_t *conf;

    /* nginx's, from create to run, and within "ended" */
    ngx_http_request_t      *request;

    /* for the handler; the memory goes when it returns */
    ngx_ess_request_end_e    end;
    ngx_uint_t               status;        /* of the response; 0: none */
    ngx_str_t                type;          /* Content-Type, with its charset;
                                               empty: none */
    ngx_str_t                body;
};


/* 1: there are as many connections left as one more request takes, and some
   for others.  Logs nothing. */
ngx_uint_t ngx_ess_request_room(void);

/*
 * "conf" stays the caller's, until the handler was called or the abort.  NULL:
 * no memory, or no connection; ask ngx_ess_request_room() first, for nginx logs
 * an alert when it has none.
 */
ngx_ess_request_t *ngx_ess_request_create(const ngx_ess_request_conf_t *conf,
    ngx_log_t *log);

/* Memory that lives as long as nginx's request does: conf's complex values may
   be evaluated in req->request, and headers be made in its pool. */

/*
 * The request line: "method" of upper case letters; "uri" is a path, with
 * arguments behind a "?" or without, percent-encoded or not, as for "rewrite".
 * Both stay the caller's until the end, or are of the request's pool.  NGX_OK;
 * NGX_DECLINED: "uri" is unsafe, or does not begin with "/"; NGX_ERROR.
 */
ngx_int_t ngx_ess_request_target(ngx_ess_request_t *req, ngx_str_t *method,
    ngx_str_t *uri);

/* Adds a header, which must have no control characters; name and value stay
   the caller's until the end.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_request_header(ngx_ess_request_t *req, ngx_str_t *name,
    ngx_str_t *value);

/* The body, with its Content-Length and Content-Type; the bytes stay the
   caller's until the end.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_request_body(ngx_ess_request_t *req, ngx_str_t *type,
    ngx_str_t *body);

/* It comes from the address of that connection, which is copied: for access
   rules, geo, realip, limits.  Without, it comes from "unix:".  NGX_OK or
   NGX_ERROR. */
ngx_int_t ngx_ess_request_client(ngx_ess_request_t *req, ngx_connection_t *c);

/* Lets nginx run it.  The handler is called later, once, never from within. */
void ngx_ess_request_run(ngx_ess_request_t *req);

/* Ends it, at any time before the handler was called, which never is then;
   "req" is freed.  Not from within "ended". */
void ngx_ess_request_abort(ngx_ess_request_t *req);

/* Which request without a client nginx's request belongs to, or is a subrequest
   of; NULL: none, a client sent it.  For variables: req->conf->data. */
ngx_ess_request_t *ngx_ess_request_of(ngx_http_request_t *r);


#endif /* _NGX_ESS_REQUEST_H_INCLUDED_ */
