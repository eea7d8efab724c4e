/*
 * Streams that the configuration declares: the "ess_stream" directive.
 */


#ifndef _NGX_ESS_CONF_STREAM_H_INCLUDED_
#define _NGX_ESS_CONF_STREAM_H_INCLUDED_


#include "ngx_ess_conf.h"


char *ngx_ess_conf_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* When all is read: are the sources there that the streams name?  NGX_OK, or
   NGX_ERROR, logged. */
ngx_int_t ngx_ess_conf_stream_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);

/* The name of the first stream of that source, by its number, with that routing
   key; NULL: none is declared. */
ngx_str_t *ngx_ess_conf_stream_of(ngx_ess_main_conf_t *mcf, ngx_uint_t source,
    ngx_str_t *routing_key);

/* In a worker, after the sources: makes those that are missing; see
   ngx_ess_registry_declared.h.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_conf_stream_init(ngx_cycle_t *cycle,
    ngx_ess_main_conf_t *mcf);

/* "source=" of each source that there is, as a list with "or", null
   terminated, in the pool's memory.  NULL: no memory. */
char *ngx_ess_conf_stream_sources(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);


#endif /* _NGX_ESS_CONF_STREAM_H_INCLUDED_ */
