/*
 * JSON pointers: what one finds is what going there step by step finds.
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
#include "ngx_ess_json_string.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);


static ngx_int_t
fuzz_step(ngx_ess_json_step_t *step, ngx_ess_json_value_t *value)
{
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (ngx_ess_json_read_open(&walk, value) != NGX_OK) {
        return NGX_DONE;
    }

    for (i = 0;
         ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK;
         i++)
    {
        if ((value->type == NGX_ESS_JSON_ARRAY)
            ? i == step->index
            : ngx_ess_json_string_is(&name, &step->name))
        {
            *value = item;
            return NGX_OK;
        }
    }

    return NGX_DONE;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                  *copy;
    size_t                   len;
    ngx_int_t                rc, wanted;
    ngx_str_t                text;
    ngx_uint_t               i;
    const char              *detail;
    ngx_ess_json_value_t     value, step;
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
    wanted = ngx_ess_json_read(&text, &step, NULL);

    for (i = 0; wanted == NGX_OK && i < pointer.nsteps; i++) {
        wanted = fuzz_step(&pointer.steps[i], &step);
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
