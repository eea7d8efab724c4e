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
       to look at its headers (r->headers_out); it is not to be changed, and no
       other one is to be made or ended here */
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

/*
 * What a request is given (target, headers, body) it uses until nginx has let
 * go of it.  It has when the handler is called.  An abort is only the beginning
 * of that: so it is of req->request->pool, or of the pool that the abort takes.
 * Complex values may be evaluated in req->request.
 */

/*
 * The request line: "method" of upper case letters, which stays the caller's;
 * "uri" is a path, with arguments behind a "?" or without: see
 * ngx_ess_request_uri().  Once.  NGX_OK; NGX_DECLINED: "uri" is unsafe, or does
 * not begin with "/", or it is no method of a request to a location; NGX_ERROR.
 */
ngx_int_t ngx_ess_request_target(ngx_ess_request_t *req, ngx_str_t *method,
    ngx_str_t *uri);

/*
 * Adds a header; name and value stay the caller's.  NGX_OK; NGX_DECLINED: the
 * name is no token, or the value has control characters, or it is one that
 * frames the body or concerns the connection, or nginx knows it and has it
 * already; NGX_ERROR.
 */
ngx_int_t ngx_ess_request_header(ngx_ess_request_t *req, ngx_str_t *name,
    ngx_str_t *value);

/* The body, with its Content-Length and Content-Type; the bytes stay the
   caller's.  "type" may be NULL.  Once.  NGX_OK or NGX_ERROR, NGX_DECLINED as
   for a header. */
ngx_int_t ngx_ess_request_body(ngx_ess_request_t *req, ngx_str_t *type,
    ngx_str_t *body);

/* It comes from the address of that connection, which is copied: for access
   rules, geo, realip, limits.  Without, it comes from "unix:".  NGX_OK or
   NGX_ERROR. */
ngx_int_t ngx_ess_request_client(ngx_ess_request_t *req, ngx_connection_t *c);

/* Lets nginx run it.  The handler is called later, once, never from within. */
void ngx_ess_request_run(ngx_ess_request_t *req);

/*
 * Ends it, at any time before the handler was called, which never is then, nor
 * is "ended"; "req" and "conf" are let go of at once.  Nginx may still use what
 * the request was given, until its event loop has come round, or longer: with
 * "pool", which may be NULL, all that goes when nginx has let go of it.  Not
 * from within "ended".
 */
void ngx_ess_request_abort(ngx_ess_request_t *req, ngx_pool_t *pool);

/* Which request without a client nginx's request belongs to, or is a subrequest
   of; NULL: none, a client sent it.  For variables: req->conf->data. */
ngx_ess_request_t *ngx_ess_request_of(ngx_http_request_t *r);


#endif /* _NGX_ESS_REQUEST_H_INCLUDED_ */
