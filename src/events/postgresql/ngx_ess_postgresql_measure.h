/*
 * How much an event log in PostgreSQL has.
 */


#ifndef _NGX_ESS_POSTGRESQL_MEASURE_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_MEASURE_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's measure(): see ngx_ess_event_log.h. */
ngx_int_t ngx_ess_postgresql_measure(void *handle, uint64_t *events,
    uint64_t *bytes, u_char *text, size_t size);


#endif /* _NGX_ESS_POSTGRESQL_MEASURE_H_INCLUDED_ */
