/*
 * Templates: what is compiled can be filled in with any body, and is as long as
 * was said; what is wrong is so at one of the text's bytes.
 *
 * The first byte is the length of the template, which follows; then comes the
 * body.
 *
 * links: src/encoding/ngx_ess_template.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 * links: t/unit/ngx_pool.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_template.h"
#include "ngx_ess_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);


static void
fuzz_event(ngx_ess_template_t *t, u_char *body, size_t len)
{
    u_char                     *p;
    ngx_ess_label_t             label;
    ngx_ess_encoding_event_t    event;
    ngx_ess_template_values_t   values;

    memset(&event, 0, sizeof(event));

    label.number = 17;
    ngx_str_set(&label.name, "orders");

    event.body.data = body;
    event.body.len = len;
    event.epoch = 0xab12;
    event.ordinal = len;
    event.timestamp = len / 2;
    event.label = t->named ? &label : NULL;

    /* a key is UTF-8 */

    event.key.data = body;
    event.key.len = ngx_min(len, NGX_ESS_MAX_KEY);

    if (!ngx_ess_utf8_valid(body, event.key.len)) {
        event.key.len = 0;
    }

    if (ngx_ess_template_values(t, &event, &values) != NGX_OK) {
        return;
    }

    p = malloc(values.len ? values.len : 1);

    /* a message is text */

    if (ngx_ess_template_write(p, t, &values) != p + values.len
        || !ngx_ess_utf8_valid(p, values.len))
    {
        abort();
    }

    free(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                    *body;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_ess_template_t         t;
    ngx_ess_template_error_t   error;

    if (size == 0) {
        return 0;
    }

    text.len = data[0] < size ? data[0] : size - 1;
    text.data = malloc(text.len ? text.len : 1);
    memcpy(text.data, data + 1, text.len);

    size -= 1 + text.len;
    body = malloc(size ? size : 1);
    memcpy(body, data + 1 + text.len, size);

    rc = ngx_ess_template_compile(&t, NULL, &text, &error);

    if (rc == NGX_OK) {
        fuzz_event(&t, body, size);

    } else if (rc != NGX_DECLINED || error.at == 0 || error.at > text.len
               || error.detail == NULL)
    {
        abort();
    }

    free(text.data);
    free(body);
    ngx_unit_pool_free();

    return 0;
}
