
/*
 * A message's properties on their way into a request's header: what a publisher
 * may say there, and how much.  Owns nothing.  Runs in a worker.
 */


#include "ngx_ess_amqp_property.h"
#include "ngx_ess_consume_header.h"
#include "ngx_ess_str.h"
#include <math.h>
#include <stdio.h>


/* digits behind the point of a decimal number; more are left out */
#define NGX_ESS_CONSUME_HEADER_SCALE  28

/* around name and value: ": ", CR LF */
#define NGX_ESS_CONSUME_HEADER_LINE   4


static ngx_int_t ngx_ess_consume_header_whole(amqp_field_value_t *value,
    u_char *buf, ngx_str_t *text);
static ngx_int_t ngx_ess_consume_header_real(double value, ngx_uint_t single,
    u_char *buf, ngx_str_t *text);
static ngx_int_t ngx_ess_consume_header_decimal(amqp_decimal_t *decimal,
    u_char *buf, ngx_str_t *text);


/* those of W3C's Trace Context, which keep their names */

static ngx_str_t  ngx_ess_consume_header_traces[] = {
    ngx_string("traceparent"),
    ngx_string("tracestate"),
    ngx_null_string
};

static ngx_str_t  ngx_ess_consume_header_prefix =
    ngx_string(NGX_ESS_CONSUME_HEADER_PREFIX);
static ngx_str_t  ngx_ess_consume_header_none = ngx_string("");


ngx_uint_t
ngx_ess_consume_header_next(ngx_ess_consume_header_t *h)
{
    ngx_str_t           *trace;
    ngx_uint_t           bit;
    amqp_table_entry_t  *entry;

    while (h->next < h->table->num_entries) {
        entry = &h->table->entries[h->next++];

        h->name.data = entry->key.bytes;
        h->name.len = entry->key.len;
        h->prefix = ngx_ess_consume_header_prefix;

        if (!ngx_ess_str_is_token(&h->name)
            || ngx_ess_consume_header_text(&entry->value, h->buf, &h->value)
               != NGX_OK)
        {
            continue;
        }

        bit = 1;

        for (trace = ngx_ess_consume_header_traces; trace->len; trace++) {

            if (trace->len == h->name.len
                && ngx_strncasecmp(trace->data, h->name.data, trace->len) == 0)
            {
                break;
            }

            bit <<= 1;
        }

        if (trace->len) {

            /* of several nobody could tell which one is meant */

            if (h->seen & bit) {
                continue;
            }

            h->name = *trace;
            h->prefix = ngx_ess_consume_header_none;
        }

        if (ngx_ess_consume_header_fits(h, h->prefix.len + h->name.len,
                                        &h->value))
        {
            h->seen |= trace->len ? bit : 0;
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_ess_consume_header_fits(ngx_ess_consume_header_t *h, size_t name,
    ngx_str_t *value)
{
    size_t  i, size;

    if (value->len == 0 || value->len > NGX_ESS_CONSUME_HEADER_VALUE) {
        return 0;
    }

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return 0;
        }
    }

    size = name + value->len + NGX_ESS_CONSUME_HEADER_LINE;

    if (h->total + size > NGX_ESS_CONSUME_HEADER_TOTAL) {
        return 0;
    }

    h->total += size;

    return 1;
}


ngx_int_t
ngx_ess_consume_header_text(amqp_field_value_t *value, u_char *buf,
    ngx_str_t *text)
{
    text->data = buf;

    switch (value->kind) {

    case AMQP_FIELD_KIND_UTF8:
        text->data = value->value.bytes.bytes;
        text->len = value->value.bytes.len;
        return NGX_OK;

    case AMQP_FIELD_KIND_BOOLEAN:
        text->len = ngx_sprintf(buf, "%s",
                                value->value.boolean ? "true" : "false")
                    - buf;
        return NGX_OK;

    case AMQP_FIELD_KIND_F32:
        return ngx_ess_consume_header_real(value->value.f32, 1, buf, text);

    case AMQP_FIELD_KIND_F64:
        return ngx_ess_consume_header_real(value->value.f64, 0, buf, text);

    case AMQP_FIELD_KIND_DECIMAL:
        return ngx_ess_consume_header_decimal(&value->value.decimal, buf,
                                              text);

    default:
        return ngx_ess_consume_header_whole(value, buf, text);
    }
}


static ngx_int_t
ngx_ess_consume_header_whole(amqp_field_value_t *value, u_char *buf,
    ngx_str_t *text)
{
    int64_t  n;

    if (value->kind == AMQP_FIELD_KIND_U64
        || value->kind == AMQP_FIELD_KIND_TIMESTAMP)
    {
        text->len = ngx_sprintf(buf, "%uL", value->value.u64) - buf;
        return NGX_OK;
    }

    if (ngx_ess_amqp_property_whole(value, &n) != NGX_OK) {
        return NGX_DECLINED;
    }

    text->len = ngx_sprintf(buf, "%L", n) - buf;

    return NGX_OK;
}


/* As few digits as tell it from its neighbours. */

static ngx_int_t
ngx_ess_consume_header_real(double value, ngx_uint_t single, u_char *buf,
    ngx_str_t *text)
{
    int  n, digits, most;

    if (!isfinite(value)) {
        return NGX_DECLINED;
    }

    most = single ? 9 : 17;
    n = 0;

    for (digits = single ? 6 : 15; digits <= most; digits++) {

        n = snprintf((char *) buf, NGX_ESS_CONSUME_HEADER_NUMBER, "%.*g",
                     digits, value);

        if (single ? (strtof((char *) buf, NULL) == (float) value)
                   : (strtod((char *) buf, NULL) == value))
        {
            break;
        }
    }

    text->len = n;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_consume_header_decimal(amqp_decimal_t *decimal, u_char *buf,
    ngx_str_t *text)
{
    u_char      digits[NGX_INT64_LEN], *p;
    size_t      n, scale;
    int64_t     value;

    value = (int32_t) decimal->value;
    scale = decimal->decimals;

    if (scale > NGX_ESS_CONSUME_HEADER_SCALE) {
        return NGX_DECLINED;
    }

    p = buf;

    if (value < 0) {
        *p++ = '-';
        value = -value;
    }

    n = ngx_sprintf(digits, "%L", value) - digits;

    if (scale == 0) {
        p = ngx_cpymem(p, digits, n);

    } else if (n > scale) {
        p = ngx_cpymem(p, digits, n - scale);
        *p++ = '.';
        p = ngx_cpymem(p, digits + n - scale, scale);

    } else {
        *p++ = '0';
        *p++ = '.';
        ngx_memset(p, '0', scale - n);
        p = ngx_cpymem(p + scale - n, digits, n);
    }

    text->len = p - buf;

    return NGX_OK;
}
