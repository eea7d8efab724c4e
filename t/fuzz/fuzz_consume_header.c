/*
 * A message's properties, as a broker sends them: what becomes of its headers
 * in a request, and whether its address gets a reply.
 *
 * links: src/rpc/ngx_ess_consume_header.c src/rpc/ngx_ess_consume_door.c
 * links: src/ngx_ess_str.c
 * links: src/amqp/ngx_ess_amqp_codec.c src/amqp/ngx_ess_amqp_table.c
 * links: t/unit/ngx_string.c src/amqp/ngx_ess_amqp_property.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ngx_ess_amqp_codec.h"
#include "ngx_ess_consume_door.h"
#include "ngx_ess_consume_header.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* a character of it may not stand in a header */

static void
check(ngx_str_t *text, ngx_uint_t name)
{
    size_t  i;

    if (text->len == 0) {
        abort();
    }

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20 || text->data[i] == 0x7f
            || (name && (text->data[i] <= 0x20 || text->data[i] > 0x7f
                         || strchr(":(),/;<=>?@[\\]{}\"", text->data[i]))))
        {
            abort();
        }
    }
}


static void
door(amqp_basic_properties_t *p)
{
    ngx_str_t  reply_to;

    if (p->_flags & AMQP_BASIC_REPLY_TO_FLAG) {
        reply_to.data = p->reply_to.bytes;
        reply_to.len = p->reply_to.len;

        if (ngx_ess_consume_door(&reply_to, NULL) && reply_to.len == 0) {
            abort();
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                     total;
    u_char                    *copy;
    ngx_str_t                  raw;
    ngx_uint_t                 plain;
    amqp_pool_t                pool;
    amqp_basic_properties_t   *p;
    ngx_ess_consume_header_t   h;

    copy = malloc(size + 1);

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    raw.data = copy;
    raw.len = size;

    init_amqp_pool(&pool, 1024);

    p = ngx_ess_amqp_codec_raw(&raw, &pool);

    if (p == NULL) {
        abort();
    }

    door(p);

    if (p->_flags & AMQP_BASIC_HEADERS_FLAG) {

        memset(&h, 0, sizeof(h));
        h.table = &p->headers;

        total = 0;
        plain = 0;

        while (ngx_ess_consume_header_next(&h)) {
            check(&h.name, 1);
            check(&h.value, 0);

            plain += (h.prefix.len == 0);
            total += h.prefix.len + h.name.len + h.value.len;

            if (h.value.len > NGX_ESS_CONSUME_HEADER_VALUE) {
                abort();
            }
        }

        if (total > NGX_ESS_CONSUME_HEADER_TOTAL || plain > 2) {
            abort();
        }
    }

    empty_amqp_pool(&pool);
    free(copy);

    return 0;
}
