/*
 * What a client's token lets it have, for as long as the client is there: the
 * request that had the token may be gone.  Counted, in heap memory; no more
 * than what its claim lists.  In the following a grant that is NULL is of a
 * client that no token let in: it has everything.
 */


#ifndef _NGX_ESS_JWT_GRANT_H_INCLUDED_
#define _NGX_ESS_JWT_GRANT_H_INCLUDED_


#include "ngx_ess.h"


struct ngx_ess_jwt_conf_s;

typedef struct ngx_ess_jwt_grant_s  ngx_ess_jwt_grant_t;


/* Of claims that were checked, of a token that ends then, by the ess_jwt of a
   location, which stays as long as the grant.  NULL: no memory. */
ngx_ess_jwt_grant_t *ngx_ess_jwt_grant_create(struct ngx_ess_jwt_conf_s *conf,
    ngx_str_t *claims, time_t expires, ngx_log_t *log);

/*
 * 1: the token lets its client have that stream, of which uuid or name may be
 * NULL, and of it that key; key NULL: all of it.  The claim lists "*", a uuid,
 * a name, with "#key" behind it for events with that key only, with "#prefix*"
 * for keys that begin so.
 */
ngx_uint_t ngx_ess_jwt_grant_allows(ngx_ess_jwt_grant_t *grant,
    ngx_str_t *uuid, ngx_str_t *name, ngx_str_t *key);

/* Whose token it is, as JSON; and where the location's grants keep them, all
   of its claims, an object.  data NULL: there is none. */
ngx_str_t ngx_ess_jwt_grant_sub(ngx_ess_jwt_grant_t *grant);
ngx_str_t ngx_ess_jwt_grant_claims(ngx_ess_jwt_grant_t *grant);

/* When the token ends, s since 1970; 0: never. */
time_t ngx_ess_jwt_grant_expires(ngx_ess_jwt_grant_t *grant);

/*
 * A new token, checked as at the handshake.  NGX_OK: *grant is new, and the old
 * one is still the caller's; or the status that says what is wrong: 401: it is
 * no valid one, or none let the client in; 403: it is somebody else's, for its
 * "sub" is another one; 500: no memory.  *reason is a sentence then, until the
 * next call.
 */
ngx_int_t ngx_ess_jwt_grant_renew(ngx_ess_jwt_grant_t *old, ngx_str_t *token,
    ngx_log_t *log, ngx_ess_jwt_grant_t **grant, ngx_str_t *reason);

/* One more, one less has it; with the last one it goes. */
ngx_ess_jwt_grant_t *ngx_ess_jwt_grant_hold(ngx_ess_jwt_grant_t *grant);
void ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant);


#endif /* _NGX_ESS_JWT_GRANT_H_INCLUDED_ */
