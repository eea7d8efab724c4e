/*
 * $ess_queue and the like: what a message says.
 */


#ifndef _NGX_ESS_CONSUME_VARIABLES_H_INCLUDED_
#define _NGX_ESS_CONSUME_VARIABLES_H_INCLUDED_


#include "ngx_ess.h"


extern ngx_http_variable_t  ngx_ess_consume_variables[];


#endif /* _NGX_ESS_CONSUME_VARIABLES_H_INCLUDED_ */
