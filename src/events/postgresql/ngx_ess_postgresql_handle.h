/*
 * A handle of an event log in PostgreSQL: what a thread uses it by, and the
 * log's tables, which are made when they are missing.
 */


#ifndef _NGX_ESS_POSTGRESQL_HANDLE_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_HANDLE_H_INCLUDED_


#include "ngx_ess_postgresql_conf.h"


typedef struct {
    ngx_ess_postgresql_conf_t  *conf;
    ngx_log_t                  *log;
    unsigned                    ready:1;    /* the tables are there */
    unsigned                    told:1;     /* by which SQL they would be */
    ngx_str_t                   sequence;   /* that of seq, as SQL names it */
    u_char                      buf[192];   /* of it */
} ngx_ess_postgresql_handle_t;


/* The engine's create() and destroy(): in a worker's event loop. */
void *ngx_ess_postgresql_handle_create(ngx_ess_event_log_t *log,
    ngx_log_t *l);
void ngx_ess_postgresql_handle_destroy(void *handle);

/*
 * In a thread that has the mutex of "c": opens the connection, and sees to the
 * tables.  NGX_OK.  NGX_AGAIN: another time at once may do.  NGX_ERROR.  But
 * for NGX_OK "text" of "c" says why.
 */
ngx_int_t ngx_ess_postgresql_handle_open(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c);

/* A statement failed: what next?  NGX_AGAIN, NGX_DECLINED: it is refused for
   what it would store, NGX_ERROR.  No transaction is left open. */
ngx_int_t ngx_ess_postgresql_handle_failed(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c);

/* 1: so a number was given twice: the sequence is behind the table. */
ngx_uint_t ngx_ess_postgresql_handle_behind(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c);

/* 1: so it was refused, by a constraint, a trigger or a limit. */
ngx_uint_t ngx_ess_postgresql_handle_refused(
    ngx_ess_postgresql_connection_t *c);


#endif /* _NGX_ESS_POSTGRESQL_HANDLE_H_INCLUDED_ */
