/*
 * How a worker leaves its queues, when a graceful shutdown has begun.
 */


#ifndef _NGX_ESS_CONSUME_QUEUE_LEAVE_H_INCLUDED_
#define _NGX_ESS_CONSUME_QUEUE_LEAVE_H_INCLUDED_


#include "ngx_ess_consume_queue_worker.h"


/* All of them: nothing new is taken. */
void ngx_ess_consume_queue_leave(void);

/* All that was settled was sent; when that was the last of it, the channel
   goes, and with it what was not taken. */
void ngx_ess_consume_queue_leave_settled(ngx_ess_consume_queue_t *q);

/* One of them is left. */
void ngx_ess_consume_queue_leave_done(ngx_ess_consume_queue_t *q);


#endif /* _NGX_ESS_CONSUME_QUEUE_LEAVE_H_INCLUDED_ */
