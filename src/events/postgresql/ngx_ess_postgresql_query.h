/*
 * Events out of PostgreSQL.
 */


#ifndef _NGX_ESS_POSTGRESQL_QUERY_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_QUERY_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's query(): see ngx_ess_event_log.h. */
ngx_uint_t ngx_ess_postgresql_query(void *handle,
    ngx_ess_event_log_query_t **queries, ngx_uint_t n);


#endif /* _NGX_ESS_POSTGRESQL_QUERY_H_INCLUDED_ */
