/*
 * What keep= and keep_size= ask for.
 */


#ifndef _NGX_ESS_POSTGRESQL_RETAIN_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_RETAIN_H_INCLUDED_


#include "ngx_ess_event_log.h"


/* The engine's retain(): see ngx_ess_event_log.h. */
ngx_int_t ngx_ess_postgresql_retain(void *handle, int64_t now, u_char *text,
    size_t size);


#endif /* _NGX_ESS_POSTGRESQL_RETAIN_H_INCLUDED_ */
