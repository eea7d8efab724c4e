/*
 * The seam between a client and the way in which bytes reach it and come from
 * it.  A transport knows bytes and HTTP, neither streams nor events.
 */


#ifndef _NGX_ESS_TRANSPORT_H_INCLUDED_
#define _NGX_ESS_TRANSPORT_H_INCLUDED_


#include "ngx_ess.h"


/* of a ping, a pong, a close */
#define NGX_ESS_TRANSPORT_MAX_CONTROL  131

/* of what input() is given at once, at most */
#define NGX_ESS_TRANSPORT_INPUT        16384


/*
 * A message of the client's, whole; "text": it is UTF-8, and meant as text.  It
 * is there for the time of the call, which must not end the client.
 */
typedef void (*ngx_ess_transport_message_pt)(void *data, ngx_str_t *message,
    ngx_uint_t text);


/* what input() found; the caller zeroes it, but for the handler */

typedef struct {
    ngx_ess_transport_message_pt message;   /* NULL: nobody listens, and none is
                                               kept */
    void                    *data;          /* the handler's */

    /* answers to be queued (pongs, a close), valid until the next call of any
       function of the transport */
    u_char                  *out;
    size_t                   out_len;
    size_t                   out_last;      /* of these the last answer */

    ngx_uint_t               messages;      /* frames that ended */

    unsigned                 closing:1;     /* peer began the close, or answered
                                               ours; after out was sent, end the
                                               connection */
    unsigned                 failed:1;      /* protocol error, or no memory:
                                               log "reason", send out, end */
    const char              *reason;
} ngx_ess_transport_input_t;


typedef struct {
    ngx_ess_transport_e      kind;

    /* of a session, which lies zeroed behind its client */
    size_t                   session_size;

    /* the peer answers a ping; else it lives while its socket takes bytes */
    unsigned                 answers:1;

    /*
     * Sends the response header that begins the session, and what comes
     * before the first event.  NGX_OK or NGX_ERROR.  Afterwards the request
     * may be gone before the session is.
     */
    ngx_int_t              (*start)(ngx_http_request_t *r, void *session);

    /* Frees what the session holds beside itself; harmless twice.  NULL: it
       holds nothing. */
    void                   (*done)(void *session);

    /* Bytes from the client, a sign of life.  All of them are consumed.  NULL:
       it has nothing to say. */
    void                   (*input)(void *session, u_char *data, size_t len,
                                 ngx_ess_transport_input_t *in,
                                 ngx_log_t *log);

    /* A keep-alive; returns its length, at most MAX_CONTROL; 0: none. */
    size_t                 (*ping)(void *session, u_char *buf);

    /* Bytes that mean nothing, but wake a peer; the same.  NULL: no peer needs
       to be woken. */
    size_t                 (*nudge)(void *session, u_char *buf);

    /* The bytes that say goodbye, at most MAX_CONTROL; 0: none. */
    size_t                 (*close)(void *session, u_char *buf,
                                 ngx_uint_t code, ngx_str_t *reason);
} ngx_ess_transport_t;


#endif /* _NGX_ESS_TRANSPORT_H_INCLUDED_ */
