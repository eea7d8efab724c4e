/*
 * What back ends have answered about subscriptions, for a while: this worker's,
 * by who was asked, the token's subject, the stream and the key.
 */


#ifndef _NGX_ESS_AUTHORIZE_CACHE_H_INCLUDED_
#define _NGX_ESS_AUTHORIZE_CACHE_H_INCLUDED_


#include "ngx_ess_conf.h"


/* answers; the oldest one goes for a new one */
#define NGX_ESS_AUTHORIZE_CACHE_MAX      10000

/* bytes of a subject; of a longer one nothing is kept */
#define NGX_ESS_AUTHORIZE_CACHE_SUBJECT  256


/* "sub" as JSON, len 0: nobody's, of whom nothing is kept; "key" len 0: all of
   the stream.  NGX_OK: *allowed was answered; NGX_DECLINED: it is not known. */
ngx_int_t ngx_ess_authorize_cache_find(ngx_ess_authorize_conf_t *conf,
    ngx_str_t *sub, u_char *uuid, ngx_str_t *key, ngx_uint_t *allowed);

/* Keeps it for conf->cache, if there is memory. */
void ngx_ess_authorize_cache_add(ngx_ess_authorize_conf_t *conf,
    ngx_str_t *sub, u_char *uuid, ngx_str_t *key, ngx_uint_t allowed);

/* The worker exits. */
void ngx_ess_authorize_cache_exit(void);


#endif /* _NGX_ESS_AUTHORIZE_CACHE_H_INCLUDED_ */
