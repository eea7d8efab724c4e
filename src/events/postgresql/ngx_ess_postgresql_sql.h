/*
 * SQL that has a log's name in it: made once, when the configuration is read.
 */


#ifndef _NGX_ESS_POSTGRESQL_SQL_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_SQL_H_INCLUDED_


#include "ngx_ess_postgresql_conf.h"


/* of the tables; those of another version are not touched */
#define NGX_ESS_POSTGRESQL_VERSION  1

/* in each transaction: a server that is slow, and a session whose nginx is
   gone, must not keep others from the log */
#define NGX_ESS_POSTGRESQL_LIMITS                                             \
    "SET LOCAL statement_timeout = 5000;"                                     \
    "SET LOCAL idle_in_transaction_session_timeout = 15000;"


/* begins a transaction that only reads, also on a standby */
#define NGX_ESS_POSTGRESQL_READ                                               \
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"                        \
    NGX_ESS_POSTGRESQL_LIMITS


/* Sets table, create, begin, read and commit; the log's name was checked.
   "sync": 0: a commit need not be on the server's disk.  NGX_OK or
   NGX_ERROR. */
ngx_int_t ngx_ess_postgresql_sql_init(ngx_pool_t *pool,
    ngx_ess_postgresql_conf_t *conf, ngx_uint_t sync);


#endif /* _NGX_ESS_POSTGRESQL_SQL_H_INCLUDED_ */
