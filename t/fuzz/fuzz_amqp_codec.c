/*
 * Bytes from a broker, as the session feeds them to the codec: the first two
 * say how many channels are open and whether the frame size was agreed; and
 * fingerprints of the properties in them; and the first header, which is the
 * same as they lie there and decoded.
 *
 * links: src/amqp/ngx_ess_amqp_codec.c src/amqp/ngx_ess_amqp_table.c
 * links: src/source/exchange/ngx_ess_exchange_print.c
 * links: src/source/exchange/ngx_ess_redelivery.c
 * links: src/amqp/ngx_ess_amqp_property.c t/unit/ngx_string.c
 */


#include <stdlib.h>
#include <string.h>

#include "ngx_ess_amqp_codec.h"
#include "ngx_ess_amqp_property.h"
#include "ngx_ess_exchange_print.h"


static volatile unsigned  sum;

static ngx_str_t          none = ngx_null_string;


/* reads all of it, for the sanitizer to see */

static void
touch(const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        sum += p[i];
    }
}


static void
fuzz_header(ngx_ess_amqp_frame_t *f)
{
    ngx_int_t            rc;
    ngx_str_t            name, text;
    amqp_table_t        *headers;
    amqp_field_value_t  *value;
    u_char               buf[NGX_ESS_AMQP_PROPERTY_TEXT];

    if (f->raw.len == 0
        || !(f->properties->_flags & AMQP_BASIC_HEADERS_FLAG)
        || f->properties->headers.num_entries == 0)
    {
        return;
    }

    headers = &f->properties->headers;
    name.data = headers->entries[0].key.bytes;
    name.len = headers->entries[0].key.len;
    value = &headers->entries[0].value;

    rc = ngx_ess_amqp_property_raw(&f->raw, &name, buf, &text);

    if (rc == NGX_OK) {
        touch(text.data, text.len);
    }

    if (value->kind == AMQP_FIELD_KIND_UTF8
        && (rc != NGX_OK || text.len != value->value.bytes.len
            || memcmp(text.data, value->value.bytes.bytes, text.len) != 0))
    {
        abort();
    }
}


/* a copy of the properties is decoded as they were */

static void
fuzz_raw(ngx_ess_amqp_frame_t *f)
{
    ngx_str_t                 raw;
    amqp_pool_t               pool;
    amqp_basic_properties_t  *p;

    if (f->raw.len == 0) {
        return;
    }

    raw.len = f->raw.len;
    raw.data = malloc(raw.len);

    if (raw.data == NULL) {
        return;
    }

    memcpy(raw.data, f->raw.data, raw.len);
    init_amqp_pool(&pool, 4096);

    p = ngx_ess_amqp_codec_raw(&raw, &pool);

    if (p == NULL || p->_flags != f->properties->_flags) {
        abort();
    }

    if (p->_flags & AMQP_BASIC_HEADERS_FLAG) {

        if (p->headers.num_entries != f->properties->headers.num_entries) {
            abort();
        }
    }

    if (p->_flags & AMQP_BASIC_APP_ID_FLAG) {
        touch(p->app_id.bytes, p->app_id.len);
    }

    empty_amqp_pool(&pool);
    free(raw.data);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                 used, pos;
    u_char                *copy;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    if (size < 2 || ngx_ess_amqp_codec_init(&codec) != NGX_OK) {
        return 0;
    }

    codec.channel_max = data[0];

    if (data[1] & 1) {
        (void) ngx_ess_amqp_codec_tune(&codec, (size_t) data[1] << 10);
    }

    data += 2;
    size -= 2;

    for (pos = 0; pos <= size; pos += used) {

        /* of its own, so that reading past the end is seen */

        copy = malloc(size - pos + 1);
        if (copy == NULL) {
            break;
        }

        memcpy(copy, data + pos, size - pos);

        if (ngx_ess_amqp_codec_parse(&codec, &f,
                                     copy, size - pos, &used)
            != NGX_OK)
        {
            free(copy);
            break;
        }

        touch(f.body.data, f.body.len);

        free(copy);

        touch(f.raw.data, f.raw.len);

        if (ngx_ess_exchange_print(&none, &f.raw, &none, 1) == 0) {
            abort();
        }

        if (f.type == AMQP_FRAME_METHOD
            && f.method == AMQP_BASIC_DELIVER_METHOD)
        {
            amqp_basic_deliver_t  *d = f.decoded;

            touch(d->routing_key.bytes, d->routing_key.len);
            touch(d->consumer_tag.bytes, d->consumer_tag.len);
        }

        if (f.type == AMQP_FRAME_HEADER) {

            if (f.properties == NULL) {
                abort();
            }

            fuzz_header(&f);
            fuzz_raw(&f);
        }

        ngx_ess_amqp_codec_release(&codec, f.channel);
    }

    ngx_ess_amqp_codec_done(&codec);

    return 0;
}
