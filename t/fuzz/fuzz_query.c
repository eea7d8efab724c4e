/*
 * Query strings with several streams: each part is within its bounds, and
 * nothing is in a label or a stream that could be another line; or there is a
 * reason.
 *
 * links: src/client/ngx_ess_query.c
 * links: src/ngx_ess_str.c src/ngx_ess_percent.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_query.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_name(ngx_str_t *text, size_t max)
{
    size_t  i;

    if (text->len > max) {
        abort();
    }

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] == ':'
            || text->data[i] == '"' || text->data[i] >= 0x7f)
        {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                  *all, buf[NGX_ESS_QUERY_KEY];
    ngx_int_t                rc;
    ngx_str_t                args, key, reason;
    ngx_uint_t               n;
    ngx_ess_query_stream_t   stream;

    all = malloc(size ? size : 1);

    if (all == NULL) {
        return 0;
    }

    memcpy(all, data, size);

    args.data = all;
    args.len = size;
    reason.len = 0;

    while ((rc = ngx_ess_query_next(&args, &stream, &reason)) == NGX_OK) {

        fuzz_name(&stream.label, NGX_ESS_QUERY_LABEL);
        fuzz_name(&stream.stream, NGX_ESS_QUERY_STREAM);

        if (stream.stream.len == 0 || args.len > size) {
            abort();
        }

        for (n = 0; ngx_ess_query_key(&stream.keys, buf, &key); n++) {
            if (key.len == 0 || key.len > sizeof(buf)) {
                abort();
            }
        }

        if (n != stream.nkeys) {
            abort();
        }
    }

    if ((rc == NGX_DONE) != (reason.len == 0)) {
        abort();
    }

    free(all);

    return 0;
}
