/*
 * Figures of ess_consume and ess_rpc, over all workers, in shared memory of
 * their own: neither directive needs ess_zone.
 *
 *   rows: one a queue that is consumed, found by its name, kept over a reload
 *   totals: of all queues, of all calls
 *   processes: one a process slot: what only its process writes, and what is
 *              not counted any more when that process is gone
 *
 * There is no lock: sums are added to atomically, and what is a process's own
 * is written by it alone.
 *
 *   queue     not consumed since … ──► consumed, by one worker or more
 *                     ▲                      │
 *                     └──────────────────────┘
 */


#ifndef _NGX_ESS_RPC_FIGURES_H_INCLUDED_
#define _NGX_ESS_RPC_FIGURES_H_INCLUDED_


#include "ngx_ess.h"


typedef struct ngx_ess_rpc_figures_s  ngx_ess_rpc_figures_t;


/* what became of a message, each time that something did */

typedef enum {
    NGX_ESS_CONSUME_ACK = 0,        /* done, nobody waited for a reply */
    NGX_ESS_CONSUME_REPLY,          /* done, and the reply was confirmed */
    NGX_ESS_CONSUME_RETRY,          /* it failed, and is tried again */
    NGX_ESS_CONSUME_DEAD,           /* it failed for good */
    NGX_ESS_CONSUME_EXPIRED,        /* too late for its caller */
    NGX_ESS_CONSUME_GONE,           /* done, but the reply's queue is gone */
    NGX_ESS_CONSUME_OUTCOMES
} ngx_ess_consume_outcome_e;


/* what became of a call */

typedef enum {
    NGX_ESS_CALL_REPLY = 0,         /* a reply below 500 */
    NGX_ESS_CALL_ERROR,             /* a reply of 500 or above */
    NGX_ESS_CALL_NO_QUEUE,          /* there is no such queue, 404 */
    NGX_ESS_CALL_TIMEOUT,           /* 504 */
    NGX_ESS_CALL_UNAVAILABLE,       /* the broker is away, blocks, …: 503 */
    NGX_ESS_CALL_REFUSED,           /* the request itself: 400, 403, 413, 415 */
    NGX_ESS_CALL_BAD_REPLY,         /* 502 */
    NGX_ESS_CALL_GONE,              /* its client left */
    NGX_ESS_CALL_LATE,              /* a reply that nobody waits for any more:
                                       no request, a family of its own */
    NGX_ESS_CALL_OUTCOMES
} ngx_ess_call_outcome_e;


/* the two sessions of a worker */

typedef enum {
    NGX_ESS_RPC_CONSUMING = 0,
    NGX_ESS_RPC_PUBLISHING,
    NGX_ESS_RPC_SESSIONS
} ngx_ess_rpc_session_e;


/* buckets of times, the last without end; upper bounds of the others, ms */
#define NGX_ESS_RPC_FIGURES_TIMES  15

extern const uint32_t  ngx_ess_rpc_figures_times[NGX_ESS_RPC_FIGURES_TIMES - 1];


/* In a worker, before all that follows, which is this worker's. */
void ngx_ess_rpc_figures_init_process(ngx_ess_rpc_figures_t *figures);

/* "row": of the queue */
void ngx_ess_rpc_figures_message(ngx_uint_t row,
    ngx_ess_consume_outcome_e outcome);

/* From the delivery to the settlement, of what was answered or is done. */
void ngx_ess_rpc_figures_message_time(ngx_msec_t ms);

/* Messages in work: one more, one less. */
void ngx_ess_rpc_figures_in_work(ngx_int_t n);

/* This worker consumes the queue, or does so no more. */
void ngx_ess_rpc_figures_consuming(ngx_uint_t row, ngx_uint_t on);

void ngx_ess_rpc_figures_call(ngx_ess_call_outcome_e outcome);
void ngx_ess_rpc_figures_call_time(ngx_msec_t ms);
void ngx_ess_rpc_figures_in_flight(ngx_int_t n);

/* A session failed, or does not get what it needs: "host" and "text", which
   hold no password; a byte that is not printable ASCII becomes '.'.  "text"
   NULL: it is well, and "host" is not looked at. */
void ngx_ess_rpc_figures_trouble(ngx_ess_rpc_session_e session,
    ngx_str_t *host, ngx_str_t *text);

/* The publishing session is blocked by the broker "host", which says "reason",
   as above; NULL: it is no more. */
void ngx_ess_rpc_figures_blocked(ngx_str_t *host, ngx_str_t *reason);


#endif /* _NGX_ESS_RPC_FIGURES_H_INCLUDED_ */
