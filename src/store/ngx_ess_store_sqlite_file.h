/*
 * The SQLite store's file as the file system sees it: whose it is, whether it
 * is ours, the folder around it.  Nothing here opens it as a database.
 */


#ifndef _NGX_ESS_STORE_SQLITE_FILE_H_INCLUDED_
#define _NGX_ESS_STORE_SQLITE_FILE_H_INCLUDED_


#include "ngx_ess.h"


/* what the file's header says when it is ours: "ESS1", and the schema, which
   is 1 when streams have no source yet, and 2 when they have no names */
#define NGX_ESS_STORE_SQLITE_FILE_APP     0x45535331
#define NGX_ESS_STORE_SQLITE_FILE_SCHEMA  3


/* Configuration time: see the engine's check. */
ngx_int_t ngx_ess_store_sqlite_file_check(ngx_conf_t *cf, ngx_str_t *path);

/*
 * In the master: makes the folder and the file if missing, and acts as the
 * worker's user until ngx_ess_store_sqlite_file_leave(), which must follow
 * on NGX_OK only.  NGX_OK or NGX_ERROR, logged.
 */
ngx_int_t ngx_ess_store_sqlite_file_enter(ngx_cycle_t *cycle,
    ngx_str_t *path);
ngx_int_t ngx_ess_store_sqlite_file_leave(ngx_cycle_t *cycle);


#endif /* _NGX_ESS_STORE_SQLITE_FILE_H_INCLUDED_ */
