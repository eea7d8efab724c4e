/*
 * The process slots: a worker takes the one of its number in nginx's table, and
 * whatever it keeps in the zone is indexed by it.
 *
 *   free ── attach ──► taken ── detach ──► free
 *                       │  ▲
 *                     dies │ attach, by the next worker in the slot
 *                       ▼  │
 *                      left ── sweep, by any other worker ──► free
 *
 * Whoever takes a slot, or sweeps it, first clears what its last owner left:
 * its interest in streams, its dirty list, what it consumed.
 */


#ifndef _NGX_ESS_PROCESS_H_INCLUDED_
#define _NGX_ESS_PROCESS_H_INCLUDED_


#include "ngx_ess.h"


/*
 * The worker takes the process slot "proc" (ngx_process_slot), after
 * sweeping what its last owner left: dirty list, interest in streams, marks
 * of unbinding.  Half-made streams are not touched here: see
 * ngx_ess_pending_orphan().  NGX_ERROR: the slot is beyond NGX_ESS_PROCS.
 */
ngx_int_t ngx_ess_process_attach(ngx_ess_zone_t *zone, ngx_uint_t proc,
    ngx_log_t *log);

/* The worker leaves its process slot, orderly.  Not with the mutex held. */
void ngx_ess_process_detach(ngx_ess_zone_t *zone);

/*
 * Sweeps the process slots whose process is gone.  From a timer of any
 * worker; takes the mutex for short times.
 */
void ngx_ess_process_sweep(ngx_ess_zone_t *zone, ngx_log_t *log);

/* How many process slots there are.  No lock. */
ngx_uint_t ngx_ess_process_slots(ngx_ess_zone_t *zone);


#endif /* _NGX_ESS_PROCESS_H_INCLUDED_ */
