/*
 * What ess_consume and ess_rpc need of other directives.
 */


#ifndef _NGX_ESS_CONF_RPC_H_INCLUDED_
#define _NGX_ESS_CONF_RPC_H_INCLUDED_


#include "ngx_ess_conf.h"


/* In the postconfiguration; one of the two is there.  NGX_OK, or NGX_ERROR,
   logged. */
ngx_int_t ngx_ess_conf_rpc_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);


#endif /* _NGX_ESS_CONF_RPC_H_INCLUDED_ */
