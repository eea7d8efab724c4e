/*
 * Fuzzes a batch of events.
 *
 * links: src/api/ngx_ess_publish_batch.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include "ngx_ess_publish_batch.h"
#include "ngx_ess_utf8.h"


void ngx_unit_pool_free(void);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                 rc;
    ngx_str_t                 text, *bodies;
    ngx_uint_t                i, n;
    ngx_ess_publish_batch_t   batch;

    text.len = size;
    text.data = malloc(size ? size : 1);
    if (text.data == NULL) {
        return 0;
    }

    if (size) {
        memcpy(text.data, data, size);
    }

    memset(&batch, 0, sizeof(batch));

    batch.list.text = text;
    batch.max = 16;
    batch.max_event = 100;

    do {
        rc = ngx_ess_publish_batch_step(&batch);
    } while (rc == NGX_AGAIN);

    bodies = batch.events.elts;
    n = batch.events.nelts;

    if (rc == NGX_OK) {

        if (n > 16 || batch.list.pos != size) {
            abort();
        }

        /* all of it is text, and no more than there was, but for brackets */

        for (i = 0; i < n; i++) {
            if (!ngx_ess_utf8_valid(bodies[i].data, bodies[i].len)
                || bodies[i].len > 100 || bodies[i].len + 2 > size)
            {
                abort();
            }
        }

    } else if (rc == NGX_DECLINED && batch.detail == NULL) {
        abort();
    }

    ngx_unit_pool_free();
    free(text.data);

    return 0;
}
