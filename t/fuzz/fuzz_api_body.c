/*
 * Fuzzes the body that creates a stream.
 *
 * links: src/api/ngx_ess_api_body.c
 */


#include "ngx_ess_api_body.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char              *copy;
    ngx_int_t            rc;
    ngx_ess_api_body_t   body;

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    rc = ngx_ess_api_body_parse(copy, size, &body);

    if (rc == NGX_OK) {
        if (body.key_len == 0 || body.key_len > NGX_ESS_MAX_KEY
            || memchr(body.key, '\0', body.key_len) != NULL
            || !ngx_ess_api_body_utf8(body.key, body.key_len)
            || memchr(body.stream.max_age, '\0', sizeof(body.stream.max_age))
               == NULL
            || (!body.declare && (body.stream.max_length
                                  || body.stream.max_segment
                                  || body.stream.max_age[0])))
        {
            abort();
        }

    } else if (rc != NGX_DECLINED || body.detail == NULL
               || body.status < 400 || body.status > 422)
    {
        abort();
    }

    free(copy);

    return 0;
}
