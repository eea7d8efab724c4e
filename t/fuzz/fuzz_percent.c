/*
 * Percent-encoding: what comes out fits, and encoded again yields the same.
 *
 * links: src/ngx_ess_percent.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_percent.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char       *again;
    u_char     *copy, *out;
    size_t      i;
    ngx_str_t   text, value;

    if (size == 0) {
        return 0;
    }

    /* of just that length, for the sanitizer's red zones */

    copy = malloc(size);
    out = malloc(size);
    again = malloc(3 * size + 1);

    if (copy == NULL || out == NULL || again == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    text.data = copy;
    text.len = size;

    if (ngx_ess_percent_decode(&value, out, size, &text, data[0] & 1)
        == NGX_OK)
    {
        for (i = 0; i < value.len; i++) {
            sprintf(again + 3 * i, "%%%02x", value.data[i]);
        }

        if (value.len > size
            || ngx_ess_percent_decode(&text, copy, size,
                                      &(ngx_str_t) { 3 * value.len,
                                                     (u_char *) again }, 0)
               != NGX_OK
            || text.len != value.len
            || memcmp(text.data, value.data, value.len) != 0)
        {
            abort();
        }
    }

    free(copy);
    free(out);
    free(again);

    return 0;
}
