
/*
 * Keys of events, by rules: "routing_key", "header:NAME", "json:/pointer",
 * "none".
 */


#ifndef _NGX_ESS_KEY_H_INCLUDED_
#define _NGX_ESS_KEY_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_json_pointer.h"


typedef enum {
    NGX_ESS_KEY_NONE = 0,
    NGX_ESS_KEY_ROUTING_KEY,
    NGX_ESS_KEY_HEADER,
    NGX_ESS_KEY_JSON
} ngx_ess_key_type_e;


typedef struct {
    ngx_ess_key_type_e       type;
    ngx_str_t                name;          /* of a header */
    ngx_ess_json_pointer_t   pointer;
} ngx_ess_key_rule_t;


/*
 * Takes a rule apart, into the pool; the name of a header stays in "text".
 * NGX_OK.  NGX_DECLINED, with *detail: it is none, static text that says what
 * would be one.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_key_compile(ngx_ess_key_rule_t *rule, ngx_pool_t *pool,
    ngx_str_t *text, const char **detail);

/* The same for whoever only takes it on: NULL: it is one, or *none that there
   are no keys.  Else static text that says what would be one. */
const char *ngx_ess_key_wrong(ngx_str_t *text, ngx_uint_t *none);

/*
 * The key of an event by the rule of that text: of those that were compiled
 * last some are kept, in the process.  "key" has room for NGX_ESS_MAX_KEY
 * bytes.  A string is taken without its escapes, a number or a boolean as it
 * stands there.  NGX_OK.  NGX_DECLINED: it has none, for what is there is no
 * such value, is empty, longer than NGX_ESS_MAX_KEY bytes, or no UTF-8, or the
 * rule is none.  In a worker, without the mutex.
 */
ngx_int_t ngx_ess_key_find(ngx_ess_event_t *event, ngx_str_t *rule,
    ngx_str_t *key);

/* May it be a key: 1 to NGX_ESS_MAX_KEY bytes of UTF-8? */
ngx_uint_t ngx_ess_key_valid(ngx_str_t *key);


#endif /* _NGX_ESS_KEY_H_INCLUDED_ */
