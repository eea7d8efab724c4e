/*
 * JSON pointers: what reading a text finds is what a walk from its value finds.
 *
 * The first byte is the length of the pointer, which follows; then comes the
 * text.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_json_pointer.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                  *copy;
    size_t                   len;
    ngx_int_t                rc, wanted;
    ngx_str_t                text;
    const char              *detail;
    ngx_ess_json_value_t     value, root, step;
    ngx_ess_json_pointer_t   pointer;

    if (size == 0 || size - 1 < data[0]) {
        return 0;
    }

    len = data[0];
    data++;
    size--;

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    memcpy(copy, data, size);

    text.data = copy;
    text.len = len;

    if (ngx_ess_json_pointer_compile(&pointer, NULL, &text, &detail)
        != NGX_OK)
    {
        goto done;
    }

    text.data = copy + len;
    text.len = size - len;

    rc = ngx_ess_json_pointer_find(&text, &pointer, &value);
    wanted = ngx_ess_json_read(&text, &root, NULL);

    if (wanted == NGX_OK) {
        wanted = ngx_ess_json_pointer_walk(&root, &pointer, &step);
    }

    if (rc != wanted
        || (rc == NGX_OK && (value.span.data != step.span.data
                             || value.span.len != step.span.len
                             || value.type != step.type)))
    {
        abort();
    }

done:

    ngx_unit_pool_free();
    free(copy);

    return 0;
}
