/*
 * The stream that somebody names, and whether its client may have it.  Private
 * to client/.
 */


#ifndef _NGX_ESS_CLIENT_STREAM_H_INCLUDED_
#define _NGX_ESS_CLIENT_STREAM_H_INCLUDED_


#include "ngx_ess_jwt.h"
#include "ngx_ess_stream.h"


/* what a stream is called, in texts of whoever asks, of "info", and of its own:
   not to be copied */

typedef struct {
    ngx_str_t                uuid;          /* len 0: it is not known */
    ngx_str_t                name;          /* likewise, or it has none */
    unsigned                 named:1;       /* by its name, not by its uuid */
    u_char                   text[NGX_ESS_UUID_TEXT];
} ngx_ess_client_named_t;


/*
 * Looks up the stream that the address names, by uuid or, where the location
 * says so, by name; key NULL: all of it is wanted.
 * NGX_OK; NGX_DECLINED: there is none; or the status to answer with: the token
 * is not for it, whether it is there or not.  Takes the mutex.
 */
ngx_int_t ngx_ess_client_stream(ngx_http_request_t *r, ngx_str_t *key,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info);

/* The stream that the text names, by uuid or by name, whoever asks.  NGX_OK;
   NGX_DECLINED: there is none; NGX_ABORT: nor can there be.  Takes the
   mutex. */
ngx_int_t ngx_ess_client_stream_find(ngx_str_t *text,
    ngx_ess_client_named_t *named, ngx_ess_stream_info_t *info);

/* What a stream that is known is called. */
void ngx_ess_client_stream_known(ngx_ess_stream_info_t *info,
    ngx_ess_client_named_t *named);

/* 1: the token lets its client have it, and of it those keys (0: all of it). */
ngx_uint_t ngx_ess_client_stream_listed(ngx_ess_jwt_grant_t *grant,
    ngx_ess_client_named_t *named, ngx_str_t *keys, ngx_uint_t nkeys);


#endif /* _NGX_ESS_CLIENT_STREAM_H_INCLUDED_ */
