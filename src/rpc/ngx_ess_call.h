/*
 * ess_rpc: a client's request becomes an RPC call, and its reply the response.
 */


#ifndef _NGX_ESS_CALL_H_INCLUDED_
#define _NGX_ESS_CALL_H_INCLUDED_


#include "ngx_ess_rpc_conf.h"


/* The content handler. */
ngx_int_t ngx_ess_call_handler(ngx_http_request_t *r);

/* The worker's.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_call_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log);

/* When the publishing session is destroyed: until then it has operations in
   memory that this frees. */
void ngx_ess_call_exit(void);


#endif /* _NGX_ESS_CALL_H_INCLUDED_ */
