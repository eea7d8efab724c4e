/*
 * Ids as few bytes: what comes out is bounded, and packed again is the same.
 *
 * links: src/api/ngx_ess_publish_ids.c t/unit/ngx_pool.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_publish_ids.h"


void ngx_unit_pool_free(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t               len;
    u_char              *copy, *again;
    ngx_uint_t           n, m;
    ngx_ess_event_id_t  *ids, *more;

    copy = malloc(size ? size : 1);
    again = malloc(400000);

    if (copy == NULL || again == NULL) {
        abort();
    }

    if (size) {
        memcpy(copy, data, size);
    }

    if (ngx_ess_publish_ids_unpack(NULL, copy, size, &ids, &n) == NGX_OK) {

        if (n == 0 || n > 10000) {
            abort();
        }

        len = ngx_ess_publish_ids_pack(again, 400000, ids, n);

        /* epochs that are the same make other streams of it */

        if (len
            && (ngx_ess_publish_ids_unpack(NULL, again, len, &more, &m)
                != NGX_OK
                || m != n
                || memcmp(ids, more, n * sizeof(ngx_ess_event_id_t)) != 0))
        {
            abort();
        }
    }

    ngx_unit_pool_free();
    free(copy);
    free(again);

    return 0;
}
