/*
 * Fuzzes a body of events.
 *
 * links: src/events/ngx_ess_events_body.c src/ngx_ess_json_list.c
 * links: src/ngx_ess_json_number.c src/ngx_ess_json_portable.c
 * links: src/ngx_ess_json_read.c src/ngx_ess_json_string.c
 * links: src/ngx_ess_json_unique.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include "ngx_ess_events_body.h"
#include "ngx_ess_json_portable.h"
#include "ngx_ess_utf8.h"


#define MAX  100


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  stop, slice, last;
    ngx_int_t               rc;
    ngx_str_t               text;
    const char             *detail;
    ngx_ess_json_step_t     step;
    ngx_ess_json_value_t    value;
    ngx_ess_json_pointer_t  id;
    ngx_ess_events_body_t   body;

    /* the first byte says how it is read */

    slice = size ? 1 + (data[0] & 0x1f) : 1;
    text.len = size ? size - 1 : 0;
    text.data = malloc(text.len ? text.len : 1);
    if (text.data == NULL) {
        return 0;
    }

    if (text.len) {
        memcpy(text.data, data + 1, text.len);
    }

    memset(&step, 0, sizeof(step));
    memset(&body, 0, sizeof(body));

    ngx_str_set(&step.name, "id");
    step.index = (ngx_uint_t) NGX_ERROR;
    id.steps = &step;
    id.nsteps = 1;

    body.list.text = text;
    body.list.alone = size && (data[0] & 0x20);
    body.max_event = MAX;
    body.id = (size && (data[0] & 0x40)) ? &id : NULL;

    stop = slice;
    last = 0;

    do {
        rc = ngx_ess_events_body_next(&body, stop);

        if (body.list.pos < last || body.list.pos > text.len) {
            abort();
        }

        last = body.list.pos;

        if (rc == NGX_AGAIN) {
            stop = last + slice;

        } else if (rc == NGX_OK && body.fault == NGX_ESS_EVENTS_BODY_FINE) {

            /* it is JSON by itself, that everybody reads */

            if (body.value.span.len > MAX
                || ngx_ess_json_read(&body.value.span, &value, &detail)
                   != NGX_OK
                || value.type != NGX_ESS_JSON_OBJECT
                || ngx_ess_json_portable(&body.value.span) != NGX_OK)
            {
                abort();
            }

        } else if (rc == NGX_DECLINED && body.wrong > text.len) {
            abort();
        }

    } while (rc == NGX_OK || rc == NGX_AGAIN);

    free(text.data);

    return 0;
}
