
/*
 * permessage-deflate.  One deflate stream serves all messages of a worker,
 * reset for each; an inflate stream lives as long as a client's message.
 */


#include "ngx_ess_str.h"
#include "ngx_ess_ws_deflate.h"
#include <zlib.h>


#define NGX_ESS_WS_DEFLATE_BITS  15         /* of the window, at most */

#define NGX_ESS_WS_DEFLATE_ANSWER                                             \
    "permessage-deflate; server_no_context_takeover; "                        \
    "client_no_context_takeover"

/* the parameters of an offer, as bits of a mask */
#define NGX_ESS_WS_DEFLATE_PARAMETERS   4
#define NGX_ESS_WS_DEFLATE_SERVER_BITS  2
#define NGX_ESS_WS_DEFLATE_CLIENT_BITS  3

/* what a flush ends with, and RFC 7692, 7.2.1 leaves out */
#define NGX_ESS_WS_DEFLATE_TAIL  4


static ngx_uint_t ngx_ess_ws_deflate_accepts(ngx_str_t *offer,
    ngx_uint_t *seen);
static ngx_uint_t ngx_ess_ws_deflate_parameter(ngx_str_t *param,
    ngx_uint_t *seen);
static ngx_int_t ngx_ess_ws_deflate_bits(ngx_str_t *value);


static z_stream    ngx_ess_ws_deflate_z;
static ngx_uint_t  ngx_ess_ws_deflate_ready;


ngx_int_t
ngx_ess_ws_deflate_offer(ngx_str_t *line, ngx_str_t *answer)
{
    ngx_str_t   rest, offer;
    ngx_uint_t  seen;

    rest = *line;

    while (ngx_ess_str_item(&rest, ',', &offer)) {

        if (!ngx_ess_ws_deflate_accepts(&offer, &seen)) {
            continue;
        }

        /* RFC 7692, 7.1.2.1: whoever accepts an offer of it says so */

        if (seen & (1 << NGX_ESS_WS_DEFLATE_SERVER_BITS)) {
            ngx_str_set(answer, NGX_ESS_WS_DEFLATE_ANSWER
                        "; server_max_window_bits=15");

        } else {
            ngx_str_set(answer, NGX_ESS_WS_DEFLATE_ANSWER);
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* RFC 7692, 5.1: an offer with a parameter that is unknown, wrong or twice is
   declined. */

static ngx_uint_t
ngx_ess_ws_deflate_accepts(ngx_str_t *offer, ngx_uint_t *seen)
{
    ngx_str_t    rest, part;
    ngx_uint_t   more;

    rest = *offer;
    *seen = 0;

    more = ngx_ess_str_cut(&rest, ';', &part);
    ngx_ess_str_trim(&part);

    if (!ngx_ess_str_is(&part, "permessage-deflate")) {
        return 0;
    }

    while (more) {
        more = ngx_ess_str_cut(&rest, ';', &part);

        if (!ngx_ess_ws_deflate_parameter(&part, seen)) {
            return 0;
        }
    }

    return 1;
}


/*
 * What is deflated for all clients has the largest window, so an offer of a
 * smaller one is declined, and that client gets its events as they are.  A
 * client may use whichever window it likes: all are inflated alike.
 */

static ngx_uint_t
ngx_ess_ws_deflate_parameter(ngx_str_t *param, ngx_uint_t *seen)
{
    ngx_int_t    bits;
    ngx_str_t    name, value;
    ngx_uint_t   i, valued;

    static const char  *names[NGX_ESS_WS_DEFLATE_PARAMETERS] = {
        "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits"
    };

    value = *param;
    valued = ngx_ess_str_cut(&value, '=', &name);

    ngx_ess_str_trim(&name);
    ngx_ess_str_trim(&value);

    for (i = 0; i < NGX_ESS_WS_DEFLATE_PARAMETERS; i++) {
        if (ngx_ess_str_is(&name, names[i])) {
            break;
        }
    }

    if (i == NGX_ESS_WS_DEFLATE_PARAMETERS || (*seen & (1 << i))) {
        return 0;
    }

    *seen |= 1 << i;

    if (!valued) {
        return i != NGX_ESS_WS_DEFLATE_SERVER_BITS;
    }

    bits = ngx_ess_ws_deflate_bits(&value);

    return (i == NGX_ESS_WS_DEFLATE_SERVER_BITS
            && bits == NGX_ESS_WS_DEFLATE_BITS)
           || (i == NGX_ESS_WS_DEFLATE_CLIENT_BITS && bits != NGX_ERROR);
}


static ngx_int_t
ngx_ess_ws_deflate_bits(ngx_str_t *value)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   bits;

    p = value->data;
    len = value->len;

    if (len > 2 && p[0] == '"' && p[len - 1] == '"') {
        p++;
        len -= 2;
    }

    bits = ngx_atoi(p, len);

    return (bits >= 8 && bits <= NGX_ESS_WS_DEFLATE_BITS && *p != '0')
           ? bits : NGX_ERROR;
}


size_t
ngx_ess_ws_deflate(u_char *out, size_t room, u_char *data, size_t len,
    ngx_int_t level)
{
    z_stream  *z;

    z = &ngx_ess_ws_deflate_z;

    if (!ngx_ess_ws_deflate_ready) {

        if (deflateInit2(z, (int) level, Z_DEFLATED, -NGX_ESS_WS_DEFLATE_BITS,
                         MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY)
            != Z_OK)
        {
            return 0;
        }

        ngx_ess_ws_deflate_ready = 1;

    } else if (deflateReset(z) != Z_OK) {
        return 0;
    }

    if (len > NGX_MAX_INT32_VALUE || room > NGX_MAX_INT32_VALUE) {
        return 0;
    }

    z->next_in = data;
    z->avail_in = (uInt) len;
    z->next_out = out;
    z->avail_out = (uInt) room;

    if (deflate(z, Z_SYNC_FLUSH) != Z_OK
        || z->avail_in
        || z->avail_out == 0)
    {
        return 0;
    }

    return room - z->avail_out - NGX_ESS_WS_DEFLATE_TAIL;
}


ngx_ess_ws_inflate_t *
ngx_ess_ws_inflate_create(void)
{
    ngx_ess_ws_inflate_t  *in;

    in = calloc(1, sizeof(ngx_ess_ws_inflate_t));

    if (in && inflateInit2(in, -NGX_ESS_WS_DEFLATE_BITS) != Z_OK) {
        free(in);
        return NULL;
    }

    return in;
}


void
ngx_ess_ws_inflate_destroy(ngx_ess_ws_inflate_t *in)
{
    (void) inflateEnd(in);

    free(in);
}


ngx_int_t
ngx_ess_ws_inflate(ngx_ess_ws_inflate_t *in, u_char **pos, u_char *last,
    u_char *out, size_t room, size_t *n)
{
    int  rc;

    in->next_in = *pos;
    in->avail_in = (uInt) (last - *pos);
    in->next_out = out;
    in->avail_out = (uInt) room;

    rc = inflate(in, Z_SYNC_FLUSH);

    *pos = in->next_in;
    *n = room - in->avail_out;

    if (rc == Z_STREAM_END) {

        /* RFC 7692, 7.2.3.4: another one may follow in the same message */

        return (inflateReset(in) == Z_OK) ? NGX_OK : NGX_ERROR;
    }

    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        return NGX_ERROR;
    }

    return (in->avail_out == 0) ? NGX_OK : NGX_AGAIN;
}
