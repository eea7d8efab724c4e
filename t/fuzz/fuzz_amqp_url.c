/*
 * The URL of ess_amqp: parts stay within bounds and within the rules.
 *
 * links: src/amqp/ngx_ess_amqp_url.c src/ngx_ess_str.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_ess_amqp_url.h"


static void
part(ngx_str_t *s, size_t min, size_t max)
{
    if (s->len < min || s->len > max
        || (s->len && memchr(s->data, '\0', s->len)))
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char              *buf, *copy;
    ngx_str_t            url;
    const char          *err;
    ngx_ess_amqp_node_t  parsed;

    /* exactly as large as the contract says */

    buf = malloc(size ? size : 1);
    copy = malloc(size ? size : 1);

    if (buf && copy) {

        memcpy(copy, data, size);

        url.data = copy;
        url.len = size;

        err = ngx_ess_amqp_url_parse(&parsed, &url, buf);

        if (err == NULL) {
            part(&parsed.user, 1, 255);
            part(&parsed.password, 0, 1024);
            part(&parsed.host, 1, 255);
            part(&parsed.vhost, 1, 255);

            if (parsed.port == 0) {
                abort();
            }
        }
    }

    free(buf);
    free(copy);

    return 0;
}
