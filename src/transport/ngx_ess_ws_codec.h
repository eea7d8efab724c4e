/*
 * WebSocket frames: parse what a client sends, build what a server sends.
 * No I/O, no memory but the caller's and, of a message that is read, what it is
 * inflated with and kept in.
 */


#ifndef _NGX_ESS_WS_CODEC_H_INCLUDED_
#define _NGX_ESS_WS_CODEC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_utf8.h"
#include "ngx_ess_ws_deflate.h"


/* of a control frame's payload; RFC 6455, 5.5 */
#define NGX_ESS_WS_MAX_CONTROL      125

/* of a frame's header: 2, a length of 8, a mask of 4 */
#define NGX_ESS_WS_MAX_HEADER       14

/* bits of a frame's first byte */
#define NGX_ESS_WS_OPCODE           0x0f

/* of a client's message, all fragments together, inflated too */
#define NGX_ESS_WS_MAX_MESSAGE      65536


/* status codes; RFC 6455, 7.4.1 */
#define NGX_ESS_WS_PROTOCOL_ERROR   1002
#define NGX_ESS_WS_NO_STATUS        1005    /* never on the wire */
#define NGX_ESS_WS_INVALID_DATA     1007
#define NGX_ESS_WS_TOO_BIG          1009
#define NGX_ESS_WS_INTERNAL_ERROR   1011


typedef enum {
    NGX_ESS_WS_CONTINUATION = 0x0,
    NGX_ESS_WS_TEXT = 0x1,
    NGX_ESS_WS_BINARY = 0x2,
    NGX_ESS_WS_CLOSE = 0x8,
    NGX_ESS_WS_PING = 0x9,
    NGX_ESS_WS_PONG = 0xa
} ngx_ess_ws_opcode_e;


/* what is known of a client's frames so far; zeroed is the beginning */

typedef struct {
    uint32_t                 message_len;   /* of the message so far, */
    uint32_t                 data_len;      /* and when it is inflated */
    uint32_t                 left;          /* of the frame's payload */
    uint16_t                 code;          /* of a Close that came, or to
                                               answer an error with */
    u_char                   header_len;
    u_char                   header_need;   /* 0: not known yet */
    u_char                   mask_pos;      /* 0 .. 3, of the next byte */
    u_char                   opcode;
    u_char                   control_len;
    unsigned                 in_payload:1;
    unsigned                 fin:1;
    unsigned                 in_message:1;  /* more fragments must come */
    unsigned                 text:1;        /* the message is text */
    unsigned                 deflate:1;     /* the caller's: permessage-deflate
                                               was negotiated */
    unsigned                 keep:1;        /* the caller's: messages are read;
                                               else none is kept, and what is
                                               deflated stays so */
    unsigned                 deflated:1;    /* the message is */
    unsigned                 failed:1;
    ngx_ess_utf8_t           utf8;
    ngx_ess_ws_inflate_t    *inflate;       /* NULL: no deflated message */
    u_char                  *message;       /* data_len bytes from the heap;
                                               NULL: none */
    const char              *reason;        /* of an error */
    u_char                   mask[4];
    u_char                   header[NGX_ESS_WS_MAX_HEADER];
    u_char                   control[NGX_ESS_WS_MAX_CONTROL];
} ngx_ess_ws_parser_t;


/*
 * Parses from *pos on, unmasking the payload in place, and advances *pos.
 *
 * NGX_OK: a frame ended; parser->opcode says which.  For a control frame
 * parser->control and control_len are its payload until the next call, for
 * a Close parser->code is its status code or NGX_ESS_WS_NO_STATUS.  With a
 * frame of data its message ended when in_message is 0: with "keep"
 * parser->message and data_len are all of it, until the next call.  Call
 * again.  NGX_AGAIN: all was consumed.  NGX_ERROR: the client broke the
 * protocol; parser->code is to be answered and parser->reason says why, for
 * the log.  After an error every call returns NGX_ERROR.
 */
ngx_int_t ngx_ess_ws_codec_parse(ngx_ess_ws_parser_t *parser, u_char **pos,
    u_char *last);

/* Frees what a message is inflated with and kept in; harmless twice. */
void ngx_ess_ws_codec_done(ngx_ess_ws_parser_t *parser);

/* 1 between two messages: a parser that is zeroed would go on as this one. */
ngx_uint_t ngx_ess_ws_codec_between(ngx_ess_ws_parser_t *parser);

/* Writes the header of an unmasked, final frame, with "deflated" one of a
   deflated message; returns its length, at most 10 bytes. */
size_t ngx_ess_ws_codec_header(u_char *buf, ngx_ess_ws_opcode_e opcode,
    ngx_uint_t deflated, uint64_t len);

/*
 * Writes a whole Close frame, at most 127 bytes; a reason that is too long
 * is cut between two characters.  With NGX_ESS_WS_NO_STATUS the frame has
 * no payload.
 */
size_t ngx_ess_ws_codec_close(u_char *buf, ngx_uint_t code,
    ngx_str_t *reason);

/* 1 when the code may be in a Close frame; RFC 6455, 7.4. */
ngx_uint_t ngx_ess_ws_codec_code_valid(ngx_uint_t code);


#endif /* _NGX_ESS_WS_CODEC_H_INCLUDED_ */
