/*
 * A handle of an event log's SQLite file: its statements, its transactions, and
 * how many events there are of each type.  In one thread at a time.  What
 * returns an int returns a primary result code of SQLite's; with any but
 * SQLITE_OK handle->db.text says why.
 */


#ifndef _NGX_ESS_EVENT_LOG_SQLITE_HANDLE_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_SQLITE_HANDLE_H_INCLUDED_


#include "ngx_ess_event_log.h"
#include "ngx_ess_sqlite_db.h"


/* what the file's header says when it is ours: "ESSE", and the schema */
#define NGX_ESS_EVENT_LOG_SQLITE_APP     0x45535345
#define NGX_ESS_EVENT_LOG_SQLITE_SCHEMA  1

/* statements that are kept, by their texts, beside those of the engine */
#define NGX_ESS_EVENT_LOG_SQLITE_KEPT    8

/* types whose counts are kept until they are written together */
#define NGX_ESS_EVENT_LOG_SQLITE_TYPES   16


typedef enum {
    NGX_ESS_EVENT_LOG_SQLITE_INSERT = 0,
    NGX_ESS_EVENT_LOG_SQLITE_LAST,          /* seq that was given */
    NGX_ESS_EVENT_LOG_SQLITE_FIND,          /* seq and hash of an id */
    NGX_ESS_EVENT_LOG_SQLITE_ADD,           /* to the events of a type */
    NGX_ESS_EVENT_LOG_SQLITE_NEW,           /* the first ones of it */
    NGX_ESS_EVENT_LOG_SQLITE_NONE,          /* no type without any */
    NGX_ESS_EVENT_LOG_SQLITE_ALL,           /* to all events */
    NGX_ESS_EVENT_LOG_SQLITE_OLDEST,        /* in order of seq */
    NGX_ESS_EVENT_LOG_SQLITE_DELETE,        /* up to a seq */
    NGX_ESS_EVENT_LOG_SQLITE_EPOCH,
    NGX_ESS_EVENT_LOG_SQLITE_STATEMENTS
} ngx_ess_event_log_sqlite_stmt_e;


typedef struct {
    int64_t                  n;
    size_t                   len;
    u_char                   type[NGX_ESS_EVENT_LOG_TYPE];
} ngx_ess_event_log_sqlite_type_t;


typedef struct {
    ngx_ess_sqlite_db_t      db;
    sqlite3_stmt            *stmt[NGX_ESS_EVENT_LOG_SQLITE_STATEMENTS];
    sqlite3_stmt            *kept[NGX_ESS_EVENT_LOG_SQLITE_KEPT];
    ngx_uint_t               nkept;         /* that ever were */
    ngx_uint_t               opened;        /* db.opened, of what is kept */
    ngx_log_t               *log;
    int64_t                  keep;          /* ms; 0: for ever */
    int64_t                  keep_size;     /* bytes; 0: any */
    int64_t                  seq;           /* the last one that was given */
    int64_t                  deadline;      /* of a query; of the search for
                                               what is refused: ms */
    ngx_uint_t               undone;        /* from 1 on, the insert that has an
                                               event that is refused and took
                                               its transaction along; or 0 */
    ngx_ess_event_log_sqlite_type_t  types[NGX_ESS_EVENT_LOG_SQLITE_TYPES];
    ngx_uint_t               ntypes;        /* not written yet */
} ngx_ess_event_log_sqlite_handle_t;


extern const ngx_ess_sqlite_kind_t  ngx_ess_event_log_sqlite_kind;


/* The engine's. */
void *ngx_ess_event_log_sqlite_create(ngx_ess_event_log_t *log, ngx_log_t *l);
void ngx_ess_event_log_sqlite_destroy(void *handle);

/* For another use of the file than by a handle: "path" is kept. */
void ngx_ess_event_log_sqlite_init(ngx_ess_sqlite_db_t *db, char *path,
    ngx_uint_t sync);

/* Opens the file unless it is open and still where it was. */
int ngx_ess_event_log_sqlite_use(ngx_ess_event_log_sqlite_handle_t *h);

/* A statement that is kept for another time: it is to be reset, not finalized;
   and one that returns no rows and has no parameters, run. */
int ngx_ess_event_log_sqlite_kept(ngx_ess_event_log_sqlite_handle_t *h,
    const char *sql, sqlite3_stmt **stmt);
int ngx_ess_event_log_sqlite_exec(ngx_ess_event_log_sqlite_handle_t *h,
    const char *sql);

/* A transaction that writes.  End it with what its last function returned:
   with SQLITE_OK it is committed, else undone, and that is returned. */
int ngx_ess_event_log_sqlite_begin(ngx_ess_event_log_sqlite_handle_t *h);
int ngx_ess_event_log_sqlite_end(ngx_ess_event_log_sqlite_handle_t *h, int rc);

/* In a transaction: there are n more events of that type, or fewer; and that is
   written. */
int ngx_ess_event_log_sqlite_count(ngx_ess_event_log_sqlite_handle_t *h,
    const u_char *type, size_t len, int64_t n);
int ngx_ess_event_log_sqlite_counted(ngx_ess_event_log_sqlite_handle_t *h);

/* ms, of a clock that nobody sets. */
int64_t ngx_ess_event_log_sqlite_clock(void);


#endif /* _NGX_ESS_EVENT_LOG_SQLITE_HANDLE_H_INCLUDED_ */
