/*
 * Fuzzes the body that creates a stream.
 *
 * links: src/api/ngx_ess_api_body*.c src/ngx_ess_json.c
 * links: src/ngx_ess_key.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c t/unit/ngx_string.c t/unit/ngx_pools.c
 * links: t/unit/api/fake_sources.c src/ngx_ess_source_conf.c
 * links: src/ngx_ess_name.c src/ngx_ess_str.c t/unit/ngx_parse.c
 * links: src/source/rabbitmq/ngx_ess_rabbitmq_declare.c
 */


#include "ngx_ess_api_body.h"
#include "ngx_ess_utf8.h"
#include "ngx_ess_rabbitmq_declare.h"
#include "../unit/api/fake_sources.h"


/* sources are registered by nobody here */

void *
ngx_array_push(ngx_array_t *a)
{
    return NULL;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                      *copy;
    ngx_int_t                    rc;
    ngx_ess_api_body_t           body;
    ngx_ess_rabbitmq_declare_t  *options;

    copy = malloc(size ? size : 1);
    if (copy == NULL) {
        return 0;
    }

    if (size) {
        memcpy(copy, data, size);
    }

    rc = ngx_ess_api_body_parse(copy, size, &fake_sources, 0, &body);
    options = (ngx_ess_rabbitmq_declare_t *) &body.options;

    if (rc == NGX_OK) {
        if (body.key_len == 0 || body.key_len > NGX_ESS_MAX_KEY
            || memchr(body.key, '\0', body.key_len) != NULL
            || !ngx_ess_utf8_valid(body.key, body.key_len)
            || memchr(options->max_age, '\0', sizeof(options->max_age)) == NULL
            || (!body.declare && (options->max_length || options->max_segment
                                  || options->max_age[0])))
        {
            abort();
        }

    } else if (rc != NGX_DECLINED || memchr(body.detail, '\0', sizeof(body.detail)) == NULL
               || body.status < 400 || body.status > 422)
    {
        abort();
    }

    free(copy);

    return 0;
}
