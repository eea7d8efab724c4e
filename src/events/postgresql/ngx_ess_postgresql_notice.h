/*
 * LISTEN: of what others store PostgreSQL tells.
 */


#ifndef _NGX_ESS_POSTGRESQL_NOTICE_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_NOTICE_H_INCLUDED_


#include "ngx_ess_event_log.h"


extern const ngx_ess_event_log_notices_t  ngx_ess_postgresql_notices;


#endif /* _NGX_ESS_POSTGRESQL_NOTICE_H_INCLUDED_ */
