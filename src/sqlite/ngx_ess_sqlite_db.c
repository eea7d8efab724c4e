
/*
 * A SQLite database as its owner has it open: how it is opened, how long it
 * waits for others, and the words of what failed.  It is its owner's: the
 * master's while it loads, then that of a worker's thread.
 */


#include "ngx_ess_sqlite_db.h"


/* ms that it waits for others to empty WAL's file, while nobody can write */
#define NGX_ESS_SQLITE_DB_TRUNCATE  20

/* to open a file that is being replaced */
#define NGX_ESS_SQLITE_DB_ATTEMPTS  3


static int ngx_ess_sqlite_db_wait(void *data, int count);
static ngx_uint_t ngx_ess_sqlite_db_moved(ngx_ess_sqlite_db_t *db);
static int ngx_ess_sqlite_db_fresh(ngx_ess_sqlite_db_t *db, int milliseconds,
    const char *const *sql, sqlite3_stmt **stmt, ngx_uint_t n);


int
ngx_ess_sqlite_db_open(ngx_ess_sqlite_db_t *db, int milliseconds)
{
    int  rc;

    /* never SQLITE_OPEN_CREATE: a file that vanished is an error */

    rc = sqlite3_open_v2(db->path, &db->handle,
                         SQLITE_OPEN_READWRITE|SQLITE_OPEN_NOMUTEX, NULL);

    if (rc != SQLITE_OK) {
        rc = ngx_ess_sqlite_db_failed(db, rc);
        ngx_ess_sqlite_db_close(db);
        return rc;
    }

    db->opened++;
    db->patience = milliseconds;

    (void) sqlite3_busy_handler(db->handle, ngx_ess_sqlite_db_wait, db);

    return ngx_ess_sqlite_db_exec(db, db->pragmas);
}


/*
 * Another process holds the lock, which is given to whoever happens to ask
 * when it is free.  So all ask often: SQLite's own handler soon waits a tenth
 * of a second each time, and under load some would never meet the moment.
 */

static int
ngx_ess_sqlite_db_wait(void *data, int count)
{
    ngx_ess_sqlite_db_t *db = data;

    int64_t          ms;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    ms = (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    if (count == 0) {
        db->waiting = ms;
    }

    if (ms - db->waiting >= db->patience) {
        return 0;
    }

    /* 0.5 to 2.5 ms, at random */

    (void) usleep(500 + ts.tv_nsec / 64 % 2000);

    return 1;
}


int
ngx_ess_sqlite_db_ours(ngx_ess_sqlite_db_t *db,
    sqlite3_int64 *version)
{
    int            rc;
    sqlite3_int64  app;

    rc = ngx_ess_sqlite_db_get(db, "PRAGMA application_id", &app);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_get(db, "PRAGMA user_version", version);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    if (app != db->kind->app
        || *version < 1 || *version > db->kind->schema)
    {
        (void) snprintf(db->text, sizeof(db->text),
                        "the database was not made by this version of "
                        "%s (application id %lld, schema %lld)",
                        db->kind->directive, (long long) app,
                        (long long) *version);
        return SQLITE_NOTADB;
    }

    return SQLITE_OK;
}


int
ngx_ess_sqlite_db_use(ngx_ess_sqlite_db_t *db, int milliseconds,
    const char *const *sql, sqlite3_stmt **stmt, ngx_uint_t n)
{
    int         rc;
    ngx_uint_t  i;

    if (db->handle) {

        if (!ngx_ess_sqlite_db_moved(db)) {
            return SQLITE_OK;
        }

        ngx_ess_sqlite_db_close(db);
    }

    /*
     * SQLite opens the database first, and WAL's files when it reads, each by
     * its name.  Of a file that another one replaced in between it would write
     * pages into the log of the new one.
     */

    for (i = 0; i < NGX_ESS_SQLITE_DB_ATTEMPTS; i++) {
        rc = ngx_ess_sqlite_db_fresh(db, milliseconds, sql, stmt, n);

        if (!ngx_ess_sqlite_db_moved(db)) {

            if (rc != SQLITE_OK) {
                ngx_ess_sqlite_db_close(db);
            }

            return rc;
        }

        ngx_ess_sqlite_db_close(db);
    }

    (void) snprintf(db->text, sizeof(db->text),
                    "each time that the file was opened it was replaced");

    return SQLITE_CANTOPEN;
}


/* 1: what is open is not, or no longer, the file of that name. */

static ngx_uint_t
ngx_ess_sqlite_db_moved(ngx_ess_sqlite_db_t *db)
{
    int  moved;

    moved = 0;

    if (db->handle) {
        (void) sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_HAS_MOVED,
                                    &moved);
    }

    return moved != 0;
}


/* It is open when something of it fails, unless it cannot be opened. */

static int
ngx_ess_sqlite_db_fresh(ngx_ess_sqlite_db_t *db, int milliseconds,
    const char *const *sql, sqlite3_stmt **stmt, ngx_uint_t n)
{
    int            rc;
    ngx_uint_t     i;
    sqlite3_int64  version;

    rc = ngx_ess_sqlite_db_open(db, milliseconds);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_ours(db, &version);
    }

    for (i = 0; rc == SQLITE_OK && i < n; i++) {
        rc = ngx_ess_sqlite_db_prepare(db, sql[i], &stmt[i]);
    }

    return rc;
}


void
ngx_ess_sqlite_db_close(ngx_ess_sqlite_db_t *db)
{
    sqlite3_stmt  *stmt;

    while (db->handle && (stmt = sqlite3_next_stmt(db->handle, NULL))) {
        (void) sqlite3_finalize(stmt);
    }

    (void) sqlite3_close(db->handle);
    db->handle = NULL;
}


ngx_uint_t
ngx_ess_sqlite_db_again(ngx_ess_sqlite_db_t *db, int rc)
{
    if (db->handle == NULL) {
        return 0;
    }

    switch (rc) {

    case SQLITE_FULL:
        return ngx_ess_sqlite_db_truncate(db) == SQLITE_OK;

    case SQLITE_IOERR:
        ngx_ess_sqlite_db_close(db);
        return 1;

    default:
        return 0;
    }
}


/*
 * Most of it is carried over while others write and read.  The rest takes the
 * lock of those who write, and ends when those who read are at its end: whoever
 * reads a long time would hold up all inserts.
 */

int
ngx_ess_sqlite_db_truncate(ngx_ess_sqlite_db_t *db)
{
    int  rc, patience;

    patience = db->patience;
    db->patience = NGX_ESS_SQLITE_DB_TRUNCATE;

    (void) sqlite3_wal_checkpoint_v2(db->handle, NULL,
                                     SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    rc = sqlite3_wal_checkpoint_v2(db->handle, NULL,
                                   SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

    db->patience = patience;

    return rc;
}


void
ngx_ess_sqlite_db_end(ngx_ess_sqlite_db_t *db, int rc)
{
    switch (rc) {

    case SQLITE_OK:
    case SQLITE_BUSY:
    case SQLITE_FULL:
    case SQLITE_INTERRUPT:
        break;

    default:
        ngx_ess_sqlite_db_close(db);
    }
}


int
ngx_ess_sqlite_db_exec(ngx_ess_sqlite_db_t *db, const char *sql)
{
    int  rc;

    rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return (rc == SQLITE_OK) ? rc : ngx_ess_sqlite_db_failed(db, rc);
}


int
ngx_ess_sqlite_db_prepare(ngx_ess_sqlite_db_t *db, const char *sql,
    sqlite3_stmt **stmt)
{
    int  rc;

    rc = sqlite3_prepare_v2(db->handle, sql, -1, stmt, NULL);

    return (rc == SQLITE_OK) ? rc : ngx_ess_sqlite_db_failed(db, rc);
}


int
ngx_ess_sqlite_db_run(ngx_ess_sqlite_db_t *db, sqlite3_stmt *stmt)
{
    int  rc;

    (void) sqlite3_step(stmt);

    rc = sqlite3_reset(stmt);

    if (rc != SQLITE_OK) {
        rc = ngx_ess_sqlite_db_failed(db, rc);
    }

    (void) sqlite3_clear_bindings(stmt);

    return rc;
}


int
ngx_ess_sqlite_db_get(ngx_ess_sqlite_db_t *db, const char *sql,
    sqlite3_int64 *value)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = ngx_ess_sqlite_db_prepare(db, sql, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_ess_sqlite_db_row(db, stmt);

    if (rc == SQLITE_OK) {
        *value = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_finalize(stmt);

    return rc;
}


int
ngx_ess_sqlite_db_row(ngx_ess_sqlite_db_t *db, sqlite3_stmt *stmt)
{
    int  rc;

    rc = sqlite3_step(stmt);

    switch (rc) {

    case SQLITE_ROW:
        return SQLITE_OK;

    case SQLITE_DONE:
        return ngx_ess_sqlite_db_failed(db, SQLITE_CORRUPT);

    default:
        return ngx_ess_sqlite_db_failed(db, rc);
    }
}


int
ngx_ess_sqlite_db_failed(ngx_ess_sqlite_db_t *db, int rc)
{
    rc &= 0xff;

    (void) snprintf(db->text, sizeof(db->text), "%s",
                    db->handle ? sqlite3_errmsg(db->handle)
                               : sqlite3_errstr(rc));

    return rc;
}
