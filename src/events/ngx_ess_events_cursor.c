
/*
 * Cursors of pages: a version, and the place of an event in both orders, so
 * that it serves with any filter.  Pure functions.  Runs in workers.
 */


#include "ngx_ess_events_cursor.h"
#include "ngx_ess_date.h"


#define NGX_ESS_EVENTS_CURSOR_VERSION  1

#define NGX_ESS_EVENTS_CURSOR_BYTES    17


static u_char *ngx_ess_events_cursor_put(u_char *p, uint64_t number);
static uint64_t ngx_ess_events_cursor_get(const u_char *p);


u_char *
ngx_ess_events_cursor_write(u_char *p, const ngx_ess_events_cursor_t *cursor)
{
    u_char     bytes[NGX_ESS_EVENTS_CURSOR_BYTES], *last;
    ngx_str_t  src, dst;

    bytes[0] = NGX_ESS_EVENTS_CURSOR_VERSION;
    last = ngx_ess_events_cursor_put(bytes + 1, cursor->seq);
    (void) ngx_ess_events_cursor_put(last, (uint64_t) cursor->time);

    src.data = bytes;
    src.len = NGX_ESS_EVENTS_CURSOR_BYTES;
    dst.data = p;

    ngx_encode_base64url(&dst, &src);

    return p + dst.len;
}


static u_char *
ngx_ess_events_cursor_put(u_char *p, uint64_t number)
{
    ngx_int_t  i;

    for (i = 7; i >= 0; i--) {
        *p++ = (u_char) (number >> (8 * i));
    }

    return p;
}


ngx_int_t
ngx_ess_events_cursor_read(const ngx_str_t *text,
    ngx_ess_events_cursor_t *cursor)
{
    u_char     bytes[NGX_ESS_EVENTS_CURSOR_BYTES + 3];
    u_char     again[NGX_ESS_EVENTS_CURSOR + 1];
    ngx_str_t  src, dst;

    if (text->len != NGX_ESS_EVENTS_CURSOR) {
        return NGX_DECLINED;
    }

    src = *text;
    dst.data = bytes;

    if (ngx_decode_base64url(&dst, &src) != NGX_OK
        || dst.len != NGX_ESS_EVENTS_CURSOR_BYTES
        || bytes[0] != NGX_ESS_EVENTS_CURSOR_VERSION)
    {
        return NGX_DECLINED;
    }

    cursor->seq = ngx_ess_events_cursor_get(bytes + 1);
    cursor->time = (int64_t) ngx_ess_events_cursor_get(bytes + 9);

    /* no event has a time that databases do not know, they have signed numbers,
       and one cursor has one text */

    (void) ngx_ess_events_cursor_write(again, cursor);

    return (cursor->seq > INT64_MAX
            || cursor->time < NGX_ESS_DATE_FIRST
            || cursor->time >= NGX_ESS_DATE_END
            || ngx_memcmp(again, text->data, NGX_ESS_EVENTS_CURSOR) != 0)
           ? NGX_DECLINED : NGX_OK;
}


static uint64_t
ngx_ess_events_cursor_get(const u_char *p)
{
    uint64_t    number;
    ngx_uint_t  i;

    number = 0;

    for (i = 0; i < 8; i++) {
        number = (number << 8) | p[i];
    }

    return number;
}
