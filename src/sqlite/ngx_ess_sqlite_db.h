/*
 * A SQLite database that is, or will be, open.  What returns an int returns a
 * primary result code of SQLite's; with any but SQLITE_OK "text" says why.
 */


#ifndef _NGX_ESS_SQLITE_DB_H_INCLUDED_
#define _NGX_ESS_SQLITE_DB_H_INCLUDED_


#include "ngx_ess_sqlite_file.h"
#include <sqlite3.h>


typedef struct {
    sqlite3                 *handle;        /* NULL: not open */
    const ngx_ess_sqlite_kind_t  *kind;
    const char              *pragmas;       /* when it is opened */
    char                    *path;
    ngx_uint_t               opened;        /* how often it was: statements of
                                               another time are gone */
    int                      patience;      /* ms, for others' transactions */
    int64_t                  waiting;       /* since when, ms */
    char                     text[128];     /* why the last thing failed */
} ngx_ess_sqlite_db_t;


/* A file that is not there is an error.  "milliseconds" is how long it waits
   for the transactions of other processes. */
int ngx_ess_sqlite_db_open(ngx_ess_sqlite_db_t *db, int milliseconds);

/* The same, unless it is open and its file still where it was; it must be ours,
   and has the "n" statements then.  It is closed when any of that fails.  One
   that is replaced while it is opened is opened anew. */
int ngx_ess_sqlite_db_use(ngx_ess_sqlite_db_t *db, int milliseconds,
    const char *const *sql, sqlite3_stmt **stmt, ngx_uint_t n);

/* With all its statements; it may be closed. */
void ngx_ess_sqlite_db_close(ngx_ess_sqlite_db_t *db);

/*
 * 1 when a transaction that failed with "rc" is worth a second attempt: on a
 * full disk once the log of SQLite gave its room back; after an I/O error with
 * a new handle, whose opening recovers what the error left.
 */
ngx_uint_t ngx_ess_sqlite_db_again(ngx_ess_sqlite_db_t *db, int rc);

/* Carries over WAL's file and empties it, unless others are in the way for more
   than a moment.  Returns what SQLite does. */
int ngx_ess_sqlite_db_truncate(ngx_ess_sqlite_db_t *db);

/* What was done ended with "rc": closes a handle that is perhaps of no use any
   more; a new one finds the file as it then is. */
void ngx_ess_sqlite_db_end(ngx_ess_sqlite_db_t *db, int rc);

/* SQLITE_NOTADB: its directive, of this version or one before, did not make
   it. */
int ngx_ess_sqlite_db_ours(ngx_ess_sqlite_db_t *db, sqlite3_int64 *version);

int ngx_ess_sqlite_db_exec(ngx_ess_sqlite_db_t *db, const char *sql);

int ngx_ess_sqlite_db_prepare(ngx_ess_sqlite_db_t *db, const char *sql,
    sqlite3_stmt **stmt);

/* A statement that returns no rows; it has no bindings then, and may be run
   again. */
int ngx_ess_sqlite_db_run(ngx_ess_sqlite_db_t *db, sqlite3_stmt *stmt);

/* The first column of a query's only row. */
int ngx_ess_sqlite_db_get(ngx_ess_sqlite_db_t *db, const char *sql,
    sqlite3_int64 *value);

/* Of a statement that has one row for certain: it is there, until the statement
   is reset. */
int ngx_ess_sqlite_db_row(ngx_ess_sqlite_db_t *db, sqlite3_stmt *stmt);

/* Keeps the text of what just failed with "rc". */
int ngx_ess_sqlite_db_failed(ngx_ess_sqlite_db_t *db, int rc);


#endif /* _NGX_ESS_SQLITE_DB_H_INCLUDED_ */
