
/*
 * Properties of deliveries.  Owns nothing.  Runs in a worker.
 */


#include "ngx_ess_amqp_property.h"
#include "ngx_ess_amqp_table.h"


/* as seconds the year 5138, as ms 1973: what is below is in seconds, and what
   comes after that year was not meant */
#define NGX_ESS_AMQP_PROPERTY_SECONDS  100000000000ULL
#define NGX_ESS_AMQP_PROPERTY_MSEC     (NGX_ESS_AMQP_PROPERTY_SECONDS * 1000)

/* up to here a double has each whole number (2^53) */
#define NGX_ESS_AMQP_PROPERTY_DOUBLE   9007199254740992.0


static amqp_field_value_t *ngx_ess_amqp_property_header(
    amqp_basic_properties_t *properties, const char *name);
static ngx_int_t ngx_ess_amqp_property_value(amqp_field_value_t *value,
    uint64_t *number);
static u_char *ngx_ess_amqp_property_table(ngx_str_t *raw, u_char **end);
static ngx_int_t ngx_ess_amqp_property_raw_text(u_char *p, u_char *buf,
    ngx_str_t *text);
static int64_t ngx_ess_amqp_property_integer(u_char *p, size_t octets);
static uint64_t ngx_ess_amqp_property_seconds(uint64_t value);


amqp_field_value_t *
ngx_ess_amqp_property_find(amqp_table_t *table, const char *name)
{
    int                  i;
    size_t               len;
    amqp_table_entry_t  *entry;

    len = ngx_strlen(name);

    for (i = 0; i < table->num_entries; i++) {
        entry = &table->entries[i];

        if (entry->key.len == len
            && ngx_memcmp(entry->key.bytes, name, len) == 0)
        {
            return &entry->value;
        }
    }

    return NULL;
}


static amqp_field_value_t *
ngx_ess_amqp_property_header(amqp_basic_properties_t *properties,
    const char *name)
{
    return (properties && (properties->_flags & AMQP_BASIC_HEADERS_FLAG))
           ? ngx_ess_amqp_property_find(&properties->headers, name) : NULL;
}


ngx_int_t
ngx_ess_amqp_property_number(amqp_basic_properties_t *properties,
    const char *name, uint64_t *number)
{
    amqp_field_value_t  *value;

    value = ngx_ess_amqp_property_header(properties, name);

    return value ? ngx_ess_amqp_property_value(value, number) : NGX_DECLINED;
}


static ngx_int_t
ngx_ess_amqp_property_value(amqp_field_value_t *value, uint64_t *number)
{
    double   f;
    int64_t  n;

    switch (value->kind) {

    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        *number = value->value.u64;
        return NGX_OK;

    case AMQP_FIELD_KIND_F32:
    case AMQP_FIELD_KIND_F64:
        f = (value->kind == AMQP_FIELD_KIND_F32) ? value->value.f32
                                                 : value->value.f64;

        /* what is not a number is in no range */

        n = (f >= 0 && f <= NGX_ESS_AMQP_PROPERTY_DOUBLE) ? (int64_t) f : -1;
        break;

    case AMQP_FIELD_KIND_UTF8:
        n = ngx_atoof(value->value.bytes.bytes, value->value.bytes.len);
        break;

    default:
        if (ngx_ess_amqp_property_whole(value, &n) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (n < 0) {
        return NGX_DECLINED;
    }

    *number = (uint64_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_property_whole(amqp_field_value_t *value, int64_t *n)
{
    switch (value->kind) {

    case AMQP_FIELD_KIND_I8:
        *n = value->value.i8;
        break;

    case AMQP_FIELD_KIND_I16:
        *n = value->value.i16;
        break;

    case AMQP_FIELD_KIND_I32:
        *n = value->value.i32;
        break;

    case AMQP_FIELD_KIND_I64:
        *n = value->value.i64;
        break;

    case AMQP_FIELD_KIND_U8:
        *n = value->value.u8;
        break;

    case AMQP_FIELD_KIND_U16:
        *n = value->value.u16;
        break;

    case AMQP_FIELD_KIND_U32:
        *n = value->value.u32;
        break;

    default:
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_property_text(amqp_basic_properties_t *properties,
    const char *name, ngx_str_t *text)
{
    amqp_field_value_t  *value;

    value = ngx_ess_amqp_property_header(properties, name);

    if (value == NULL || value->kind != AMQP_FIELD_KIND_UTF8) {
        return NGX_DECLINED;
    }

    text->data = value->value.bytes.bytes;
    text->len = value->value.bytes.len;

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_property_raw(ngx_str_t *raw, ngx_str_t *name, u_char *buf,
    ngx_str_t *text)
{
    u_char  *p, *end, *next;

    for (p = ngx_ess_amqp_property_table(raw, &end);
         p && p < end;
         p = next)
    {
        next = ngx_ess_amqp_table_entry(p, end);

        if (next && *p == name->len
            && ngx_memcmp(p + 1, name->data, name->len) == 0)
        {
            return ngx_ess_amqp_property_raw_text(p + 1 + name->len, buf,
                                                  text);
        }
    }

    return NGX_DECLINED;
}


/* The first entry of the headers, or NULL.  Before them are the flags and, if
   they say so, the content's type and encoding. */

static u_char *
ngx_ess_amqp_property_table(ngx_str_t *raw, u_char **end)
{
    u_char      *p, *last;
    ngx_uint_t   skip;

    if (!ngx_ess_amqp_property_has_headers(raw)) {
        return NULL;
    }

    p = raw->data;
    last = p + raw->len;

    skip = (p[0] >> 7) + ((p[0] >> 6) & 1);
    p += 2;

    for ( /* void */ ; skip; skip--) {

        if (p == last || p[0] >= last - p) {
            return NULL;
        }

        p += 1 + p[0];
    }

    *end = ngx_ess_amqp_table_end(p, last);

    return *end ? p + 4 : NULL;
}


/* Of a field, from its kind on, which is there. */

static ngx_int_t
ngx_ess_amqp_property_raw_text(u_char *p, u_char *buf, ngx_str_t *text)
{
    size_t  octets;

    switch (*p++) {

    case AMQP_FIELD_KIND_UTF8:
    case AMQP_FIELD_KIND_BYTES:
        text->len = ngx_ess_amqp_table_u32(p);
        text->data = p + 4;
        return NGX_OK;

    case AMQP_FIELD_KIND_BOOLEAN:
        text->data = buf;
        text->len = ngx_sprintf(buf, "%s", *p ? "true" : "false") - buf;
        return NGX_OK;

    case AMQP_FIELD_KIND_I8:
    case AMQP_FIELD_KIND_U8:
        octets = 1;
        break;

    case AMQP_FIELD_KIND_I16:
    case AMQP_FIELD_KIND_U16:
        octets = 2;
        break;

    case AMQP_FIELD_KIND_I32:
    case AMQP_FIELD_KIND_U32:
        octets = 4;
        break;

    case AMQP_FIELD_KIND_I64:
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        octets = 8;
        break;

    default:
        return NGX_DECLINED;
    }

    text->data = buf;

    switch (p[-1]) {

    case AMQP_FIELD_KIND_U8:
    case AMQP_FIELD_KIND_U16:
    case AMQP_FIELD_KIND_U32:
    case AMQP_FIELD_KIND_U64:
    case AMQP_FIELD_KIND_TIMESTAMP:
        text->len = ngx_sprintf(buf, "%uL", (uint64_t)
                                ngx_ess_amqp_property_integer(p, octets)
                                & (UINT64_MAX >> (64 - 8 * octets)))
                    - buf;
        break;

    default:
        text->len = ngx_sprintf(buf, "%L", (int64_t)
                                ngx_ess_amqp_property_integer(p, octets))
                    - buf;
    }

    return NGX_OK;
}


/* With its sign. */

static int64_t
ngx_ess_amqp_property_integer(u_char *p, size_t octets)
{
    uint64_t  n;

    n = (p[0] & 0x80) ? UINT64_MAX : 0;

    for ( /* void */ ; octets; octets--) {
        n = n << 8 | *p++;
    }

    return (int64_t) n;
}


amqp_array_t *
ngx_ess_amqp_property_array(amqp_basic_properties_t *properties,
    const char *name)
{
    amqp_field_value_t  *value;

    value = ngx_ess_amqp_property_header(properties, name);

    if (value == NULL || value->kind != AMQP_FIELD_KIND_ARRAY) {
        return NULL;
    }

    return &value->value.array;
}


uint64_t
ngx_ess_amqp_property_time(amqp_basic_properties_t *properties)
{
    uint64_t             ms;
    amqp_field_value_t  *value;

    value = ngx_ess_amqp_property_header(properties, "timestamp_in_ms");

    if (value && ngx_ess_amqp_property_value(value, &ms) == NGX_OK) {

        /* a field of the kind "timestamp" is in seconds */

        if (value->kind == AMQP_FIELD_KIND_TIMESTAMP) {
            ms = ngx_ess_amqp_property_seconds(ms);
        }

        if (ms && ms < NGX_ESS_AMQP_PROPERTY_MSEC) {
            return ms;
        }
    }

    if (properties && (properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG)) {
        return ngx_ess_amqp_property_seconds(properties->timestamp);
    }

    return 0;
}


/* in ms; 0: that is no time */

static uint64_t
ngx_ess_amqp_property_seconds(uint64_t value)
{
    if (value < NGX_ESS_AMQP_PROPERTY_SECONDS) {
        return value * 1000;
    }

    return (value < NGX_ESS_AMQP_PROPERTY_MSEC) ? value : 0;
}
