
/*
 * Answers about events, in a worker.  Their form is that of the services whose
 * clients come here, to the byte.  Owns nothing.
 */


#include "ngx_ess_events_result.h"


/* of each, beside its texts */
#define NGX_ESS_EVENTS_RESULT_SIZE                                            \
    (sizeof("{\"event_id\":\"\",\"success\":false,\"error\":\"\"},")          \
     + sizeof("duplicate_") + NGX_INT64_LEN)


static u_char *ngx_ess_events_result_item(u_char *p,
    ngx_ess_events_item_t *item, const ngx_ess_event_log_event_t *event,
    ngx_uint_t stored);


ngx_int_t
ngx_ess_events_result(ngx_pool_t *pool, ngx_ess_events_item_t *items,
    ngx_uint_t n, const ngx_ess_event_log_event_t *events, ngx_uint_t stored,
    ngx_str_t *json)
{
    size_t                            size;
    u_char                           *p;
    ngx_uint_t                        i;
    const ngx_ess_event_log_event_t  *event;

    size = sizeof("[]");

    for (i = 0; i < n; i++) {
        size += NGX_ESS_EVENTS_RESULT_SIZE + items[i].id.len
                + items[i].name.len;

        if (items[i].error) {
            size += ngx_strlen(items[i].error);
        }
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    json->data = p;
    *p++ = '[';

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
        }

        event = (events && items[i].error == NULL) ? &events[items[i].event]
                                                   : NULL;

        p = ngx_ess_events_result_item(p, &items[i], event, stored);
    }

    *p++ = ']';

    json->len = p - json->data;

    return NGX_OK;
}


static u_char *
ngx_ess_events_result_item(u_char *p, ngx_ess_events_item_t *item,
    const ngx_ess_event_log_event_t *event, ngx_uint_t stored)
{
    ngx_uint_t  success;

    success = (stored && event
               && (event->result == NGX_ESS_EVENT_LOG_STORED
                   || event->result == NGX_ESS_EVENT_LOG_SAME));

    p = ngx_cpymem(p, "{\"event_id\":\"", 13);

    if (success && event->id.len == 0) {
        p = ngx_sprintf(p, "%uL", event->seq);

    } else {
        p = ngx_sprintf(p, "%V", &item->id);
    }

    p = success ? ngx_cpymem(p, "\",\"success\":true,\"error\":\"", 26)
                : ngx_cpymem(p, "\",\"success\":false,\"error\":\"", 27);

    if (item->error) {
        p = ngx_sprintf(p, "%s%V", item->error, &item->name);

    } else if (event && event->result == NGX_ESS_EVENT_LOG_OTHER) {
        p = ngx_sprintf(p, "duplicate_%V", &item->name);

    } else if (event && event->result == NGX_ESS_EVENT_LOG_REFUSED) {
        p = ngx_cpymem(p, "refused", 7);
    }

    return ngx_cpymem(p, "\"}", 2);
}
