/*
 * $ess_rpc_name: what follows the location's prefix in the path.
 */


#ifndef _NGX_ESS_CALL_VARIABLES_H_INCLUDED_
#define _NGX_ESS_CALL_VARIABLES_H_INCLUDED_


#include "ngx_ess.h"


extern ngx_http_variable_t  ngx_ess_call_variables[];


#endif /* _NGX_ESS_CALL_VARIABLES_H_INCLUDED_ */
