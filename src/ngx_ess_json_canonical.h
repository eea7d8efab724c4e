/*
 * Which texts say the same?  A JSON value in one form: members by name, strings
 * without needless escapes, numbers without needless digits, no white space.
 *
 * The form is for hashing, and hashes are kept in databases: it never changes.
 * {"b":1.50,"a":[100,"\u0041\n"]} is {"a":[1e2,"A\u000a"],"b":15e-1}.
 */


#ifndef _NGX_ESS_JSON_CANONICAL_H_INCLUDED_
#define _NGX_ESS_JSON_CANONICAL_H_INCLUDED_


#include "ngx_ess_json_read.h"


#define NGX_ESS_JSON_CANONICAL_HASH  16


/*
 * The first bytes of the SHA-256 of the form.  "value" was read, with unique
 * members and at most NGX_ESS_JSON_DEPTH deep.  NGX_OK, or NGX_ERROR: no
 * memory, which is logged.  It is needed while the members of objects are
 * sorted, some ten times their text at most.  It takes as long as the text is,
 * however its values are nested, but for the sorting.  Not for threads.
 */
ngx_int_t ngx_ess_json_canonical_hash(const ngx_ess_json_value_t *value,
    u_char hash[NGX_ESS_JSON_CANONICAL_HASH], ngx_log_t *log);

/*
 * 1: two strings, numbers or literals say the same; 0: they do not, or one of
 * them is an object or an array, which hashes tell apart.  Needs no memory.
 */
ngx_uint_t ngx_ess_json_canonical_same(const ngx_ess_json_value_t *one,
    const ngx_ess_json_value_t *two);

/* An order of strings, numbers and literals, in which equal ones are
   neighbours: less than 0, 0, or more; of two objects or arrays, none. */
int ngx_ess_json_canonical_cmp_scalars(const ngx_ess_json_value_t *one,
    const ngx_ess_json_value_t *two);


#endif /* _NGX_ESS_JSON_CANONICAL_H_INCLUDED_ */
