/*
 * Life cycle of the master's and the workers' part of ESS.
 */


#ifndef _NGX_ESS_WORKER_H_INCLUDED_
#define _NGX_ESS_WORKER_H_INCLUDED_


#include "ngx_ess.h"


/* hooks of the module; each does nothing where ESS is not configured */

ngx_int_t ngx_ess_worker_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_ess_worker_init_process(ngx_cycle_t *cycle);
void ngx_ess_worker_exit_process(ngx_cycle_t *cycle);

/* Fills a new zone from the store, in the master, before the first worker.
   NGX_OK or NGX_ERROR, logged: then the start or the reload fails. */
ngx_int_t ngx_ess_worker_fill(ngx_ess_zone_t *zone);


#endif /* _NGX_ESS_WORKER_H_INCLUDED_ */
