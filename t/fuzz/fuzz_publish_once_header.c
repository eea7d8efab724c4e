/*
 * The header field Idempotency-Key: what is taken is printable and not too
 * long, and quoted again is the same key.
 *
 * links: src/api/ngx_ess_publish_once_header.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_publish_once_header.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t      i;
    u_char     *copy, *p, buf[NGX_ESS_IDEMPOTENCY_KEY];
    u_char      text[2 * NGX_ESS_IDEMPOTENCY_KEY + 2];
    u_char      out[NGX_ESS_IDEMPOTENCY_KEY];
    ngx_str_t   key, again, value;

    /* of just that length, for the sanitizer's red zones */

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    value.data = copy;
    value.len = size;

    if (ngx_ess_publish_once_header_parse(&key, buf, &value) == NGX_OK) {

        p = text;
        *p++ = '"';

        for (i = 0; i < key.len; i++) {
            if (key.data[i] < 0x20 || key.data[i] > 0x7e) {
                abort();
            }

            if (key.data[i] == '"' || key.data[i] == '\\') {
                *p++ = '\\';
            }

            *p++ = key.data[i];
        }

        *p++ = '"';

        value.data = text;
        value.len = p - text;

        if (key.len == 0 || key.len > NGX_ESS_IDEMPOTENCY_KEY
            || ngx_ess_publish_once_header_parse(&again, out, &value) != NGX_OK
            || again.len != key.len
            || memcmp(again.data, key.data, key.len) != 0)
        {
            abort();
        }
    }

    free(copy);

    return 0;
}
