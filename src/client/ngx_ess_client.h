/*
 * A client: a connection, and what it subscribes to.  Private to client/.
 *
 *                          drain             it has what is there
 *     OPENING ──► OPEN ─────────► FINISHING ─────────────────────┐
 *        │          │                                            ▼
 *        │          └─────────────────────────────────────► CLOSING
 *        │                       our close, or the peer's        │ sent
 *        ▼           no answer in time, or a broken connection   ▼
 *      GONE ◄───────────────────────────────────────────────── CLOSED
 */


#ifndef _NGX_ESS_CLIENT_H_INCLUDED_
#define _NGX_ESS_CLIENT_H_INCLUDED_


#include "ngx_ess_conf.h"
#include "ngx_ess_feed.h"
#include "ngx_ess_transport.h"
#include "ngx_ess_wheel.h"


/* ms that a peer has to take our close and to answer it */
#define NGX_ESS_CLIENT_CLOSE     5000

/* status codes of a WebSocket close; a transport without them just ends */
#define NGX_ESS_CLIENT_NORMAL    1000
#define NGX_ESS_CLIENT_AWAY      1001
#define NGX_ESS_CLIENT_PROTOCOL  1002
#define NGX_ESS_CLIENT_DATA      1003
#define NGX_ESS_CLIENT_POLICY    1008
#define NGX_ESS_CLIENT_TOO_BIG   1009
#define NGX_ESS_CLIENT_INTERNAL  1011
#define NGX_ESS_CLIENT_RESTART   1012
#define NGX_ESS_CLIENT_LATER     1013
#define NGX_ESS_CLIENT_EXPIRED   3000       /* the registry's "Unauthorized" */
#define NGX_ESS_CLIENT_FORBIDDEN 3003       /* and its "Forbidden" */


typedef struct ngx_ess_control_s     ngx_ess_control_t;
typedef struct ngx_ess_filtered_s    ngx_ess_filtered_t;
typedef struct ngx_ess_multi_s       ngx_ess_multi_t;


typedef enum {
    NGX_ESS_CLIENT_OPENING = 0,             /* response header on its way */
    NGX_ESS_CLIENT_OPEN,                    /* gets events */
    NGX_ESS_CLIENT_FINISHING,               /* gets what is there, or its
                                               answers, then the close */
    NGX_ESS_CLIENT_CLOSING,                 /* the close is on its way */
    NGX_ESS_CLIENT_CLOSED,                  /* it was sent; the peer's comes */
    NGX_ESS_CLIENT_GONE                     /* off all lists */
} ngx_ess_client_state_e;


/*
 * One block from the heap, with the transport's session behind it.  It goes
 * with its request, or when that was released, with its connection.
 */

struct ngx_ess_client_s {
    union {
        ngx_ess_subscriber_t     sub;       /* its subscription */
        ngx_ess_multi_t         *multi;     /* with "many": all of them */
    };

    ngx_queue_t                  drain;     /* those that a drain will close */
    ngx_ess_wheel_entry_t        timer;     /* ping, or end of patience */

    ngx_connection_t            *connection;
    ngx_http_request_t          *request;   /* NULL: it was released */
    ngx_ess_loc_conf_t          *conf;
    const ngx_ess_transport_t   *transport;
    ngx_ess_control_t           *control;   /* NULL: none to be sent */
    ngx_ess_filtered_t          *filtered;  /* NULL: bytes go straight to the
                                               connection */

    uint64_t                     stream_id;
    uint64_t                     events_sent;
    uint64_t                     bytes_sent;
    uint32_t                     since;     /* s since 1970 */
    uint32_t                     expires;   /* its token, s since 1970; 0:
                                               never */

    ngx_ess_client_rate_t        rate;      /* of what it sends */

    const char                  *reason;    /* to close with */
    uint16_t                     code;
    uint16_t                     pinged_at; /* of a clock of its own: see
                                               ngx_ess_client_ping.c */
    u_char                       state;     /* ngx_ess_client_state_e */

    unsigned                     blocked:1; /* its socket takes no more */
    unsigned                     heard:1;   /* since the last ping */
    unsigned                     pinged:1;  /* and waits for an answer */
    unsigned                     last:1;    /* the end follows what is to be
                                               sent */
    unsigned                     linger:1;  /* the client may be sending on */
    unsigned                     late:1;    /* a drain waits for it */
    unsigned                     missing:1; /* the broker has no stream for it;
                                               "code" is set */
    unsigned                     nudge:1;   /* it named a place, and was sent
                                               nothing yet */
    unsigned                     nudged:1;  /* a nudge waits for its time */
    unsigned                     many:1;    /* it has several subscriptions */
    unsigned                     apart:1;   /* many, or filtered */
    unsigned                     deaf:1;    /* what it has sent is to be done
                                               before more is read */
};


#define ngx_ess_client_session(client)  ((void *) ((client) + 1))


/* this worker's; NULL: ESS does nothing */
extern ngx_ess_zone_t  *ngx_ess_client_zone;


/* Adds n to the counter of this worker in the zone. */
void ngx_ess_client_count(ngx_uint_t counter, int64_t n);

/* In the following NGX_DONE means: the client has ended and must not be touched
   any more; NGX_OK: it has not. */

/* One send, and what follows from it. */
ngx_int_t ngx_ess_client_flush(ngx_ess_client_t *client);

/* Our close; "reason" is static text. */
ngx_int_t ngx_ess_client_close(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason);

/*
 * From here on only the rest of a frame that was begun is sent, then "data",
 * if there is any; the frames behind are let go.  "last" as in
 * ngx_ess_flush_control().
 */
ngx_int_t ngx_ess_client_close_with(ngx_ess_client_t *client, u_char *data,
    size_t len, size_t last);

/* The same of one with several subscriptions, which end at once, when it has
   what it was answered. */
ngx_int_t ngx_ess_client_close_answered(ngx_ess_client_t *client,
    ngx_uint_t code, const char *reason);

/* With client->code and client->reason, when it has what is there, or at
   once. */
void ngx_ess_client_close_drain(ngx_ess_client_t *client, ngx_uint_t code);
ngx_int_t ngx_ess_client_close_now(ngx_ess_client_t *client);

/* rc: NGX_OK: in good order, NGX_ERROR: not.  The client has ended. */
void ngx_ess_client_close_end(ngx_ess_client_t *client, ngx_int_t rc);

/* Of one with several subscriptions: all that it has beside a client. */
void ngx_ess_client_free_multi(ngx_ess_client_t *client);

/* Off all lists; harmless the second time.  A cleanup handler. */
void ngx_ess_client_detach(void *data);


#endif /* _NGX_ESS_CLIENT_H_INCLUDED_ */
