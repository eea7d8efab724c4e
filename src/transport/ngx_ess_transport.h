/*
 * The seam between subscribers and the way in which events reach a client.
 * A transport knows bytes and HTTP, neither streams nor sources.
 */


#ifndef _NGX_ESS_TRANSPORT_H_INCLUDED_
#define _NGX_ESS_TRANSPORT_H_INCLUDED_


#include "ngx_ess.h"


/* of a ping, a pong, a close */
#define NGX_ESS_TRANSPORT_MAX_CONTROL  131


/* an event as it is in the log; owns nothing */

typedef struct {
    ngx_str_t                body;
    uint64_t                 epoch;         /* of the log; with the ordinal
                                               the event's name */
    uint64_t                 ordinal;
    uint64_t                 timestamp;     /* ms since 1970; 0: not known */
} ngx_ess_transport_event_t;


/* the same as encoded for one transport, or a notice: one buffer from the
   worker's heap, the receiver's */

typedef struct {
    u_char                  *data;
    size_t                   len;
    unsigned                 unannotated:1; /* the body cannot be annotated */
} ngx_ess_transport_frame_t;


/* what input() found */

typedef struct {
    /* answer to be queued (pong, close), valid until the next call of any
       function of the transport */
    u_char                  *out;
    size_t                   out_len;

    ngx_uint_t               messages;      /* frames that ended */

    unsigned                 alive:1;       /* the peer showed signs of life */
    unsigned                 closing:1;     /* peer began the close; after out
                                               was sent, end the connection */
    unsigned                 closed:1;      /* peer answered our close: end the
                                               connection */
    unsigned                 failed:1;      /* protocol error, or no memory:
                                               log "reason", send out, end */
    const char              *reason;
} ngx_ess_transport_input_t;


typedef struct {
    ngx_str_t                name;          /* for logs */

    ngx_ess_transport_e      kind;

    /* of a session, which lies zeroed behind its subscriber */
    size_t                   session_size;

    /* the peer answers a ping; else it lives while its socket takes bytes */
    unsigned                 answers:1;

    /* events that a client missed can be announced to it */
    unsigned                 gaps:1;

    /*
     * Sends the response header that begins the session, and what comes
     * before the first event.  NGX_OK or NGX_ERROR.  Afterwards the request
     * may be gone before the session is.
     */
    ngx_int_t              (*start)(ngx_http_request_t *r, void *session);

    /* Frees what the session holds beside itself; harmless twice. */
    void                   (*done)(void *session);

    /* Encodes an event.  NGX_OK or NGX_ERROR (no memory). */
    ngx_int_t              (*encode)(ngx_ess_transport_event_t *event,
                                 ngx_ess_transport_frame_t *out,
                                 ngx_log_t *log);

    /* The same for one client alone: without what takes more time than
       sending it, such as to deflate it. */
    ngx_int_t              (*encode_one)(ngx_ess_transport_event_t *event,
                                 ngx_ess_transport_frame_t *out,
                                 ngx_log_t *log);

    /*
     * Encodes the notice that the events "from" to "to" of the epoch are
     * gone, with to < from: nobody knows how many.  NGX_OK; NGX_DECLINED:
     * the transport has no words for it; NGX_ERROR: no memory.
     */
    ngx_int_t              (*gap)(uint64_t epoch, uint64_t from, uint64_t to,
                                 ngx_ess_transport_frame_t *out,
                                 ngx_log_t *log);

    /* Bytes from the client.  All of them are consumed. */
    void                   (*input)(void *session, u_char *data, size_t len,
                                 ngx_ess_transport_input_t *in,
                                 ngx_log_t *log);

    /* A keep-alive; returns its length, at most MAX_CONTROL; 0: none. */
    size_t                 (*ping)(void *session, u_char *buf);

    /* The bytes that say goodbye, at most MAX_CONTROL; 0: none. */
    size_t                 (*close)(void *session, u_char *buf,
                                 ngx_uint_t code, ngx_str_t *reason);
} ngx_ess_transport_t;


/* WebSocket (RFC 6455), the bodies as they are or with ordinal and timestamp */
extern const ngx_ess_transport_t  ngx_ess_ws;
extern const ngx_ess_transport_t  ngx_ess_ws_annotated;

/* the same with permessage-deflate (RFC 7692) */
extern const ngx_ess_transport_t  ngx_ess_ws_deflated;
extern const ngx_ess_transport_t  ngx_ess_ws_annotated_deflated;

/* Server-Sent Events (WHATWG HTML, 9.2), in chunks of HTTP/1.1 that are
   already framed, and without, for HTTP/1.0 and HTTP/2 */
extern const ngx_ess_transport_t  ngx_ess_sse_chunked;
extern const ngx_ess_transport_t  ngx_ess_sse;

/*
 * Is this request one for WebSocket, and well-formed?  NGX_OK, or the HTTP
 * status to answer with (headers for it set on r).
 */
ngx_int_t ngx_ess_ws_check(ngx_http_request_t *r);

/* In a worker: the level of zlib, 0: nothing is deflated; bytes of an event
   from which on it is. */
void ngx_ess_ws_init(ngx_int_t level, size_t min_size);

/* 1 when the request offers permessage-deflate in a way that can be accepted,
   and it is on. */
ngx_uint_t ngx_ess_ws_deflates(ngx_http_request_t *r);

/*
 * Does this request, which is no upgrade, accept text/event-stream?
 * NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_ess_sse_check(ngx_http_request_t *r);


#endif /* _NGX_ESS_TRANSPORT_H_INCLUDED_ */
