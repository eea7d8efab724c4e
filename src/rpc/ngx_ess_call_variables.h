/*
 * $ess_rpc_name: what follows the location's prefix in the path.
 */


#ifndef _NGX_ESS_CALL_VARIABLES_H_INCLUDED_
#define _NGX_ESS_CALL_VARIABLES_H_INCLUDED_


#include "ngx_ess.h"


/* Adds it.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_call_variables(ngx_conf_t *cf);


#endif /* _NGX_ESS_CALL_VARIABLES_H_INCLUDED_ */
