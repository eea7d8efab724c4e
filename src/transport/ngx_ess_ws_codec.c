
/*
 * WebSocket frames, RFC 6455: bytes in; consumed, again or error out.
 * The caller owns all memory, the parser's state included.  Runs wherever
 * a transport runs, knows neither nginx's events nor its requests.
 */


#include "ngx_ess_ws_codec.h"


#define NGX_ESS_WS_FIN   0x80
#define NGX_ESS_WS_RSV   0x70
#define NGX_ESS_WS_RSV1  0x40               /* deflated; RFC 7692, 6 */
#define NGX_ESS_WS_MASK  0x80

/* opcodes from here on are control frames */
#define NGX_ESS_WS_IS_CONTROL  0x8

/* what is inflated in one go */
#define NGX_ESS_WS_INFLATE     4096


static ngx_int_t ngx_ess_ws_codec_head(ngx_ess_ws_parser_t *parser);
static ngx_int_t ngx_ess_ws_codec_head_first(ngx_ess_ws_parser_t *parser);
static ngx_int_t ngx_ess_ws_codec_head_length(ngx_ess_ws_parser_t *parser);
static ngx_int_t ngx_ess_ws_codec_payload(ngx_ess_ws_parser_t *parser,
    u_char *p, size_t len);
static ngx_int_t ngx_ess_ws_codec_inflate(ngx_ess_ws_parser_t *parser,
    u_char *p, size_t len);
static ngx_int_t ngx_ess_ws_codec_data(ngx_ess_ws_parser_t *parser, u_char *p,
    size_t len);
static void ngx_ess_ws_codec_unmask(ngx_ess_ws_parser_t *parser, u_char *p,
    size_t len);
static ngx_int_t ngx_ess_ws_codec_end(ngx_ess_ws_parser_t *parser);
static ngx_int_t ngx_ess_ws_codec_end_close(ngx_ess_ws_parser_t *parser);
static ngx_int_t ngx_ess_ws_codec_fail(ngx_ess_ws_parser_t *parser,
    uint16_t code, const char *reason);


ngx_int_t
ngx_ess_ws_codec_parse(ngx_ess_ws_parser_t *parser, u_char **pos,
    u_char *last)
{
    size_t     len;
    u_char    *p;
    ngx_int_t  rc;

    if (parser->failed) {
        *pos = last;
        return NGX_ERROR;
    }

    p = *pos;

    while (!parser->in_payload) {

        if (p == last) {
            *pos = p;
            return NGX_AGAIN;
        }

        parser->header[parser->header_len++] = *p++;

        rc = ngx_ess_ws_codec_head(parser);

        if (rc != NGX_OK) {
            *pos = p;
            return rc;
        }
    }

    len = ngx_min((size_t) (last - p), parser->left);

    *pos = p + len;

    parser->left -= len;

    if (ngx_ess_ws_codec_payload(parser, p, len) != NGX_OK) {
        return NGX_ERROR;
    }

    if (parser->left) {
        return NGX_AGAIN;
    }

    return ngx_ess_ws_codec_end(parser);
}


/*
 * Looks at the header after each of its bytes, so that what is wrong is
 * refused before anything else is waited for.
 */

static ngx_int_t
ngx_ess_ws_codec_head(ngx_ess_ws_parser_t *parser)
{
    u_char  b;

    if (parser->header_len == 1) {
        return ngx_ess_ws_codec_head_first(parser);
    }

    if (parser->header_len == 2) {
        b = parser->header[1];

        if (!(b & NGX_ESS_WS_MASK)) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                         "frame is not masked");
        }

        b &= ~NGX_ESS_WS_MASK;

        if (b > NGX_ESS_WS_MAX_CONTROL
            && parser->opcode >= NGX_ESS_WS_IS_CONTROL)
        {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                         "control frame is too long");
        }

        parser->header_need = (b == 127) ? 14 : (b == 126) ? 8 : 6;
    }

    if (parser->header_len == parser->header_need - 4) {

        /* the length is complete: refuse it before the mask comes */

        return ngx_ess_ws_codec_head_length(parser);
    }

    if (parser->header_len == parser->header_need) {
        ngx_memcpy(parser->mask, &parser->header[parser->header_need - 4], 4);
        parser->mask_pos = 0;
        parser->in_payload = 1;
        parser->header_len = 0;
        parser->header_need = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_ws_codec_head_first(ngx_ess_ws_parser_t *parser)
{
    u_char       b, rsv;
    const char  *reason;

    b = parser->header[0];

    parser->fin = (b & NGX_ESS_WS_FIN) ? 1 : 0;
    parser->opcode = b & NGX_ESS_WS_OPCODE;
    parser->control_len = 0;

    rsv = b & NGX_ESS_WS_RSV;

    if (rsv
        && (!parser->deflate || rsv != NGX_ESS_WS_RSV1
            || (parser->opcode != NGX_ESS_WS_TEXT
                && parser->opcode != NGX_ESS_WS_BINARY)))
    {
        reason = "reserved bits are set";
        goto failed;
    }

    if ((parser->opcode & ~NGX_ESS_WS_IS_CONTROL) > NGX_ESS_WS_BINARY) {
        reason = "reserved opcode";
        goto failed;
    }

    if (parser->opcode >= NGX_ESS_WS_IS_CONTROL) {

        if (!parser->fin) {
            reason = "fragmented control frame";
            goto failed;
        }

        return NGX_OK;
    }

    if (parser->in_message != (parser->opcode == NGX_ESS_WS_CONTINUATION)) {
        reason = parser->in_message ? "message within a message"
                                    : "nothing to continue";
        goto failed;
    }

    if (!parser->in_message) {
        ngx_ess_ws_codec_done(parser);

        parser->in_message = 1;
        parser->text = (parser->opcode == NGX_ESS_WS_TEXT);
        parser->deflated = (rsv != 0);
        parser->message_len = 0;
        parser->data_len = 0;
        ngx_memzero(&parser->utf8, sizeof(ngx_ess_utf8_t));
    }

    return NGX_OK;

failed:

    return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR, reason);
}


static ngx_int_t
ngx_ess_ws_codec_head_length(ngx_ess_ws_parser_t *parser)
{
    u_char      *p;
    uint64_t     len;
    ngx_uint_t   i, n;

    n = parser->header_need - 6;
    p = &parser->header[2];
    len = n ? 0 : parser->header[1] & ~NGX_ESS_WS_MASK;

    for (i = 0; i < n; i++) {
        len = (len << 8) | p[i];
    }

    if (n == 8 && (p[0] & 0x80)) {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                     "length has its highest bit set");
    }

    if ((n == 2 && len < 126) || (n == 8 && len < 65536)) {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                     "length is not the shortest possible");
    }

    if (parser->opcode < NGX_ESS_WS_IS_CONTROL) {

        if (len > NGX_ESS_WS_MAX_MESSAGE - parser->message_len) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_TOO_BIG,
                                         "message is too big");
        }

        parser->message_len += (uint32_t) len;
    }

    parser->left = (uint32_t) len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_ws_codec_payload(ngx_ess_ws_parser_t *parser, u_char *p, size_t len)
{
    ngx_ess_ws_codec_unmask(parser, p, len);

    if (parser->opcode >= NGX_ESS_WS_IS_CONTROL) {

        /* the header saw to it that this is at most NGX_ESS_WS_MAX_CONTROL */

        ngx_memcpy(&parser->control[parser->control_len], p, len);
        parser->control_len += (u_char) len;

        return NGX_OK;
    }

    if (parser->deflated) {
        return parser->keep ? ngx_ess_ws_codec_inflate(parser, p, len)
                            : NGX_OK;
    }

    return ngx_ess_ws_codec_data(parser, p, len);
}


static ngx_int_t
ngx_ess_ws_codec_inflate(ngx_ess_ws_parser_t *parser, u_char *p, size_t len)
{
    size_t     n;
    u_char    *last;
    u_char     buf[NGX_ESS_WS_INFLATE];
    ngx_int_t  rc;

    if (parser->inflate == NULL) {
        parser->inflate = ngx_ess_ws_inflate_create();

        if (parser->inflate == NULL) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INTERNAL_ERROR,
                                         "no memory to inflate a message");
        }
    }

    last = p + len;

    do {
        rc = ngx_ess_ws_inflate(parser->inflate, &p, last, buf, sizeof(buf),
                                &n);

        len = ngx_min(n, NGX_ESS_WS_MAX_MESSAGE - parser->data_len);

        if (ngx_ess_ws_codec_data(parser, buf, len) != NGX_OK) {
            return NGX_ERROR;
        }

        if (n > len) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_TOO_BIG,
                                         "message is too big when inflated");
        }

        if (rc == NGX_ERROR) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INVALID_DATA,
                                         "message cannot be inflated");
        }

    } while (rc == NGX_OK);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_ws_codec_data(ngx_ess_ws_parser_t *parser, u_char *p, size_t len)
{
    u_char  *message;

    if (parser->text
        && ngx_ess_utf8(&parser->utf8, p, len) != NGX_OK)
    {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INVALID_DATA,
                                     "text is not UTF-8");
    }

    if (parser->keep && len) {
        message = realloc(parser->message, parser->data_len + len);
        if (message == NULL) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INTERNAL_ERROR,
                                         "no memory to keep a message");
        }

        ngx_memcpy(message + parser->data_len, p, len);
        parser->message = message;
    }

    parser->data_len += (uint32_t) len;

    return NGX_OK;
}


static void
ngx_ess_ws_codec_unmask(ngx_ess_ws_parser_t *parser, u_char *p, size_t len)
{
    size_t    i;
    u_char    mask[8];
    uint64_t  word, mask_word;

    /* turned, so that mask[0] is for p[0] */

    for (i = 0; i < 8; i++) {
        mask[i] = parser->mask[(parser->mask_pos + i) & 3];
    }

    ngx_memcpy(&mask_word, mask, 8);

    for (i = 0; i + 8 <= len; i += 8) {
        ngx_memcpy(&word, p + i, 8);
        word ^= mask_word;
        ngx_memcpy(p + i, &word, 8);
    }

    for ( /* void */ ; i < len; i++) {
        p[i] ^= mask[i & 3];
    }

    parser->mask_pos = (u_char) ((parser->mask_pos + len) & 3);
}


static ngx_int_t
ngx_ess_ws_codec_end(ngx_ess_ws_parser_t *parser)
{
    u_char  tail[] = { 0x00, 0x00, 0xff, 0xff };

    parser->in_payload = 0;

    if (parser->opcode == NGX_ESS_WS_CLOSE) {
        return ngx_ess_ws_codec_end_close(parser);
    }

    if (parser->opcode < NGX_ESS_WS_IS_CONTROL && parser->fin) {

        if (parser->deflated && parser->keep) {

            /* what the sender left out of it; RFC 7692, 7.2.2 */

            if (ngx_ess_ws_codec_inflate(parser, tail, sizeof(tail))
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            ngx_ess_ws_inflate_destroy(parser->inflate);
            parser->inflate = NULL;
        }

        if (parser->text && parser->utf8.left) {
            return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INVALID_DATA,
                                         "text ends within a character");
        }

        parser->in_message = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_ws_codec_end_close(ngx_ess_ws_parser_t *parser)
{
    ngx_ess_utf8_t  utf8;

    if (parser->control_len == 0) {
        parser->code = NGX_ESS_WS_NO_STATUS;
        return NGX_OK;
    }

    if (parser->control_len == 1) {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                     "half a status code in a Close frame");
    }

    parser->code = (uint16_t) (parser->control[0] << 8 | parser->control[1]);

    if (!ngx_ess_ws_codec_code_valid(parser->code)) {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_PROTOCOL_ERROR,
                                     "invalid status code in a Close frame");
    }

    ngx_memzero(&utf8, sizeof(ngx_ess_utf8_t));

    if (ngx_ess_utf8(&utf8, parser->control + 2,
                              parser->control_len - 2)
        != NGX_OK
        || utf8.left)
    {
        return ngx_ess_ws_codec_fail(parser, NGX_ESS_WS_INVALID_DATA,
                                     "reason of a Close frame is not UTF-8");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_ws_codec_fail(ngx_ess_ws_parser_t *parser, uint16_t code,
    const char *reason)
{
    ngx_ess_ws_codec_done(parser);

    parser->failed = 1;
    parser->code = code;
    parser->reason = reason;

    return NGX_ERROR;
}


void
ngx_ess_ws_codec_done(ngx_ess_ws_parser_t *parser)
{
    if (parser->inflate) {
        ngx_ess_ws_inflate_destroy(parser->inflate);
        parser->inflate = NULL;
    }

    free(parser->message);
    parser->message = NULL;
}


ngx_uint_t
ngx_ess_ws_codec_between(ngx_ess_ws_parser_t *parser)
{
    return parser->header_len == 0
           && !parser->in_payload
           && !parser->in_message
           && !parser->failed;
}


size_t
ngx_ess_ws_codec_header(u_char *buf, ngx_ess_ws_opcode_e opcode,
    ngx_uint_t deflated, uint64_t len)
{
    u_char      *p;
    ngx_uint_t   n;

    p = buf;

    *p++ = (u_char) (NGX_ESS_WS_FIN | (deflated ? NGX_ESS_WS_RSV1 : 0)
                     | opcode);

    if (len <= 125) {
        *p++ = (u_char) len;
        return p - buf;
    }

    if (len <= 0xffff) {
        *p++ = 126;
        n = 2;

    } else {
        *p++ = 127;
        n = 8;
    }

    while (n--) {
        *p++ = (u_char) (len >> (8 * n));
    }

    return p - buf;
}


size_t
ngx_ess_ws_codec_close(u_char *buf, ngx_uint_t code, ngx_str_t *reason)
{
    size_t   len, n;
    u_char  *p;

    if (code == NGX_ESS_WS_NO_STATUS) {
        return ngx_ess_ws_codec_header(buf, NGX_ESS_WS_CLOSE, 0, 0);
    }

    len = reason->len;

    if (len > NGX_ESS_WS_MAX_CONTROL - 2) {
        len = NGX_ESS_WS_MAX_CONTROL - 2;

        /* back to the first byte of the character that was cut */

        while (len && (reason->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    n = ngx_ess_ws_codec_header(buf, NGX_ESS_WS_CLOSE, 0, len + 2);
    p = buf + n;

    *p++ = (u_char) (code >> 8);
    *p++ = (u_char) code;

    if (len) {
        p = ngx_cpymem(p, reason->data, len);
    }

    return p - buf;
}


ngx_uint_t
ngx_ess_ws_codec_code_valid(ngx_uint_t code)
{
    /* 1004 is reserved, 1005, 1006 and 1015 are never on the wire */

    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}
