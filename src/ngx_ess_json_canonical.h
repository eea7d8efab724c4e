/*
 * Which texts say the same?  A JSON value in one form: members by name, strings
 * without needless escapes, numbers without needless digits, no white space.
 */


#ifndef _NGX_ESS_JSON_CANONICAL_H_INCLUDED_
#define _NGX_ESS_JSON_CANONICAL_H_INCLUDED_


#include "ngx_ess_json_read.h"


#define NGX_ESS_JSON_CANONICAL_HASH  16


/* The first bytes of the SHA-256 of the form.  "value" was read, with unique
   members and at most NGX_ESS_JSON_DEPTH deep.  NGX_OK, or NGX_ERROR: no
   memory. */
ngx_int_t ngx_ess_json_canonical_hash(const ngx_ess_json_value_t *value,
    u_char hash[NGX_ESS_JSON_CANONICAL_HASH], ngx_log_t *log);


#endif /* _NGX_ESS_JSON_CANONICAL_H_INCLUDED_ */
