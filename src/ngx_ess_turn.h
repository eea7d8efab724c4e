/*
 * Turns of the event loop, for work that is done in slices.  All who wait for
 * one are given theirs in order, as many as fit into a short time: so a turn
 * does not grow with how many there are.
 */


#ifndef _NGX_ESS_TURN_H_INCLUDED_
#define _NGX_ESS_TURN_H_INCLUDED_


#include "ngx_ess.h"


/*
 * The event comes in a later turn; its handler does one slice, and begins with
 * ngx_ess_turn_begin().  A worker that is to leave stays for it, as it does for
 * timers, and not for what is merely posted.  ngx_ess_wait_clear() takes it
 * back.
 */
void ngx_ess_turn_next(ngx_event_t *ev);
void ngx_ess_turn_begin(ngx_event_t *ev);

/* Clients are in the middle of a burst, which goes on in the next iteration: a
   turn is shorter there. */
void ngx_ess_turn_yield(void);


#endif /* _NGX_ESS_TURN_H_INCLUDED_ */
