/*
 * Events into PostgreSQL.
 */


#ifndef _NGX_ESS_POSTGRESQL_INSERT_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_INSERT_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's insert(): see ngx_ess_event_log.h. */
void ngx_ess_postgresql_insert(void *handle,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n);


#endif /* _NGX_ESS_POSTGRESQL_INSERT_H_INCLUDED_ */
