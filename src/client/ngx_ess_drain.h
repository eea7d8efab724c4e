/*
 * A drain closes all subscribers of a worker, spread over a time.  Private
 * to client/.
 *
 *       ess_drain, but at least LEAST         PATIENCE
 *     ├──────────────────────────────────┼─────────────────┤
 *     each in its turn gets the events    then no more      then it is ended
 *     that are there, and its close,      events, but the
 *                                         close,
 */


#ifndef _NGX_ESS_DRAIN_H_INCLUDED_
#define _NGX_ESS_DRAIN_H_INCLUDED_


#include "ngx_ess_client.h"


/* ms for those who are slow to take what is there, also with a short drain */
#define NGX_ESS_DRAIN_LEAST     3000

/* ms for the close, and for the answer to it: with the default of ess_drain
   all are gone within 4 s, as who waits for nginx's end may wait for 5 s */
#define NGX_ESS_DRAIN_PATIENCE  700

/* ms that are left when nginx itself closes all connections, after
   "worker_shutdown_timeout" */
#define NGX_ESS_DRAIN_SPARE     200


/* What a drain tells its subscribers; set once. */

typedef struct {
    /* its turn; it is off the drain's list, and may be gone afterwards */
    void                       (*close)(ngx_ess_client_t *client,
                                   ngx_uint_t code);

    /* it has waited for long enough, and does not take what is there: perhaps
       it takes the close; the same */
    ngx_int_t                  (*late)(ngx_ess_client_t *client);

    /* the time is over: ends at most so many of those who are left; 1: there
       are more */
    ngx_uint_t                 (*over)(ngx_uint_t max);
} ngx_ess_drain_handlers_t;


void ngx_ess_drain_init(ngx_cycle_t *cycle,
    const ngx_ess_drain_handlers_t *handlers);

/* On the list of those that a drain closes, in order. */
void ngx_ess_drain_add(ngx_ess_client_t *client);

/* Whose turn was: on the list of those that have still to be sent events. */
void ngx_ess_drain_wait(ngx_ess_client_t *client);

/* Off either, at any time, as often as one likes. */
void ngx_ess_drain_remove(ngx_ess_client_t *client);

/*
 * Begins a drain of "time" ms; the first one's code stays.  With a "limit", in
 * ms, 0: none, all of the above takes no longer than that, less SPARE: the
 * patience is at most a fourth of it, and the drain is cut.
 */
void ngx_ess_drain_start(ngx_uint_t code, ngx_msec_t time, ngx_msec_t limit);

/* 1 since a drain began. */
ngx_uint_t ngx_ess_drain_active(void);


#endif /* _NGX_ESS_DRAIN_H_INCLUDED_ */
