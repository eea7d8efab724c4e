/*
 * The internal HTTP API: routes, bodies, errors.
 */


#ifndef _NGX_ESS_API_H_INCLUDED_
#define _NGX_ESS_API_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"


/* In a worker, after the store: finishes what dead workers left half-done
   (ngx_ess_stream_orphan), keeps the store ahead of the ordinals, from a
   timer. */
ngx_int_t ngx_ess_api_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone);

/*
 * The store is another one than before, and the zone was kept: saves all
 * streams of the zone in it, in portions.  In one worker, after init.
 */
void ngx_ess_api_save_all(void);

/* Called by the worker's timer. */
void ngx_ess_api_tick(void);

/* The content handler of ess_api. */
ngx_int_t ngx_ess_api_handler(ngx_http_request_t *r);

/* The same for what is at the path, which is relative to the API. */
ngx_int_t ngx_ess_api_serve(ngx_http_request_t *r, ngx_str_t *path);

/* What follows the location's prefix, without a slash at either end.  NGX_OK;
   NGX_DECLINED: the path was rewritten to one outside of it. */
ngx_int_t ngx_ess_api_path(ngx_http_request_t *r, ngx_str_t *path);


#endif /* _NGX_ESS_API_H_INCLUDED_ */
