/*
 * $ess_stream_id, $ess_events_sent and $ess_bytes_sent, for the access log.
 */


#ifndef _NGX_ESS_VARIABLES_H_INCLUDED_
#define _NGX_ESS_VARIABLES_H_INCLUDED_


#include "ngx_ess.h"


ngx_int_t ngx_ess_variables_add(ngx_conf_t *cf);


#endif /* _NGX_ESS_VARIABLES_H_INCLUDED_ */
