/*
 * "ess_authorize": a back end is asked whether a client may have what it wants
 * to subscribe to, many subscriptions in one question.
 *
 *   create ─► add, skip ... ─► ask ─► (handler) ─► verdict ... ─► free
 *
 * Who asks owns it until it is freed, also while the answer is waited for.
 */


#ifndef _NGX_ESS_AUTHORIZE_H_INCLUDED_
#define _NGX_ESS_AUTHORIZE_H_INCLUDED_


#include "ngx_ess_conf.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_stream.h"


/* streams, and keys, of a question; one stream has any number of keys */
#define NGX_ESS_AUTHORIZE_STREAMS  256
#define NGX_ESS_AUTHORIZE_KEYS     1024


typedef struct ngx_ess_authorize_s  ngx_ess_authorize_t;


typedef enum {
    NGX_ESS_AUTHORIZE_UNKNOWN = 0,          /* there was no answer: 503 */
    NGX_ESS_AUTHORIZE_ALLOWED,
    NGX_ESS_AUTHORIZE_REFUSED               /* 403 */
} ngx_ess_authorize_e;


/* "grant", if there is one, is held.  NULL: no memory. */
ngx_ess_authorize_t *ngx_ess_authorize_create(ngx_ess_authorize_conf_t *conf,
    ngx_ess_jwt_grant_t *grant);

/* One more subscription: of those keys, which are copied, 0: all of the stream;
   or one that nobody is asked about.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_authorize_add(ngx_ess_authorize_t *a,
    ngx_ess_stream_info_t *info, ngx_str_t *keys, ngx_uint_t nkeys);
ngx_int_t ngx_ess_authorize_skip(ngx_ess_authorize_t *a);

/* How many these are; 1: there are as many as a question takes. */
ngx_uint_t ngx_ess_authorize_n(ngx_ess_authorize_t *a);
ngx_uint_t ngx_ess_authorize_full(ngx_ess_authorize_t *a);

/*
 * Asks, for the client of that connection, by the server "ctx"; the query is
 * its request's.  NGX_AGAIN: the handler is called later, once, never from
 * within; NGX_OK: there is no need to wait.
 */
ngx_int_t ngx_ess_authorize_ask(ngx_ess_authorize_t *a,
    ngx_http_conf_ctx_t *ctx, ngx_connection_t *c, ngx_str_t *query,
    void (*handler)(void *data), void *data);

/* Afterwards, of the nth subscription; *key: which one of its keys is refused,
   as long as "a" is there; len 0: all of it. */
ngx_ess_authorize_e ngx_ess_authorize_verdict(ngx_ess_authorize_t *a,
    ngx_uint_t n, ngx_str_t *key);

/* 1: the nth one is of the stream of that uuid. */
ngx_uint_t ngx_ess_authorize_is(ngx_ess_authorize_t *a, ngx_uint_t n,
    const u_char *uuid);

/* At any time, also before the handler was called, which never is then. */
void ngx_ess_authorize_free(ngx_ess_authorize_t *a);


#endif /* _NGX_ESS_AUTHORIZE_H_INCLUDED_ */
