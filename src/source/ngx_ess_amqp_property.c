
/*
 * Properties of deliveries.  Owns nothing.  Runs in a worker.
 */


#include "ngx_ess_amqp_property.h"


static amqp_field_value_t *ngx_ess_amqp_property_header(
    amqp_basic_properties_t *properties, const char *name);


static amqp_field_value_t *
ngx_ess_amqp_property_header(amqp_basic_properties_t *properties,
    const char *name)
{
    int                  i;
    size_t               len;
    amqp_table_entry_t  *entry;

    if (properties == NULL
        || !(properties->_flags & AMQP_BASIC_HEADERS_FLAG))
    {
        return NULL;
    }

    len = ngx_strlen(name);

    for (i = 0; i < properties->headers.num_entries; i++) {
        entry = &properties->headers.entries[i];

        if (entry->key.len == len
            && ngx_memcmp(entry->key.bytes, name, len) == 0)
        {
            return &entry->value;
        }
    }

    return NULL;
}


ngx_int_t
ngx_ess_amqp_property_number(amqp_basic_properties_t *properties,
    const char *name, uint64_t *number)
{
    amqp_field_value_t  *value;

    value = ngx_ess_amqp_property_header(properties, name);

    if (value == NULL
        || value->kind != AMQP_FIELD_KIND_I64
        || value->value.i64 < 0)
    {
        return NGX_DECLINED;
    }

    *number = (uint64_t) value->value.i64;

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
ngx_ess_amqp_property_time(amqp_basic_properties_t *properties, uint64_t *ms)
{
    if (ngx_ess_amqp_property_number(properties, "timestamp_in_ms", ms)
        == NGX_OK)
    {
        return NGX_OK;
    }

    if (properties == NULL
        || !(properties->_flags & AMQP_BASIC_TIMESTAMP_FLAG)
        || properties->timestamp > INT64_MAX / 1000)
    {
        *ms = ngx_ess_now();

        return NGX_DECLINED;
    }

    *ms = properties->timestamp * 1000;

    return NGX_OK;
}
