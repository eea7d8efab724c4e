/*
 * The beginning of a graceful shutdown, at once, for whoever is to leave in
 * good order.
 */


#ifndef _NGX_ESS_SHUTDOWN_H_INCLUDED_
#define _NGX_ESS_SHUTDOWN_H_INCLUDED_


#include "ngx_ess.h"


/* In a worker: the handler is called once, when the shutdown begins.  NGX_OK or
   NGX_ERROR. */
ngx_int_t ngx_ess_shutdown_init(ngx_cycle_t *cycle, void (*handler)(void));

/* The worker exits, whether the handler was called or not. */
void ngx_ess_shutdown_exit(void);


#endif /* _NGX_ESS_SHUTDOWN_H_INCLUDED_ */
