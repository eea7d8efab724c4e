/*
 * Keys of events: none by a rule; any text may be one.
 */


#include "ngx_ess_key.h"


ngx_int_t
ngx_ess_key_find(ngx_ess_event_t *event, ngx_str_t *rule, ngx_str_t *key)
{
    return NGX_DECLINED;
}


ngx_uint_t
ngx_ess_key_valid(ngx_str_t *key)
{
    return key->len > 0 && key->len <= NGX_ESS_MAX_KEY;
}
