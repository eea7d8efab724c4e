/*
 * What the properties of a delivery say.
 */


#ifndef _NGX_ESS_AMQP_PROPERTY_H_INCLUDED_
#define _NGX_ESS_AMQP_PROPERTY_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_rabbitmq_c.h"


/* The entry of that name, or NULL. */
amqp_field_value_t *ngx_ess_amqp_property_find(amqp_table_t *table,
    const char *name);

/* A field that is a whole number, but for those of 64 bits without a sign.
   NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_amqp_property_whole(amqp_field_value_t *value, int64_t *n);

/* A header that is a whole number, from 0, of any kind.  NGX_OK or
   NGX_DECLINED. */
ngx_int_t ngx_ess_amqp_property_number(amqp_basic_properties_t *properties,
    const char *name, uint64_t *number);

/* A header that is a text.  As above. */
ngx_int_t ngx_ess_amqp_property_text(amqp_basic_properties_t *properties,
    const char *name, ngx_str_t *text);

/*
 * The same in properties as they came, which were checked when they did: a text
 * or bytes, a whole number or a boolean, as text, which may be in "buf", with
 * room for NGX_ESS_AMQP_PROPERTY_TEXT bytes.  NGX_OK or NGX_DECLINED.
 */
#define NGX_ESS_AMQP_PROPERTY_TEXT  NGX_INT64_LEN

ngx_int_t ngx_ess_amqp_property_raw(ngx_str_t *raw, ngx_str_t *name,
    u_char *buf, ngx_str_t *text);

/* 1: they have headers. */
#define ngx_ess_amqp_property_has_headers(raw)                                \
    ((raw)->len >= 2 && ((raw)->data[0] & 0x20))

/* A header that is an array, or NULL. */
amqp_array_t *ngx_ess_amqp_property_array(amqp_basic_properties_t *properties,
    const char *name);

/*
 * When the event was published, in ms since 1970: to the millisecond if the
 * broker or the publisher says so (timestamp_in_ms), else by the property
 * "timestamp", which is in seconds, but for publishers who take it for ms.
 * 0: nobody says, or nothing that can be.
 */
uint64_t ngx_ess_amqp_property_time(amqp_basic_properties_t *properties);


#endif /* _NGX_ESS_AMQP_PROPERTY_H_INCLUDED_ */
