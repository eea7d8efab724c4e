/*
 * Fingerprints of deliveries.  A classic queue delivers again what it got, to
 * the byte; a quorum queue adds a header with the number of deliveries, and
 * sorts the headers by name.  Pure functions, which read the properties as
 * they were received.
 */


#include "ngx_ess_exchange_print.h"
#include "ngx_ess_amqp_table.h"
#include "ngx_ess_redelivery.h"


/* the properties before the headers */
#define NGX_ESS_EXCHANGE_PRINT_BEFORE                                         \
    (AMQP_BASIC_CONTENT_TYPE_FLAG|AMQP_BASIC_CONTENT_ENCODING_FLAG)


/* what is hashed in place of the properties */

typedef struct {
    uint64_t                 flags;         /* but that of headers */
    uint64_t                 before;        /* the headers */
    uint64_t                 headers;       /* a sum */
    uint64_t                 after;
} ngx_ess_exchange_print_t;


static ngx_int_t ngx_ess_exchange_print_properties(
    ngx_ess_exchange_print_t *print, ngx_str_t *properties);
static u_char *ngx_ess_exchange_print_headers(ngx_ess_exchange_print_t *print,
    u_char *p, u_char *last);
static ngx_uint_t ngx_ess_exchange_print_counts(u_char *entry);
static uint64_t ngx_ess_exchange_print_bytes(u_char *p, u_char *last);


static ngx_str_t  ngx_ess_exchange_print_counters[] = {
    ngx_string("x-delivery-count"),
    ngx_string("x-acquired-count"),
    ngx_null_string
};


uint64_t
ngx_ess_exchange_print(ngx_str_t *key, ngx_str_t *properties, ngx_str_t *body,
    ngx_uint_t quorum)
{
    ngx_str_t                 s;
    ngx_ess_exchange_print_t  print;

    if (quorum
        && ngx_ess_exchange_print_properties(&print, properties) == NGX_OK)
    {
        s.data = (u_char *) &print;
        s.len = sizeof(ngx_ess_exchange_print_t);

        properties = &s;
    }

    return ngx_ess_redelivery_print(key, properties, body);
}


static ngx_int_t
ngx_ess_exchange_print_properties(ngx_ess_exchange_print_t *print,
    ngx_str_t *properties)
{
    u_char     *p, *begin, *last;
    ngx_uint_t  flags, rest;

    if (properties->len < 2) {
        return NGX_DECLINED;
    }

    p = properties->data;
    last = p + properties->len;

    flags = (ngx_uint_t) p[0] << 8 | p[1];
    p += 2;

    begin = p;

    /* each of those before the headers is a length and so many bytes */

    for (rest = flags & NGX_ESS_EXCHANGE_PRINT_BEFORE; rest; rest &= rest - 1) {

        if (p == last || p[0] >= last - p) {
            return NGX_DECLINED;
        }

        p += 1 + p[0];
    }

    print->flags = flags & ~(ngx_uint_t) AMQP_BASIC_HEADERS_FLAG;
    print->before = ngx_ess_exchange_print_bytes(begin, p);
    print->headers = 0;

    if (flags & AMQP_BASIC_HEADERS_FLAG) {
        p = ngx_ess_exchange_print_headers(print, p, last);
        if (p == NULL) {
            return NGX_DECLINED;
        }
    }

    print->after = ngx_ess_exchange_print_bytes(p, last);

    return NGX_OK;
}


/* where they end, or NULL */

static u_char *
ngx_ess_exchange_print_headers(ngx_ess_exchange_print_t *print, u_char *p,
    u_char *last)
{
    size_t   size;
    u_char  *end;

    if (last - p < 4) {
        return NULL;
    }

    size = (size_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
    p += 4;

    if (size > (size_t) (last - p)) {
        return NULL;
    }

    for (last = p + size; p < last; p = end) {

        end = ngx_ess_amqp_table_entry(p, last);
        if (end == NULL) {
            return NULL;
        }

        if (!ngx_ess_exchange_print_counts(p)) {
            print->headers += ngx_ess_exchange_print_bytes(p, end);
        }
    }

    return last;
}


/* the entry begins with the length of its name */

static ngx_uint_t
ngx_ess_exchange_print_counts(u_char *entry)
{
    ngx_str_t  *name;

    for (name = ngx_ess_exchange_print_counters; name->len; name++) {

        if (entry[0] == name->len
            && ngx_memcmp(entry + 1, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static uint64_t
ngx_ess_exchange_print_bytes(u_char *p, u_char *last)
{
    ngx_str_t  none, bytes;

    ngx_str_null(&none);

    bytes.data = p;
    bytes.len = last - p;

    return ngx_ess_redelivery_print(&none, &none, &bytes);
}
