/*
 * What a back end is asked about subscriptions, and what it answers, as
 * docs/http-api.md has them.  No I/O, no memory but the caller's.
 */


#ifndef _NGX_ESS_AUTHORIZE_JSON_H_INCLUDED_
#define _NGX_ESS_AUTHORIZE_JSON_H_INCLUDED_


#include "ngx_ess.h"


/* bytes of a key in an answer */
#define NGX_ESS_AUTHORIZE_JSON_KEY  255


/* one key of a stream, or all of it */

typedef struct {
    ngx_str_t                key;           /* the first member: see
                                               ngx_ess_str_cmp() */
    unsigned                 known:1;       /* nobody needs to be asked */
    unsigned                 allowed:1;     /* with it */
} ngx_ess_authorize_key_t;


/* a subscription that is asked about */

typedef struct {
    u_char                  *uuid;          /* NGX_ESS_UUID_LEN bytes */
    ngx_str_t                name;          /* len 0: none */
    ngx_str_t                routing_key;   /* likewise */
    ngx_ess_authorize_key_t *keys;          /* by ngx_ess_str_cmp(), each
                                               once */
    ngx_uint_t               nkeys;         /* 0: all of the stream: "all" */
    ngx_ess_authorize_key_t  all;
    unsigned                 asked:1;       /* it is in the question */
} ngx_ess_authorize_entry_t;


/*
 * {"subscribe":[ with the entries that are asked about, of these those keys
 * that are not known, and the rest.  Writes at "p"; with "p" NULL it only says
 * the length.  All texts but the query are UTF-8; "claims" is JSON, if it is
 * empty, null.
 */
size_t ngx_ess_authorize_json_question(u_char *p,
    ngx_ess_authorize_entry_t *entries, ngx_uint_t n, ngx_str_t *address,
    ngx_str_t *claims, ngx_str_t *query);

/*
 * An answer to that: sets "allowed" of what was asked about.  NGX_OK;
 * NGX_DECLINED: it is none, *wrong is static text, and no "allowed" counts.
 */
ngx_int_t ngx_ess_authorize_json_answer(ngx_str_t *body,
    ngx_ess_authorize_entry_t *entries, ngx_uint_t n, const char **wrong);


#endif /* _NGX_ESS_AUTHORIZE_JSON_H_INCLUDED_ */
