/*
 * JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, as RFC 8725
 * wants them checked.  Pure functions.
 */


#ifndef _NGX_ESS_JWT_TOKEN_H_INCLUDED_
#define _NGX_ESS_JWT_TOKEN_H_INCLUDED_


#include "ngx_ess_jwt_key.h"


#define NGX_ESS_JWT_TOKEN_MAX    8192       /* bytes */


/* what a token must be */

typedef struct {
    ngx_array_t             *keys;          /* of ngx_ess_jwt_key_t */
    ngx_str_t                aud;           /* null terminated; data NULL: a
                                               token must have none */
    ngx_str_t                iss;           /* null terminated; data NULL:
                                               any */
    ngx_uint_t               leeway;        /* s, for clocks that differ */
    ngx_flag_t               endless;       /* "exp" may be missing */
} ngx_ess_jwt_policy_t;


/*
 * Is the token one, signed with one of the keys, and valid at "now" (s since
 * 1970)?  *claims is its payload, JSON in the pool's memory; *expires is when
 * it ends, the leeway included; 0: never.  NGX_OK; NGX_DECLINED with *reason,
 * static text; NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_jwt_token_verify(ngx_ess_jwt_policy_t *policy,
    ngx_str_t *token, time_t now, ngx_pool_t *pool, ngx_str_t *claims,
    time_t *expires, const char **reason);

/* A claim as text; what is no string as JSON.  NGX_OK; NGX_DECLINED: there is
   none of that name; NGX_ERROR: no memory. */
ngx_int_t ngx_ess_jwt_token_claim(ngx_str_t *claims, ngx_str_t *name,
    ngx_pool_t *pool, ngx_str_t *value);


#endif /* _NGX_ESS_JWT_TOKEN_H_INCLUDED_ */
