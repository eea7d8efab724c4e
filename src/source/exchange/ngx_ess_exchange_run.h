/*
 * A slot's run of events that are marked redelivered: they are held until it is
 * known which of them are duplicates.
 *
 *   FRESH ──► HOLDING ──► SKIPPING ──► PASSING ──► NONE ──► HOLDING ...
 *
 *   push: HELD, HELD, ... NEW or DUPLICATE, which settles what is held first
 */


#ifndef _NGX_ESS_EXCHANGE_RUN_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_RUN_H_INCLUDED_


#include "ngx_ess_exchange_item.h"
#include "ngx_ess_redelivery.h"


/* what redelivered events mean on a slot, since its consumer was started */

typedef enum {
    NGX_ESS_EXCHANGE_RUN_FRESH = 0,         /* nothing came yet */
    NGX_ESS_EXCHANGE_RUN_HOLDING,           /* a run, not decided */
    NGX_ESS_EXCHANGE_RUN_SKIPPING,          /* decided, duplicates to come */
    NGX_ESS_EXCHANGE_RUN_PASSING,           /* decided, the rest is new */
    NGX_ESS_EXCHANGE_RUN_NONE               /* the last one was not marked */
} ngx_ess_exchange_run_e;


typedef enum {
    NGX_ESS_EXCHANGE_RUN_NEW = 0,           /* it is to be appended */
    NGX_ESS_EXCHANGE_RUN_DUPLICATE,
    NGX_ESS_EXCHANGE_RUN_HELD               /* a copy is kept */
} ngx_ess_exchange_run_verdict_e;


/* of one that was held: NEW, or DUPLICATE */
typedef void (*ngx_ess_exchange_run_pt)(ngx_ess_exchange_slot_t *slot,
    ngx_ess_exchange_item_t *item, ngx_ess_exchange_run_verdict_e verdict);


typedef struct {
    /* its owner's */
    ngx_ess_exchange_slot_t     *slot;
    size_t                      *bytes;     /* held over all slots */
    ngx_ess_exchange_run_pt      settle;
    ngx_event_t                  pause;     /* it has come to an end */

    ngx_ess_exchange_run_e       state;
    ngx_queue_t                  held;

    /* private */
    ngx_ess_redelivery_t        *redelivery;    /* or NULL */
    ngx_uint_t                   nheld;
    ngx_uint_t                   length;
    ngx_uint_t                   patience;
} ngx_ess_exchange_run_t;


void ngx_ess_exchange_run_init(ngx_ess_exchange_run_t *run);

/* The next event that is marked redelivered. */
ngx_ess_exchange_run_verdict_e ngx_ess_exchange_run_push(
    ngx_ess_exchange_run_t *run, ngx_ess_exchange_item_t *item);

/* Nothing came for a while.  1: more must come, which is waited for. */
ngx_uint_t ngx_ess_exchange_run_wait(ngx_ess_exchange_run_t *run);

/* No more comes of it: settles what is held. */
void ngx_ess_exchange_run_end(ngx_ess_exchange_run_t *run);

/* An event comes that is not marked redelivered. */
void ngx_ess_exchange_run_unmarked(ngx_ess_exchange_run_t *run);

/* The channel is gone: what is held will come again. */
void ngx_ess_exchange_run_reset(ngx_ess_exchange_run_t *run);


#endif /* _NGX_ESS_EXCHANGE_RUN_H_INCLUDED_ */
