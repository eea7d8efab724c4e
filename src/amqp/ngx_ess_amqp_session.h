/*
 * What the files of the session share: its state, and no function.  Private
 * to them.  They stand on each other, and none calls one above it:
 *
 *   ngx_ess_amqp (its life) ► connect, handshake, channel
 *   channel ► content, op          handshake, content, op ► io
 *   io, connect ► trouble
 *
 *   IDLE ──► RESOLVING ──► CONNECTING ──► TLS ──► HEADER ──► START ──► TUNE
 *    ▲  ◄────── any failure ──────────────────────────────────────────  │
 *    └───────────── the connection's end ◄─── OPEN ◄───────────────────┘
 */


#ifndef _NGX_ESS_AMQP_SESSION_H_INCLUDED_
#define _NGX_ESS_AMQP_SESSION_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_connect.h"
#include "ngx_ess_amqp_io.h"


#define NGX_ESS_AMQP_CHANNEL_MAX  2047      /* that are asked for */


typedef enum {
    NGX_ESS_AMQP_IDLE = 0,      /* no connection; the timer starts the next
                                   attempt */
    NGX_ESS_AMQP_RESOLVING,     /* getaddrinfo() runs in a thread */
    NGX_ESS_AMQP_CONNECTING,    /* connect() is under way */
    NGX_ESS_AMQP_TLS,           /* the TLS handshake is under way */
    NGX_ESS_AMQP_HEADER,        /* protocol header sent, start awaited */
    NGX_ESS_AMQP_START,         /* start-ok sent, tune awaited */
    NGX_ESS_AMQP_TUNE,          /* tune-ok and open sent, open-ok awaited */
    NGX_ESS_AMQP_OPEN           /* channels may be opened */
} ngx_ess_amqp_state_e;


typedef enum {
    NGX_ESS_AMQP_CH_OPENING = 0,    /* channel.open sent; ops wait */
    NGX_ESS_AMQP_CH_OPEN,           /* ops are sent */
    NGX_ESS_AMQP_CH_CLOSING         /* channel.close sent; what arrives is
                                       dropped; the user has forgotten it */
} ngx_ess_amqp_channel_state_e;


/* what comes next on a channel */

typedef enum {
    NGX_ESS_AMQP_WANT_METHOD = 0,
    NGX_ESS_AMQP_WANT_HEADER,
    NGX_ESS_AMQP_WANT_BODY
} ngx_ess_amqp_want_e;


struct ngx_ess_amqp_channel_s {
    ngx_ess_amqp_session_t        *session;
    const ngx_ess_amqp_channel_handlers_t  *handlers;
    void                          *data;
    ngx_uint_t                     number;
    ngx_ess_amqp_channel_state_e   state;

    ngx_queue_t                    ops;         /* in order */
    ngx_uint_t                     ninflight;   /* the first of them: sent */
    ngx_uint_t                     reopened;    /* since an op went well */
    unsigned                       late:1;      /* the broker closed it, and
                                                   that was answered: what comes
                                                   is from before, until its
                                                   next open-ok */

    ngx_ess_amqp_want_e            want;
    amqp_basic_deliver_t          *deliver;     /* codec's; NULL: returned */
    amqp_basic_return_t           *returned;    /* codec's */
    amqp_basic_properties_t       *properties;  /* codec's */
    ngx_str_t                      raw;         /* codec's */
    u_char                        *body;        /* NULL: skipped */
    uint64_t                       body_size;
    uint64_t                       received;    /* bytes of it */
};


struct ngx_ess_amqp_session_s {
    ngx_ess_amqp_conf_t           *conf;
    const ngx_ess_amqp_handlers_t *handlers;
    void                          *data;
    size_t                         max_body;
    ngx_ess_amqp_state_e           state;
    ngx_uint_t                     node;        /* of the configuration's */

    ngx_log_t                     *parent_log;
    ngx_log_t                      log;         /* says which broker */

    ngx_ess_amqp_trouble_t         trouble;
    ngx_ess_amqp_connect_t         connect;
    ngx_ess_amqp_io_t              io;

    ngx_uint_t                     channel_max; /* agreed */
    ngx_uint_t                     version;     /* the broker's, the first
                                                   number of it; 0: unknown */
    ngx_msec_t                     opened_at;

    ngx_ess_amqp_channel_t        *channels[NGX_ESS_AMQP_CHANNEL_MAX];
                                                /* by number - 1 */
    ngx_uint_t                     nchannels;   /* the highest number that was
                                                   in use */
    ngx_queue_t                    aborted;     /* ops to be answered so */

    unsigned                       blocked:1;   /* by an alarm */
};


#define ngx_ess_amqp_session_node(s)                                          \
    ((ngx_ess_amqp_node_t *) (s)->conf->nodes.elts + (s)->node)

#define ngx_ess_amqp_session_is_open(s)                                       \
    ((s)->state == NGX_ESS_AMQP_OPEN && !(s)->io.broken)


#endif /* _NGX_ESS_AMQP_SESSION_H_INCLUDED_ */
