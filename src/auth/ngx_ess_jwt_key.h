/*
 * Keys that verify tokens: JSON Web Keys (RFC 7517, 7518, 8037), PEM, or a
 * shared secret.  Each key serves one algorithm, whatever a token says.
 */


#ifndef _NGX_ESS_JWT_KEY_H_INCLUDED_
#define _NGX_ESS_JWT_KEY_H_INCLUDED_


#include "ngx_ess.h"
#include <openssl/evp.h>


typedef enum {
    NGX_ESS_JWT_HS256 = 0,
    NGX_ESS_JWT_RS256,
    NGX_ESS_JWT_ES256,
    NGX_ESS_JWT_EDDSA,
    NGX_ESS_JWT_ALGS
} ngx_ess_jwt_alg_e;


typedef struct {
    ngx_ess_jwt_alg_e        alg;
    ngx_str_t                kid;           /* data NULL: none */
    ngx_str_t                secret;        /* of HS256 */
    EVP_PKEY                *pkey;          /* of the others */
} ngx_ess_jwt_key_t;


/* NGX_ESS_JWT_ALGS: there is none of that name. */
ngx_ess_jwt_alg_e ngx_ess_jwt_alg(const u_char *name, size_t len);

/*
 * The key for an algorithm: a secret of at least 32 bytes, without the end of
 * its line, or a public key (or certificate) in PEM.  Memory is the pool's, and
 * goes with it.  NGX_OK; NGX_DECLINED with *reason, static text; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_jwt_key_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_ess_jwt_alg_e alg, ngx_ess_jwt_key_t *key, const char **reason);

/*
 * Those keys of a JSON Web Key Set that are for signatures of one of the
 * algorithms, bits in "algs"; others are left out.  "keys" is of
 * ngx_ess_jwt_key_t.  Returns as ngx_ess_jwt_key_read(); NGX_DECLINED also when
 * there is none, or when one of them is broken.
 */
ngx_int_t ngx_ess_jwt_key_set(ngx_pool_t *pool, ngx_str_t *text,
    ngx_uint_t algs, ngx_array_t *keys, const char **reason);

/* Base64url without padding (RFC 7515, 2), of which there is one way to write
   some bytes; dst->data has room for them.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_jwt_base64url(ngx_str_t *dst, ngx_str_t *src);

/* 1 when the signature fits.  How long it takes says nothing of the key. */
ngx_uint_t ngx_ess_jwt_key_verify(ngx_ess_jwt_key_t *key, ngx_str_t *text,
    ngx_str_t *signature);


#endif /* _NGX_ESS_JWT_KEY_H_INCLUDED_ */
