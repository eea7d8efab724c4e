/*
 * A message's end, and that of a worker which waits for it.
 */


#ifndef _NGX_ESS_CONSUME_FINISH_H_INCLUDED_
#define _NGX_ESS_CONSUME_FINISH_H_INCLUDED_


#include "ngx_ess_consume_message.h"
#include "ngx_ess_rpc_figures.h"


/* Counts it, with its time if it was done; then as below. */
void ngx_ess_consume_finish(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_outcome_e outcome, ngx_ess_consume_settle_e how);

/* Settles it and frees it; its place among those in work is free, too. */
void ngx_ess_consume_finish_drop(ngx_ess_consume_message_t *msg,
    ngx_ess_consume_settle_e how);

/* It is in the middle of being packed or published.  In a worker that is to
   leave nobody waits for the broker for ever; and it stays until then. */
void ngx_ess_consume_finish_hurry(ngx_ess_consume_message_t *msg);


#endif /* _NGX_ESS_CONSUME_FINISH_H_INCLUDED_ */
