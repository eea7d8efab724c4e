/*
 * A SQLite database's file as the file system sees it: whose it is, whether it
 * is ours, the folder around it.  Nothing here opens it as a database.
 */


#ifndef _NGX_ESS_SQLITE_FILE_H_INCLUDED_
#define _NGX_ESS_SQLITE_FILE_H_INCLUDED_


#include "ngx_ess.h"


/* what is in the file */

typedef struct {
    const char              *directive;     /* that makes it, for messages */
    uint32_t                 app;           /* what the file's header says */
    uint32_t                 schema;        /* the same; those from 1 on are
                                               known */
} ngx_ess_sqlite_kind_t;


/*
 * Configuration time: can the worker's user use the file, or make it, and is
 * it of that kind?  Changes nothing on disk.  NGX_OK or NGX_ERROR, logged with
 * cf's place.
 */
ngx_int_t ngx_ess_sqlite_file_check(ngx_conf_t *cf,
    const ngx_ess_sqlite_kind_t *kind, ngx_str_t *path);

/*
 * In the master: makes the folder and the file if missing, and acts as the
 * worker's user until ngx_ess_sqlite_file_leave(), which must follow
 * on NGX_OK only.  NGX_OK or NGX_ERROR, logged.  The first time it configures
 * the library of SQLite, for this process and its workers.
 */
ngx_int_t ngx_ess_sqlite_file_enter(ngx_cycle_t *cycle,
    const ngx_ess_sqlite_kind_t *kind, ngx_str_t *path);
ngx_int_t ngx_ess_sqlite_file_leave(ngx_cycle_t *cycle);


#endif /* _NGX_ESS_SQLITE_FILE_H_INCLUDED_ */
