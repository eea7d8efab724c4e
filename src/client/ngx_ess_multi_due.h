/*
 * Which clients with several subscriptions are sent to next, and whose sockets
 * are full.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_DUE_H_INCLUDED_
#define _NGX_ESS_MULTI_DUE_H_INCLUDED_


#include "ngx_ess_multi.h"


/* One send; the client may be gone afterwards. */
typedef void (*ngx_ess_multi_due_pt)(ngx_ess_client_t *client);

void ngx_ess_multi_due_init(ngx_cycle_t *cycle, ngx_ess_multi_due_pt flush);

/* It is sent to in this iteration of the event loop, or in the next, unless its
   socket is full, or it is not open. */
void ngx_ess_multi_due(ngx_ess_multi_t *multi);

/* The same, whatever its socket is. */
void ngx_ess_multi_due_now(ngx_ess_multi_t *multi);

/* Its socket is full; it takes more, or leaves. */
void ngx_ess_multi_due_wait(ngx_ess_multi_t *multi);
void ngx_ess_multi_due_awake(ngx_ess_multi_t *multi);

/* Off all queues. */
void ngx_ess_multi_due_leave(ngx_ess_multi_t *multi);


/* clients whose sockets are full, by multi->waiting */
extern ngx_queue_t  ngx_ess_multi_due_waiting;


#endif /* _NGX_ESS_MULTI_DUE_H_INCLUDED_ */
