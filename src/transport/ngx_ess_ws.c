
/*
 * WebSocket as a transport: the handshake of RFC 6455, and the session's side
 * of ping and close.  A session keeps a parser only while the client is within
 * a message.  Runs in the worker that has the connection; sends nothing itself
 * but the response header.
 */


#include "ngx_ess_header.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_ws.h"
#include "ngx_ess_ws_codec.h"
#include <ngx_sha1.h>


/* 16 bytes in base64, which always end so */
#define NGX_ESS_WS_KEY_LEN     24
#define NGX_ESS_WS_KEY_END     "=="

#define NGX_ESS_WS_ACCEPT_LEN  ngx_base64_encoded_length(20)

/* of a control frame that is ours */
#define NGX_ESS_WS_CONTROL     (2 + NGX_ESS_WS_MAX_CONTROL)

/* a pong is shorter than its ping: so of all that are read at once */
#define NGX_ESS_WS_OUT         (NGX_ESS_TRANSPORT_INPUT                        \
                                + 2 * NGX_ESS_WS_CONTROL)


typedef struct {
    ngx_ess_ws_parser_t     *parser;        /* from the heap; NULL: at the
                                               beginning of a message */
    unsigned                 close_sent:1;
    unsigned                 over:1;        /* what comes is dropped */
    unsigned                 deflate:1;     /* its messages may be deflated */
} ngx_ess_ws_session_t;


static ngx_int_t ngx_ess_ws_offer(ngx_http_request_t *r, ngx_str_t *answer);
static ngx_str_t ngx_ess_ws_subprotocol(ngx_http_request_t *r);
static ngx_str_t *ngx_ess_ws_value(ngx_http_request_t *r, const char *name);
static ngx_int_t ngx_ess_ws_refuse(ngx_http_request_t *r);
static ngx_int_t ngx_ess_ws_start(ngx_http_request_t *r, void *session);
static ngx_int_t ngx_ess_ws_send_header(ngx_http_request_t *r);
static void ngx_ess_ws_done(void *session);
static void ngx_ess_ws_input(void *session, u_char *data, size_t len,
    ngx_ess_transport_input_t *in, ngx_log_t *log);
static void ngx_ess_ws_input_frame(ngx_ess_ws_session_t *s,
    ngx_ess_ws_parser_t *parser, ngx_ess_transport_input_t *in);
static u_char *ngx_ess_ws_input_room(ngx_ess_transport_input_t *in);
static void ngx_ess_ws_input_answer(ngx_ess_transport_input_t *in,
    size_t len);
static void ngx_ess_ws_input_error(ngx_ess_ws_session_t *s,
    ngx_ess_ws_parser_t *parser, ngx_ess_transport_input_t *in);
static size_t ngx_ess_ws_ping(void *session, u_char *buf);
static size_t ngx_ess_ws_nudge(void *session, u_char *buf);
static size_t ngx_ess_ws_say(ngx_ess_ws_session_t *s, u_char *buf,
    ngx_ess_ws_opcode_e opcode);
static size_t ngx_ess_ws_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason);


const ngx_ess_transport_t  ngx_ess_ws = {
    NGX_ESS_TRANSPORT_WEBSOCKET,
    sizeof(ngx_ess_ws_session_t),
    1,                                     /* answers */
    ngx_ess_ws_start,
    ngx_ess_ws_done,
    ngx_ess_ws_input,
    ngx_ess_ws_ping,
    ngx_ess_ws_nudge,
    ngx_ess_ws_close
};


/* of ess_deflate */
static ngx_uint_t  ngx_ess_ws_deflate_on;

/* for whoever is being read from */
static u_char      ngx_ess_ws_out[NGX_ESS_WS_OUT];


/*
 * RFC 6455, 4.2.1.  Upgrade does not exist in HTTP/1.0 and HTTP/2 (RFC 9110,
 * 7.8), so such a request is not one for a WebSocket.
 */

ngx_int_t
ngx_ess_ws_check(ngx_http_request_t *r)
{
    u_char      buf[ngx_base64_decoded_length(NGX_ESS_WS_KEY_LEN)];
    ngx_str_t  *value, key;

    if (r->http_version != NGX_HTTP_VERSION_11
        || !ngx_ess_header_lists(r, "upgrade", "websocket")
        || !ngx_ess_header_lists(r, "connection", "upgrade"))
    {
        return ngx_ess_ws_refuse(r);
    }

    value = ngx_ess_ws_value(r, "sec-websocket-version");

    if (value == NULL
        || value->len != 2
        || ngx_strncmp(value->data, "13", 2) != 0)
    {
        return ngx_ess_ws_refuse(r);
    }

    /* a body would be taken for frames */

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "websocket handshake with a request body");

        return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_REQUEST,
                                      "a WebSocket handshake has no body");
    }

    value = ngx_ess_ws_value(r, "sec-websocket-key");

    key.data = buf;

    if (value == NULL
        || value->len != NGX_ESS_WS_KEY_LEN
        || ngx_strncmp(value->data + NGX_ESS_WS_KEY_LEN - 2,
                       NGX_ESS_WS_KEY_END, 2)
           != 0
        || ngx_decode_base64(&key, value) != NGX_OK
        || key.len != 16)
    {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "websocket handshake without one valid "
                      "Sec-WebSocket-Key");

        return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_REQUEST,
                                      "a WebSocket handshake has one "
                                      "\"Sec-WebSocket-Key\", of 16 bytes in "
                                      "base64");
    }

    return NGX_OK;
}


void
ngx_ess_ws_init(ngx_uint_t deflate)
{
    ngx_ess_ws_deflate_on = deflate;
}


ngx_uint_t
ngx_ess_ws_deflates(ngx_http_request_t *r)
{
    ngx_str_t  answer;

    return ngx_ess_ws_offer(r, &answer) == NGX_OK;
}


/* NGX_OK: its offer of permessage-deflate is to be answered so.
   NGX_DECLINED. */

static ngx_int_t
ngx_ess_ws_offer(ngx_http_request_t *r, ngx_str_t *answer)
{
    ngx_table_elt_t  *h;

    static const char  name[] = "sec-websocket-extensions";

    if (!ngx_ess_ws_deflate_on) {
        return NGX_DECLINED;
    }

    h = NULL;

    while ((h = ngx_ess_header_find(r, name, h)) != NULL) {
        if (ngx_ess_ws_deflate_offer(&h->value, answer) == NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* What is behind "ess.jwt" is a token, whatever it looks like. */

ngx_uint_t
ngx_ess_ws_speaks_v1(ngx_http_request_t *r)
{
    ngx_str_t         rest, item;
    ngx_uint_t        token;
    ngx_table_elt_t  *h;

    static const char  name[] = "sec-websocket-protocol";
    static ngx_str_t   v1 = ngx_string(NGX_ESS_WS_V1);
    static ngx_str_t   jwt = ngx_string(NGX_ESS_JWT_PROTOCOL);

    h = NULL;
    token = 0;

    while ((h = ngx_ess_header_find(r, name, h)) != NULL) {
        rest = h->value;

        while (ngx_ess_str_item(&rest, ',', &item)) {

            if (!token && ngx_ess_str_equal(&item, &v1)) {
                return 1;
            }

            token = !token && ngx_ess_str_equal(&item, &jwt);
        }
    }

    return 0;
}


ngx_int_t
ngx_ess_ws_check_v1(ngx_http_request_t *r)
{
    if (ngx_ess_ws_speaks_v1(r)) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "websocket handshake without the subprotocol \""
                  NGX_ESS_WS_V1 "\"");

    return ngx_ess_problem_refuse(r, NGX_HTTP_BAD_REQUEST,
        "at this address clients say which streams they want: offer the "
        "WebSocket subprotocol \"" NGX_ESS_WS_V1 "\", as in new "
        "WebSocket(url, [\"" NGX_ESS_WS_V1 "\"])");
}


/* A browser takes no answer without one of the protocols that it offered.
   len 0: none. */

static ngx_str_t
ngx_ess_ws_subprotocol(ngx_http_request_t *r)
{
    ngx_str_t  chosen;

    ngx_str_null(&chosen);

    if (ngx_ess_ws_speaks_v1(r)) {
        ngx_str_set(&chosen, NGX_ESS_WS_V1);

    } else if (ngx_ess_jwt_offered(r)) {
        ngx_str_set(&chosen, NGX_ESS_JWT_PROTOCOL);
    }

    return chosen;
}


/* The value of a header that is to have one line.  NULL: it has another number
   of them. */

static ngx_str_t *
ngx_ess_ws_value(ngx_http_request_t *r, const char *name)
{
    ngx_table_elt_t  *h;

    h = ngx_ess_header_find(r, name, NULL);

    if (h == NULL || ngx_ess_header_find(r, name, h)) {
        return NULL;
    }

    return &h->value;
}


/* "Upgrade" and its like come from the filter: an "error_page" of the
   operator's is to have none of them. */

static ngx_int_t
ngx_ess_ws_refuse(ngx_http_request_t *r)
{
    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "request is not a websocket handshake of version 13");

    return ngx_ess_problem_refuse(r, NGX_ESS_PROBLEM_UPGRADE,
        "this is an event stream: connect with a WebSocket client, of version "
        "13 over HTTP/1.1, or ask for Server-Sent Events with \"Accept: "
        "text/event-stream\"; a proxy in front has to pass \"Upgrade\" and "
        "\"Connection\" on");
}


static ngx_int_t
ngx_ess_ws_start(ngx_http_request_t *r, void *session)
{
    ngx_ess_ws_session_t *s = session;

    u_char      *p, digest[20];
    ngx_str_t   *key, accept, hash, answer, chosen;
    ngx_sha1_t   sha1;

    static const char      guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    p = ngx_pnalloc(r->pool, NGX_ESS_WS_ACCEPT_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    key = ngx_ess_ws_value(r, "sec-websocket-key");
    if (key == NULL) {
        return NGX_ERROR;
    }

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, guid, sizeof(guid) - 1);
    ngx_sha1_final(digest, &sha1);

    hash.data = digest;
    hash.len = sizeof(digest);
    accept.data = p;
    ngx_encode_base64(&accept, &hash);

    s->deflate = (ngx_ess_ws_offer(r, &answer) == NGX_OK);

    chosen = ngx_ess_ws_subprotocol(r);

    if (ngx_ess_header_add(r, "Upgrade", "websocket", 9) != NGX_OK
        || ngx_ess_header_add(r, "Sec-WebSocket-Accept",
                              accept.data, accept.len)
           != NGX_OK
        || (chosen.len
            && ngx_ess_header_add(r, "Sec-WebSocket-Protocol", chosen.data,
                                  chosen.len)
               != NGX_OK)
        || (s->deflate
            && ngx_ess_header_add(r, "Sec-WebSocket-Extensions",
                                  answer.data, answer.len)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_ess_ws_send_header(r);
}


static ngx_int_t
ngx_ess_ws_send_header(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /* "Connection: upgrade" comes from nginx's own header filter */

    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    r->keepalive = 0;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK
        || ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_ess_ws_done(void *session)
{
    ngx_ess_ws_session_t *s = session;

    if (s->parser) {
        ngx_ess_ws_codec_done(s->parser);
        ngx_free(s->parser);
        s->parser = NULL;
    }
}


static void
ngx_ess_ws_input(void *session, u_char *data, size_t len,
    ngx_ess_transport_input_t *in, ngx_log_t *log)
{
    ngx_ess_ws_session_t *s = session;

    u_char               *p, *last;
    ngx_int_t             rc;
    ngx_ess_ws_parser_t  *parser, fresh;

    if (s->over) {
        return;
    }

    parser = s->parser;

    if (parser == NULL) {
        parser = &fresh;
        ngx_memzero(parser, sizeof(ngx_ess_ws_parser_t));
        parser->deflate = s->deflate;
        parser->keep = (in->message != NULL);
    }

    p = data;
    last = data + len;

    do {
        rc = ngx_ess_ws_codec_parse(parser, &p, last);

        if (rc == NGX_OK) {
            in->messages++;
            ngx_ess_ws_input_frame(s, parser, in);

        } else if (rc == NGX_ERROR) {
            ngx_ess_ws_input_error(s, parser, in);
        }

    } while (rc == NGX_OK && !s->over);

    /* between two messages the parser knows nothing */

    if (s->over || ngx_ess_ws_codec_between(parser)) {
        ngx_ess_ws_codec_done(parser);
        ngx_ess_ws_done(s);
        return;
    }

    if (s->parser == NULL) {
        s->parser = ngx_alloc(sizeof(ngx_ess_ws_parser_t), log);

        if (s->parser == NULL) {
            ngx_ess_ws_codec_done(parser);

            s->over = 1;
            in->failed = 1;
            in->reason = "no memory for its message";
            in->out_len = 0;
            return;
        }

        *s->parser = fresh;
    }
}


static void
ngx_ess_ws_input_frame(ngx_ess_ws_session_t *s, ngx_ess_ws_parser_t *parser,
    ngx_ess_transport_input_t *in)
{
    size_t      n;
    u_char     *out;
    ngx_str_t   text;

    switch (parser->opcode) {

    case NGX_ESS_WS_PING:

        if (s->close_sent) {
            return;
        }

        out = ngx_ess_ws_input_room(in);

        n = ngx_ess_ws_codec_header(out, NGX_ESS_WS_PONG, 0,
                                    parser->control_len);
        ngx_memcpy(out + n, parser->control, parser->control_len);

        ngx_ess_ws_input_answer(in, n + parser->control_len);

        return;

    case NGX_ESS_WS_CLOSE:

        s->over = 1;

        ngx_str_null(&text);

        in->closing = 1;

        n = ngx_ess_ws_close(s, ngx_ess_ws_input_room(in), parser->code,
                             &text);
        ngx_ess_ws_input_answer(in, n);

        return;

    case NGX_ESS_WS_PONG:

        return;

    default:

        /* a fragment, or the last one */

        if (in->message && !parser->in_message && !s->close_sent) {
            text.len = parser->data_len;
            text.data = text.len ? parser->message : (u_char *) "";

            in->message(in->data, &text, parser->text);
        }
    }
}


/* Where one more answer goes.  Of more than there is room for only the latest
   ping must be answered: RFC 6455, 5.5.3. */

static u_char *
ngx_ess_ws_input_room(ngx_ess_transport_input_t *in)
{
    if (NGX_ESS_WS_OUT - in->out_len < NGX_ESS_WS_CONTROL) {
        in->out_len = 0;
    }

    return ngx_ess_ws_out + in->out_len;
}


static void
ngx_ess_ws_input_answer(ngx_ess_transport_input_t *in, size_t len)
{
    in->out = ngx_ess_ws_out;
    in->out_len += len;
    in->out_last = len;
}


static void
ngx_ess_ws_input_error(ngx_ess_ws_session_t *s, ngx_ess_ws_parser_t *parser,
    ngx_ess_transport_input_t *in)
{
    size_t     n;
    ngx_str_t  reason;

    s->over = 1;

    in->failed = 1;
    in->reason = parser->reason;

    reason.data = (u_char *) parser->reason;
    reason.len = ngx_strlen(parser->reason);

    n = ngx_ess_ws_close(s, ngx_ess_ws_input_room(in), parser->code, &reason);
    ngx_ess_ws_input_answer(in, n);
}


static size_t
ngx_ess_ws_ping(void *session, u_char *buf)
{
    return ngx_ess_ws_say(session, buf, NGX_ESS_WS_PING);
}


/* A pong that nobody asked for is not answered: RFC 6455, 5.5.3. */

static size_t
ngx_ess_ws_nudge(void *session, u_char *buf)
{
    return ngx_ess_ws_say(session, buf, NGX_ESS_WS_PONG);
}


static size_t
ngx_ess_ws_say(ngx_ess_ws_session_t *s, u_char *buf,
    ngx_ess_ws_opcode_e opcode)
{
    if (s->close_sent) {
        return 0;
    }

    return ngx_ess_ws_codec_header(buf, opcode, 0, 0);
}


static size_t
ngx_ess_ws_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_ess_ws_session_t *s = session;

    if (s->close_sent) {
        return 0;
    }

    s->close_sent = 1;

    return ngx_ess_ws_codec_close(buf, code, reason);
}
