/*
 * What the files of the session share: its state.  Private to
 * ngx_ess_amqp.c and to ngx_ess_amqp_trouble.c, _io.c, _connect.c,
 * _handshake.c, _channel.c and _content.c.
 *
 *   IDLE ──► RESOLVING ──► CONNECTING ──► TLS ──► HEADER ──► START ──► TUNE
 *    ▲  ◄────── any failure ──────────────────────────────────────────  │
 *    └───────────── the connection's end ◄─── OPEN ◄───────────────────┘
 */


#ifndef _NGX_ESS_AMQP_SESSION_H_INCLUDED_
#define _NGX_ESS_AMQP_SESSION_H_INCLUDED_


#include "ngx_ess_escape.h"
#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


/* ms for one address: connect, TLS and handshake */
#define NGX_ESS_AMQP_HANDSHAKE_TIME  5000

/* ms that a connection has to last to count as a success */
#define NGX_ESS_AMQP_STABLE_TIME     5000

/* ms without a complaint after which complaints are logged again */
#define NGX_ESS_AMQP_FORGET_TIME     60000

/* ops in flight per channel */
#define NGX_ESS_AMQP_WINDOW          64

/* unsent bytes from which on ops wait, and at which a send fails */
#define NGX_ESS_AMQP_OUT_HIGH        (1024 * 1024)
#define NGX_ESS_AMQP_OUT_MAX         (2 * 1024 * 1024)

/* room that one method gets */
#define NGX_ESS_AMQP_METHOD_MAX      16384

/* read buffer, and what is read before others get their turn */
#define NGX_ESS_AMQP_IN_SIZE         65536
#define NGX_ESS_AMQP_IN_SLICE        (256 * 1024)

#define NGX_ESS_AMQP_CHANNEL_MAX     2047
#define NGX_ESS_AMQP_ADDRS           16
#define NGX_ESS_AMQP_TEXT            512

/* a message with an escaped text in it */
#define NGX_ESS_AMQP_LINE            (NGX_ESS_AMQP_TEXT + NGX_ESS_ESCAPED_SIZE)

/* times that the broker closes a channel on which no op is under way nor was
   answered meanwhile */
#define NGX_ESS_AMQP_REOPEN_MAX      16

/* ms between two lines on alarms: they come and go as the broker likes */
#define NGX_ESS_AMQP_ALARM_TIME      1000

/* messages of one kind that are not logged again: more than the slots' queues
   can bring about in turns, each with its name in it */
#define NGX_ESS_AMQP_SEEN            128

/* ms between two messages when there were more */
#define NGX_ESS_AMQP_WORD_TIME       1000


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

    ngx_queue_t                    waiting;     /* ops not sent yet */
    ngx_queue_t                    inflight;    /* ops sent, oldest first */
    ngx_uint_t                     ninflight;
    ngx_uint_t                     reopened;    /* since an op went well */
    unsigned                       late:1;      /* the broker closed it, and
                                                   that was answered: what comes
                                                   is from before, until its
                                                   next open-ok */

    ngx_ess_amqp_want_e            want;
    amqp_basic_deliver_t          *deliver;     /* codec's; NULL: returned */
    amqp_basic_properties_t       *properties;  /* codec's */
    ngx_str_t                      raw;         /* codec's */
    u_char                        *body;        /* NULL: skipped */
    uint64_t                       body_size;
    uint64_t                       received;    /* bytes of it */
};


/* one lookup in a thread; outlives the session when it has to */

typedef struct {
    ngx_pool_t                    *pool;        /* holds this */
    ngx_ess_amqp_session_t        *session;     /* NULL: nobody waits */
    ngx_uint_t                     node;
    u_char                        *host;        /* null terminated */
    in_port_t                      port;
    ngx_uint_t                     done;        /* came too late for one
                                                   attempt, kept for the next */
    int                            error;       /* of getaddrinfo() */
    ngx_uint_t                     naddrs;
    ngx_sockaddr_t                 addrs[NGX_ESS_AMQP_ADDRS];
    socklen_t                      socklens[NGX_ESS_AMQP_ADDRS];
} ngx_ess_amqp_resolve_t;


struct ngx_ess_amqp_session_s {
    ngx_ess_amqp_conf_t           *conf;
    const ngx_ess_amqp_handlers_t *handlers;
    void                          *data;
    size_t                         max_body;
    ngx_ess_amqp_state_e           state;

    ngx_log_t                     *parent_log;
    ngx_log_t                      log;         /* says which broker */
    ngx_log_t                      quiet_log;   /* keeps what nginx says of a
                                                   failed connect in "quiet" */
    u_char                         quiet[NGX_ESS_AMQP_TEXT];
    size_t                         quiet_len;

    /* where to connect to */
    ngx_uint_t                     node;
    ngx_uint_t                     tried;       /* nodes in this attempt */
    ngx_uint_t                     attempt;     /* for the backoff */
    ngx_ess_amqp_resolve_t       **resolves;    /* per node, or NULL */
    ngx_uint_t                     addr;
    ngx_uint_t                     naddrs;
    ngx_sockaddr_t                 addrs[NGX_ESS_AMQP_ADDRS];
    socklen_t                      socklens[NGX_ESS_AMQP_ADDRS];
    ngx_str_t                      addr_name;
    u_char                         addr_text[NGX_SOCKADDR_STRLEN];

    /* the connection */
    ngx_peer_connection_t          peer;
    ngx_pool_t                    *pool;
    ngx_ess_amqp_codec_t           codec;
    ngx_msec_t                     heartbeat;   /* ms agreed, 0: none */
    ngx_uint_t                     channel_max; /* agreed */
    ngx_uint_t                     version;     /* the broker's, the first
                                                   number of it; 0: unknown */
    ngx_msec_t                     opened_at;
    ngx_msec_t                     sent_at;
    ngx_msec_t                     received_at;

    ngx_event_t                    timer;       /* retry, or time limit of the
                                                   handshake or of closing */
    ngx_event_t                    heartbeat_timer;
    ngx_event_t                    alarm_timer; /* set: the last line on alarms
                                                   is that young */
    ngx_event_t                    flush;       /* posted: pump and send */

    ngx_buf_t                      in;
    ngx_buf_t                      out;

    ngx_ess_amqp_channel_t       **channels;    /* by number - 1 */
    ngx_uint_t                     nchannels;
    ngx_queue_t                    aborted;     /* ops to be answered so */

    uint32_t                       failures[NGX_ESS_AMQP_SEEN]; /* logged */
    uint32_t                       words[NGX_ESS_AMQP_SEEN];    /* logged */
    ngx_uint_t                     nfailures;
    ngx_uint_t                     nwords;
    ngx_msec_t                     word_at;     /* last log_once() */
    ngx_msec_t                     word_told;   /* last one that was logged */
    u_char                         alarm[NGX_ESS_ESCAPED_SIZE]; /* reason of
                                                   the last one */
    size_t                         alarm_len;

    unsigned                       opened:1;    /* the handler was called */
    unsigned                       broken:1;    /* close it, from the event */
    unsigned                       blocked:1;   /* by an alarm */
    unsigned                       alarm_told:1;    /* what is logged of it */
    unsigned                       paused:1;    /* nothing is read */
    unsigned                       told:1;      /* of being open, and of no
                                                   failure since */
};


/* ngx_ess_amqp.c */

const char *ngx_ess_amqp_state_name(ngx_ess_amqp_state_e state);

/* for the log */
const char *ngx_ess_amqp_method_name(amqp_method_number_t method);

/* From an event: the connection is over; what comes next follows from the
   state that it was in. */
void ngx_ess_amqp_drop(ngx_ess_amqp_session_t *s);

/* The connected socket, TLS done, goes over to AMQP. */
void ngx_ess_amqp_start(ngx_ess_amqp_session_t *s);


/* ngx_ess_amqp_trouble.c */

void ngx_ess_amqp_trouble_init(ngx_ess_amqp_session_t *s, ngx_log_t *log);

/* Logs that the session is open, unless that was the last word. */
void ngx_ess_amqp_trouble_opened(ngx_ess_amqp_session_t *s);

/* Logs whether there is an alarm, at most once a NGX_ESS_AMQP_ALARM_TIME:
   what changes meanwhile is logged then, if it is still so. */
void ngx_ess_amqp_trouble_alarm(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_trouble_alarm_handler(ngx_event_t *ev);

/* Logs why the connection failed, unless it is known; returns NGX_ERROR.
   Text from outside is escaped by the caller. */
ngx_int_t ngx_ess_amqp_trouble(ngx_ess_amqp_session_t *s, const char *fmt,
    ...);


/* ngx_ess_amqp_io.c */

/* "size" bytes fit behind out.last.  NGX_ERROR: no memory, or too much
   unsent. */
ngx_int_t ngx_ess_amqp_io_room(ngx_ess_amqp_session_t *s, size_t size);

/* Queues bytes or a method; NGX_ERROR: no memory, too much unsent, or the
   method cannot be encoded. */
ngx_int_t ngx_ess_amqp_io_out(ngx_ess_amqp_session_t *s, const u_char *data,
    size_t len);
ngx_int_t ngx_ess_amqp_io_method(ngx_ess_amqp_session_t *s,
    ngx_uint_t channel, amqp_method_number_t method, void *decoded);

ngx_int_t ngx_ess_amqp_io_header(ngx_ess_amqp_session_t *s,
    ngx_uint_t channel, uint64_t body_size,
    amqp_basic_properties_t *properties);
ngx_int_t ngx_ess_amqp_io_body(ngx_ess_amqp_session_t *s, ngx_uint_t channel,
    const u_char *data, size_t len);

/* as ngx_ess_amqp_flush() */
void ngx_ess_amqp_io_flush(ngx_ess_amqp_session_t *s);

/* of the connection's events, of s->flush and of s->heartbeat_timer */
void ngx_ess_amqp_io_read_handler(ngx_event_t *rev);
void ngx_ess_amqp_io_write_handler(ngx_event_t *wev);
void ngx_ess_amqp_io_flush_handler(ngx_event_t *ev);
void ngx_ess_amqp_io_heartbeat_handler(ngx_event_t *ev);


/* ngx_ess_amqp_connect.c */

/* Goes on with the next address or node, or waits for the next attempt. */
void ngx_ess_amqp_connect(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_connect_next_address(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_connect_next_node(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_connect_later(ngx_ess_amqp_session_t *s);

/* Lookups under way are nobody's any more. */
void ngx_ess_amqp_connect_forget(ngx_ess_amqp_session_t *s);


/* ngx_ess_amqp_handshake.c: methods on channel 0 */

ngx_int_t ngx_ess_amqp_handshake(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);


/* ngx_ess_amqp_channel.c */

/* A frame for a channel.  NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_amqp_channel_frame(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);

/* Sends the ops that may be sent. */
void ngx_ess_amqp_channel_pump(ngx_ess_amqp_session_t *s);

/* Answers all ops with NGX_ABORT. */
void ngx_ess_amqp_channel_abort(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_channel_abort_queued(ngx_ess_amqp_session_t *s);

void ngx_ess_amqp_channel_free_all(ngx_ess_amqp_session_t *s);


/* ngx_ess_amqp_content.c */

/* Frames of a content; NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_amqp_content_header(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);
ngx_int_t ngx_ess_amqp_content_body(ngx_ess_amqp_channel_t *ch,
    ngx_str_t *body);

/* Nothing of a content is kept. */
void ngx_ess_amqp_content_reset(ngx_ess_amqp_channel_t *ch);

/* The number at the end of a consumer's tag: "ess-7" is 7; without one 0. */
ngx_uint_t ngx_ess_amqp_content_tag(amqp_bytes_t *tag);


#endif /* _NGX_ESS_AMQP_SESSION_H_INCLUDED_ */
