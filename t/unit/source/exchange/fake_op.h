/*
 * The one operation that a unit has under way, which the test answers; and the
 * worker that it belongs to.
 */


#ifndef _FAKE_OP_H_INCLUDED_
#define _FAKE_OP_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Forgets the operation and all of the worker, which has a channel then, and
   slots with their numbers. */
void fake_op_init(void);

/* The operation is answered; there has to be one. */
void fake_op_answer(ngx_int_t rc, ngx_uint_t code, const char *text);

/* The same: the queue is there, with so many. */
void fake_op_count(ngx_uint_t messages, ngx_uint_t consumers);

/* The same: refused. */
void fake_op_refuse(ngx_uint_t code, const char *text);


#endif /* _FAKE_OP_H_INCLUDED_ */
