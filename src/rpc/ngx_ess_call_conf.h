/*
 * The directive ess_rpc.
 */


#ifndef _NGX_ESS_CALL_CONF_H_INCLUDED_
#define _NGX_ESS_CALL_CONF_H_INCLUDED_


#include "ngx_ess_rpc_conf.h"


typedef struct ngx_ess_call_conf_s {
    ngx_http_complex_value_t *queue;
    ngx_array_t             *queues;        /* of ngx_str_t: what it may be;
                                               NULL: it has no variables */
    ngx_msec_t               timeout;       /* ms */
    ngx_uint_t               pack;          /* NGX_ESS_RPC_…, but not AUTO */
    ngx_uint_t               unpack;        /* NGX_ESS_RPC_… */
    ngx_uint_t               max;           /* calls of a worker in flight */
    size_t                   max_reply;     /* bytes, also when inflated */
    size_t                   max_body;      /* bytes; set by _merge() */
    ngx_uint_t               exchange;      /* of ngx_ess_rpc_conf_t's */
    ngx_uint_t               number;        /* of ngx_ess_rpc_conf_t's calls */
} ngx_ess_call_conf_t;


/* The setter. */
char *ngx_ess_call_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Of its location, and of each "if" in there: takes a body into memory, and
   none that is larger than a message may be. */
void ngx_ess_call_conf_merge(ngx_http_core_loc_conf_t *clcf,
    ngx_ess_call_conf_t *call);

/* When all directives are read.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_call_conf_check(ngx_conf_t *cf, ngx_ess_rpc_conf_t *conf);


#endif /* _NGX_ESS_CALL_CONF_H_INCLUDED_ */
