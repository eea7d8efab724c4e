/*
 * Fuzzes a batch of events.
 *
 * links: src/api/ngx_ess_publish_batch.c src/ngx_ess_json.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include "ngx_ess_publish_batch.h"
#include "ngx_ess_utf8.h"


void ngx_unit_pool_free(void);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t    rc;
    ngx_str_t    text, *bodies;
    ngx_uint_t   i, n;
    const char  *detail;

    text.len = size;
    text.data = malloc(size ? size : 1);
    if (text.data == NULL) {
        return 0;
    }

    if (size) {
        memcpy(text.data, data, size);
    }

    detail = NULL;
    rc = ngx_ess_publish_batch(NULL, &text, 16, &bodies, &n, &detail);

    if (rc == NGX_OK) {

        if (n > 16) {
            abort();
        }

        /* all of it is text, and no more than there was, but for brackets */

        for (i = 0; i < n; i++) {
            if (!ngx_ess_utf8_valid(bodies[i].data, bodies[i].len)
                || bodies[i].len + 2 > size)
            {
                abort();
            }
        }

    } else if (rc == NGX_DECLINED && detail == NULL) {
        abort();
    }

    ngx_unit_pool_free();
    free(text.data);

    return 0;
}
