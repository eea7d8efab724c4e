/*
 * Compressed bodies: no more comes out than is wanted, and each slice comes to
 * an end.
 *
 * links: src/ngx_ess_inflate.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_inflate.h"


void ngx_unit_pool_free(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                  max;
    u_char                 *copy;
    ngx_int_t               rc;
    ngx_str_t               text, out;
    ngx_uint_t              slices;
    const char             *detail;
    ngx_ess_inflate_t  *in;

    if (size < 2) {
        return 0;
    }

    /* of just that length, for the sanitizer's red zones */

    copy = malloc(size - 1);

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data + 1, size - 1);

    text.data = copy;
    text.len = size - 1;
    max = (size_t) (data[0] >> 1) * (data[0] >> 1) * 40;

    in = ngx_ess_inflate_create(&text, data[0] & 1, max);
    if (in == NULL) {
        abort();
    }

    detail = NULL;
    slices = 0;

    do {
        rc = ngx_ess_inflate_step(in, &detail);
    } while (rc == NGX_AGAIN && slices++ < 10000);

    if (rc == NGX_AGAIN || rc == NGX_ERROR
        || (rc == NGX_DECLINED) != (detail != NULL))
    {
        abort();
    }

    if (rc == NGX_OK
        && (ngx_ess_inflate_take(in, NULL, &out) != NGX_OK
            || out.len > max))
    {
        abort();
    }

    ngx_ess_inflate_destroy(in);
    ngx_unit_pool_free();
    free(copy);

    return 0;
}
