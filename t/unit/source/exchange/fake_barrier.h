/*
 * The channel of consumers, and an overlap, as who counts a slot's queue sees
 * them: both are lines of the trace.
 */


#ifndef _FAKE_BARRIER_H_INCLUDED_
#define _FAKE_BARRIER_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Forgets the operation that is under way. */
void fake_barrier_init(void);

/* The operation is answered; there has to be one, and none behind it. */
void fake_barrier_answer(ngx_int_t rc);


#endif /* _FAKE_BARRIER_H_INCLUDED_ */
