/*
 * The seam between subscribers and the way in which events reach a client.
 * A transport knows bytes and HTTP, neither streams nor sources.
 */


#ifndef _NGX_ESS_TRANSPORT_H_INCLUDED_
#define _NGX_ESS_TRANSPORT_H_INCLUDED_


#include "ngx_ess.h"


/* one event as encoded for one transport: header and body in one buffer,
   made by the transport's encode() from the worker's heap */

typedef struct {
    u_char                  *data;
    size_t                   len;
} ngx_ess_transport_frame_t;


/* what input() found; "out" is what must be sent in answer, if anything */

typedef struct {
    /* answer to be queued (pong, close); within the session's memory */
    u_char                  *out;
    size_t                   out_len;

    unsigned                 alive:1;       /* the peer showed signs of life */
    unsigned                 closing:1;     /* peer began the close; after out
                                               was sent, end the connection */
    unsigned                 closed:1;      /* peer answered our close: end the
                                               connection */
    unsigned                 failed:1;      /* protocol error: log "reason",
                                               send out, end */
    const char              *reason;
} ngx_ess_transport_input_t;


typedef struct {
    ngx_str_t                name;

    /* Is this request one for this transport, and well-formed?  NGX_OK, or the
       HTTP status to answer with (headers for it set on r). */
    ngx_int_t              (*check)(ngx_http_request_t *r);

    /* Sends the response header that begins the session; the session's state,
       from r->pool, or NULL: failed. */
    void                  *(*start)(ngx_http_request_t *r);

    /* Encodes a body; out->data from ngx_alloc().  NGX_OK or NGX_ERROR. */
    ngx_int_t              (*encode)(ngx_str_t *body, uint64_t ordinal,
                                 uint64_t timestamp,
                                 ngx_ess_transport_frame_t *out,
                                 ngx_log_t *log);

    /* Bytes from the client.  All of them are consumed. */
    void                   (*input)(void *session, u_char *data, size_t len,
                                 ngx_ess_transport_input_t *in);

    /* A keep-alive; returns its length, at most 16 bytes. */
    size_t                 (*ping)(void *session, u_char *buf);

    /* The bytes that say goodbye, at most 127; 0: none. */
    size_t                 (*close)(void *session, u_char *buf,
                                 ngx_uint_t code, ngx_str_t *reason);
} ngx_ess_transport_t;


#define NGX_ESS_TRANSPORT_MAX_CONTROL  131


extern const ngx_ess_transport_t  ngx_ess_ws;


#endif /* _NGX_ESS_TRANSPORT_H_INCLUDED_ */
