/*
 * Fuzzes the query string of a page of events, and the cursor in it.
 *
 * links: src/events/ngx_ess_events_args.c src/events/ngx_ess_events_cursor.c
 * links: src/ngx_ess_date.c src/ngx_ess_percent.c src/ngx_ess_str.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c
 */


#include "ngx_ess_events_args.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                 text[NGX_ESS_EVENTS_ARGS_TEXT];
    u_char                *copy;
    ngx_str_t              query;
    ngx_str_t             *type, *same;
    ngx_uint_t             i, wrong;
    ngx_ess_events_args_t  args, again;

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    query.data = copy;
    query.len = size;

    if (ngx_ess_events_args_read(&args, &query) != NGX_OK) {

        for (wrong = 0, i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
            wrong += (args.values[i].wrong != NULL);
        }

        if (wrong == 0) {
            abort();
        }

        free(copy);
        return 0;
    }

    if (args.size < 1 || args.size > NGX_ESS_EVENTS_ARGS_MAX) {
        abort();
    }

    /* the next page is asked for with the same words */

    query.data = text;
    query.len = ngx_ess_events_args_write(text, &args, &args.after) - text;

    if (query.len > sizeof(text)
        || ngx_ess_events_args_read(&again, &query) != NGX_OK
        || again.size != args.size || again.since != args.since
        || again.until != args.until || again.desc != args.desc
        || again.total != args.total || again.after.seq != args.after.seq
        || again.after.time != args.after.time)
    {
        abort();
    }

    /* of the empty type, or of any */

    type = &args.values[NGX_ESS_EVENTS_ARGS_OF_TYPE].text;
    same = &again.values[NGX_ESS_EVENTS_ARGS_OF_TYPE].text;

    if ((type->data == NULL) != (same->data == NULL)
        || type->len != same->len
        || (type->len && memcmp(type->data, same->data, type->len) != 0))
    {
        abort();
    }

    free(copy);

    return 0;
}
