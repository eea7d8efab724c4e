/*
 * $ess_stream_id, $ess_events_sent and $ess_bytes_sent, for the access log, and
 * how these and other parts' variables are added.
 */


#ifndef _NGX_ESS_VARIABLES_H_INCLUDED_
#define _NGX_ESS_VARIABLES_H_INCLUDED_


#include "ngx_ess.h"


extern ngx_http_variable_t  ngx_ess_variables[];


/* Adds those of a table, which ends with ngx_http_null_variable.  NGX_OK or
   NGX_ERROR. */
ngx_int_t ngx_ess_variables_add(ngx_conf_t *cf, ngx_http_variable_t *v);


#endif /* _NGX_ESS_VARIABLES_H_INCLUDED_ */
