/*
 * The few types that every part shares.
 */


#ifndef _NGX_ESS_H_INCLUDED_
#define _NGX_ESS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#if (NGX_ESS_FAULT_ALLOC)
#include "ngx_ess_fault.h"
#endif


#define NGX_ESS_VERSION      "0.6.0"

/* a routing key is an AMQP short string */
#define NGX_ESS_MAX_KEY      255

/* 128 random bits, and the same as lower case hex */
#define NGX_ESS_UUID_LEN     16
#define NGX_ESS_UUID_TEXT    (2 * NGX_ESS_UUID_LEN)

/* fixed shares of the streams, each consumed by one worker at a time */
#define NGX_ESS_SLOTS        16


/*
 * Where a stream's events come from, and what is asked of that everywhere: see
 * ngx_ess_source.h.  It is kept in the stream's record, for the source may not
 * be there any more.
 */

typedef struct {
    uint8_t                  source;        /* stored, so the numbers stay */
    uint8_t                  follows;       /* 1: its log follows another one,
                                               which the source has and numbers;
                                               0: the log is all there is */
    uint8_t                  binds;         /* 1: events are appended that are
                                               published with its routing key,
                                               which is to be bound */
    uint8_t                  attr;          /* NGX_ESS_ATTR_*, of a stream; of
                                               a source 0 */
} ngx_ess_kind_t;


/* what a stream has beside its routing key: see ngx_ess_attr.h */

#define NGX_ESS_ATTR_NAME        0x01
#define NGX_ESS_ATTR_RULE        0x02       /* for the keys of its events */
#define NGX_ESS_ATTR_LOG         0x04       /* bounds of its log, of its own */
#define NGX_ESS_ATTR_DECLARED    0x08       /* nginx.conf has it */
#define NGX_ESS_ATTR_CREATED     0x10       /* it was made on demand */

#define NGX_ESS_MAX_NAME         128        /* bytes */
#define NGX_ESS_MAX_RULE         255


/*
 * A stream's name across event loop iterations: never an address.  "index"
 * is only a hint where to look; id and epoch decide.  An id is never used
 * again; the epoch is that of the stream's events, and a log that follows
 * another one gets that one's: see ngx_ess_follow.h.
 */

typedef struct {
    uint64_t                 id;
    uint64_t                 epoch;
    uint32_t                 index;
} ngx_ess_stream_ref_t;


/* one of several keys that an event is published with; what is behind the hash
   says how far it came, 0 at first */

typedef struct {
    ngx_str_t                key;
    uint32_t                 hash;
    uint32_t                 next;          /* the next stream that has it, */
    uint64_t                 id;            /* and its id */
    uint64_t                 from;          /* that id at the last lock */
} ngx_ess_event_key_t;


/* what its source remembers of an event: see ngx_ess_mark.h */

typedef struct ngx_ess_mark_s  ngx_ess_mark_t;


/* an event of a log, for ever */

typedef struct {
    uint64_t                 epoch;
    uint64_t                 ordinal;
} ngx_ess_event_id_t;


/* an event on its way from a source into the logs; owns nothing */

typedef struct ngx_ess_event_s  ngx_ess_event_t;

struct ngx_ess_event_s {
    ngx_str_t                body;
    ngx_str_t                key;           /* by which streams that have a rule
                                               for keys are divided: at most
                                               NGX_ESS_MAX_KEY bytes of UTF-8;
                                               empty: what the rule finds */
    ngx_str_t                routing_key;   /* with which it was published */
    ngx_str_t                headers;       /* as its source has them, */
    ngx_int_t              (*header)(ngx_str_t *headers, ngx_str_t *name,
                                     u_char *buf, ngx_str_t *text);
                                            /* and one of them as text, which
                                               may be in buf (24 bytes), or
                                               NGX_DECLINED; NULL: it has
                                               none */
    ngx_int_t              (*find_key)(ngx_ess_event_t *event,
                                       ngx_str_t *rule, ngx_str_t *key);
                                            /* ngx_ess_key_find(); NULL: there
                                               is nothing to be found */
    uint64_t                 timestamp;     /* ms since 1970; 0: not known */
    uint64_t                 ordinal;       /* of a RabbitMQ stream; 0: the
                                               next one of each stream */
    uint64_t                 after;         /* with it: the last ordinal before
                                               it whose event is gone; 0: none
                                               that is known of */
    ngx_uint_t               lost;          /* 1: it is, too: it has an ordinal,
                                               and that is all */
    u_char                  *uuid;          /* of the only stream that gets it;
                                               NULL: all of its key */
    ngx_ess_stream_ref_t   **streams;       /* those of its key, in order of
                                               id; NULL: those whose key it
                                               is */
    ngx_uint_t               nstreams;
    ngx_ess_event_key_t     *keys;          /* those that count instead of its
                                               key; NULL: it has one only */
    ngx_uint_t               nkeys;
    ngx_ess_mark_t          *mark;          /* set when it is appended; NULL:
                                               none */
    ngx_ess_event_id_t      *ids;           /* what it became, in order of the
                                               streams' ids, is put here; NULL:
                                               nobody asks.  Not with an
                                               ordinal. */
    ngx_uint_t               nids;          /* those there; the caller sees to
                                               it that there is room */
    uint64_t                 done;          /* the last stream that was seen to,
                                               while it is half appended; 0 at
                                               first */
    uint64_t                 sought;        /* with it, when that one is gone:
                                               where to go on looking */
};


/* what clients speak */

typedef enum {
    NGX_ESS_TRANSPORT_WEBSOCKET = 0,
    NGX_ESS_TRANSPORT_SSE,
    NGX_ESS_TRANSPORTS
} ngx_ess_transport_e;


typedef struct ngx_ess_zone_s   ngx_ess_zone_t;
typedef struct ngx_ess_store_s  ngx_ess_store_t;


/* ms since 1970, by nginx's cached clock */

static ngx_inline uint64_t
ngx_ess_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


extern ngx_module_t  ngx_ess_module;
extern ngx_module_t  ngx_ess_filter_module;


#endif /* _NGX_ESS_H_INCLUDED_ */
