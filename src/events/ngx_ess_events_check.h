/*
 * Is an event one of the log's, and what does the log have to know of it?
 */


#ifndef _NGX_ESS_EVENTS_CHECK_H_INCLUDED_
#define _NGX_ESS_EVENTS_CHECK_H_INCLUDED_


#include "ngx_ess_events_conf.h"
#include "ngx_ess_json_read.h"


/* what a client is told of an event; the texts are escaped as JSON */

typedef struct {
    ngx_str_t                id;            /* as it was sent, or empty */
    const char              *error;         /* static text; NULL: none */
    ngx_str_t                name;          /* behind it: of a member */
    ngx_uint_t               event;         /* its number among those that are
                                               stored, when there is no error */
} ngx_ess_events_item_t;


#define ngx_ess_events_check_error(item, text)                                \
    (item)->error = text;                                                     \
    ngx_str_null(&(item)->name)


/* The id of an item, from what was found where the log's events have it. */
void ngx_ess_events_check_id(ngx_ess_events_item_t *item,
    const ngx_ess_json_value_t *found);

/*
 * "value" was read, and is for readers of all kinds.  "now": ms since 1970.
 * Strings with escapes are put into the pool; all else is in the value's text.
 * NGX_OK: "event" is what is to be stored.  NGX_DECLINED: item->error says why
 * not.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_events_check(ngx_ess_events_conf_t *conf, ngx_pool_t *pool,
    const ngx_ess_json_value_t *value, const ngx_ess_json_value_t *found,
    int64_t now, ngx_ess_event_log_event_t *event,
    ngx_ess_events_item_t *item);


#endif /* _NGX_ESS_EVENTS_CHECK_H_INCLUDED_ */
