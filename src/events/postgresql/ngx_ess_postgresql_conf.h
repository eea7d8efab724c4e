/*
 * Event logs that are kept in PostgreSQL: what the configuration says.
 */


#ifndef _NGX_ESS_POSTGRESQL_CONF_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_CONF_H_INCLUDED_


#include "ngx_ess_event_log.h"
#include "ngx_ess_postgresql_connection.h"


/* bytes of a log's name, so that the names of its indexes fit */
#define NGX_ESS_POSTGRESQL_NAME  48


/*
 * A place.  Logs with the same one share connections of a worker, which are
 * its: one inserts, one is asked, and in one worker at most one listens.
 */

typedef struct {
    ngx_str_t                        place;
    ngx_str_t                        password_file;
    ngx_str_t                        listen; /* or empty: the place */
    ngx_uint_t                       users; /* handles of this worker */
    ngx_ess_postgresql_connection_t  writer;
    ngx_ess_postgresql_connection_t  reader;
    ngx_ess_postgresql_connection_t  listener;
} ngx_ess_postgresql_server_t;


/* a log's "engine_conf" */

typedef struct {
    ngx_ess_postgresql_server_t     *server;
    ngx_str_t                        name;  /* the log's */
    ngx_str_t                        table; /* in quotes */
    const char                      *create; /* SQL that makes the tables */
    const char                      *begin; /* and that begins to write, under
                                               the log's lock, */
    const char                      *commit; /* ends it, and tells others */
    const char                      *read;  /* begins to read, and finds the
                                               epoch */
    ngx_int_t                        keep;  /* as the log's */
    off_t                            keep_size;
} ngx_ess_postgresql_conf_t;


typedef struct {
    ngx_array_t                      servers; /* of pointers */
} ngx_ess_postgresql_main_conf_t;


void *ngx_ess_postgresql_conf_create(ngx_conf_t *cf);

/* The engine's check(): see ngx_ess_event_log.h. */
ngx_int_t ngx_ess_postgresql_conf_check(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);


extern ngx_module_t  ngx_ess_postgresql_module;


#endif /* _NGX_ESS_POSTGRESQL_CONF_H_INCLUDED_ */
