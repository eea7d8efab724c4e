/*
 * What the workers have of the broker, for whoever asks any of them: what the
 * sessions of each last failed with, and which slots are consumed.
 *
 *   session   well ──► trouble: host, words, since when ──► well
 *                         │  ▲
 *                         └──┘ other words, the same "since"
 *
 *   slot      never consumed ──► consumed, by one worker or more
 *                                   │  ▲
 *                                   ▼  │
 *                                not consumed since ...
 *
 * Each worker writes its own process slot, without the mutex and rarely: when
 * a session or a consumer begins or ends.  What a dead worker has written goes
 * when its process slot is swept; words that it wrote half are not read.
 */


#ifndef _NGX_ESS_BROKER_H_INCLUDED_
#define _NGX_ESS_BROKER_H_INCLUDED_


#include "ngx_ess_trouble.h"
#include "ngx_ess_zone.h"


/* a worker's sessions with the broker */

typedef enum {
    NGX_ESS_BROKER_CONSUMING = 0,           /* and binding */
    NGX_ESS_BROKER_PUBLISHING,
    NGX_ESS_BROKER_SESSIONS
} ngx_ess_broker_session_e;

#define NGX_ESS_BROKER_HOST      NGX_ESS_TROUBLE_HOST
#define NGX_ESS_BROKER_TEXT      NGX_ESS_TROUBLE_TEXT


/* ms for which nobody need consume a slot: a reload hands it over, a session
   that broke is made again */
#define NGX_ESS_BROKER_GRACE     2000


/* A session's trouble, copied out of the zone. */

typedef struct {
    uint64_t                 since;         /* ms since 1970 */
    ngx_uint_t               proc;          /* process slot of whose it is */
    ngx_str_t                host;          /* "host:port"; these two in the */
    ngx_str_t                text;          /* buffers, printable ASCII */
    ngx_ess_trouble_t        copy;
} ngx_ess_broker_trouble_t;


/* room for what ngx_ess_broker_why() says */
#define NGX_ESS_BROKER_WHY       (NGX_ESS_BROKER_HOST + NGX_ESS_BROKER_TEXT   \
                                  + 128)


/*
 * The session of this process failed, or does not get what it needs.  Host and
 * text are cut to their sizes; a byte that is not printable ASCII becomes '.'.
 * The text must not hold a password.  "since" stays that of the first failure
 * until the session is well.
 */
void ngx_ess_broker_failed(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session, ngx_str_t *host, ngx_str_t *text);
void ngx_ess_broker_well(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session);

/*
 * The trouble of a process slot's session; of any process's, the oldest one;
 * of this process's, else of any.  NGX_OK, or NGX_DECLINED: there is none, or
 * it is just being written.
 */
ngx_int_t ngx_ess_broker_trouble(ngx_ess_zone_t *zone, ngx_uint_t proc,
    ngx_ess_broker_session_e session, ngx_ess_broker_trouble_t *trouble);
ngx_int_t ngx_ess_broker_oldest(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session, ngx_ess_broker_trouble_t *trouble);
ngx_int_t ngx_ess_broker_own(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session, ngx_ess_broker_trouble_t *trouble);

/*
 * Writes "what: host: text, since 2026-11-28T16:00:00Z" to buf, of
 * NGX_ESS_BROKER_WHY bytes: the trouble of this process's session, else of its
 * other one, else of any; without one only "what".
 */
void ngx_ess_broker_why(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session, const char *what, u_char *buf,
    ngx_str_t *why);

/* This process consumes the slot, or does so no more. */
void ngx_ess_broker_consumed(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_uint_t on);

/* What is known of a slot's two queues, one of each kind. */

typedef enum {
    NGX_ESS_BROKER_UNKNOWN = 0,
    NGX_ESS_BROKER_THERE,                   /* or it may be */
    NGX_ESS_BROKER_GONE
} ngx_ess_broker_queue_e;

/* One store, by any worker; it stays across reloads. */
void ngx_ess_broker_set_queue(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_uint_t quorum, ngx_ess_broker_queue_e queue);
ngx_ess_broker_queue_e ngx_ess_broker_queue(ngx_ess_zone_t *zone,
    ngx_uint_t slot, ngx_uint_t quorum);

/* Process slot of who consumes the slot, or stands by for that (during a
   reload the last one of them); NGX_ESS_PROCS: nobody. */
ngx_uint_t ngx_ess_broker_consumer(ngx_ess_zone_t *zone, ngx_uint_t slot);

/* Bit n: nobody consumes slot n, for longer than "grace" ms; a slot that was
   never consumed has none. */
uint32_t ngx_ess_broker_missing(ngx_ess_zone_t *zone, ngx_msec_t grace);


#endif /* _NGX_ESS_BROKER_H_INCLUDED_ */
