/*
 * A handle of an event log's SQLite file.  A worker has several, each used by
 * one thread at a time, opened, used and closed there.
 */


#include "ngx_ess_event_log_sqlite_handle.h"


/* ms that one process waits for the others' transactions */
#define NGX_ESS_EVENT_LOG_SQLITE_BUSY  2000

/* WAL's file is cut to it when it begins anew; it begins when so many pages
   were written to it, and no reader stands in it */
#define NGX_ESS_EVENT_LOG_SQLITE_PRAGMAS                                      \
    "PRAGMA temp_store = MEMORY;"                                             \
    "PRAGMA journal_size_limit = 16777216;"                                   \
    "PRAGMA wal_autocheckpoint = 1000;"                                       \
    "PRAGMA cache_size = -4096;"


static int ngx_ess_event_log_sqlite_last(
    ngx_ess_event_log_sqlite_handle_t *h);
static int ngx_ess_event_log_sqlite_write(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_type_t *type);


const ngx_ess_sqlite_kind_t  ngx_ess_event_log_sqlite_kind = {
    "ess_event_log",
    NGX_ESS_EVENT_LOG_SQLITE_APP,
    NGX_ESS_EVENT_LOG_SQLITE_SCHEMA
};


static const char  *ngx_ess_event_log_sqlite_sql[] = {

    /* NGX_ESS_EVENT_LOG_SQLITE_INSERT */
    "INSERT OR IGNORE INTO event (seq, id, type, time, received, body, hash)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",

    /* NGX_ESS_EVENT_LOG_SQLITE_LAST */
    "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'),"
        " 0)",

    /* NGX_ESS_EVENT_LOG_SQLITE_FIND */
    "SELECT seq, hash FROM event WHERE id = ?1",

    /* NGX_ESS_EVENT_LOG_SQLITE_ADD */
    "UPDATE type SET events = events + ?2 WHERE name = ?1",

    /* NGX_ESS_EVENT_LOG_SQLITE_NEW */
    "INSERT INTO type (name, events) VALUES (?1, ?2)",

    /* NGX_ESS_EVENT_LOG_SQLITE_NONE */
    "DELETE FROM type WHERE name = ?1 AND events <= 0",

    /* NGX_ESS_EVENT_LOG_SQLITE_ALL */
    "UPDATE log SET events = events + ?1",

    /* NGX_ESS_EVENT_LOG_SQLITE_OLDEST */
    "SELECT seq, received, type, length(CAST(body AS BLOB)) FROM event"
        " WHERE seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?1",

    /* NGX_ESS_EVENT_LOG_SQLITE_DELETE */
    "DELETE FROM event WHERE seq <= ?1",

    /* NGX_ESS_EVENT_LOG_SQLITE_EPOCH */
    "SELECT epoch FROM log"
};


void *
ngx_ess_event_log_sqlite_create(ngx_ess_event_log_t *log, ngx_log_t *l)
{
    char                               *path;
    ngx_ess_event_log_sqlite_handle_t  *h;

    h = ngx_alloc(sizeof(ngx_ess_event_log_sqlite_handle_t)
                  + log->place.len + 1, l);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_ess_event_log_sqlite_handle_t));

    path = (char *) (h + 1);
    ngx_memcpy(path, log->place.data, log->place.len);
    path[log->place.len] = '\0';

    ngx_ess_event_log_sqlite_init(&h->db, path, log->sync);

    h->log = l;
    h->keep = (int64_t) log->keep * 1000;
    h->keep_size = log->keep_size;

    return h;
}


void
ngx_ess_event_log_sqlite_destroy(void *handle)
{
    ngx_ess_event_log_sqlite_handle_t *h = handle;

    ngx_ess_sqlite_db_close(&h->db);
    ngx_free(h);
}


/* FULL: what was answered survives the loss of power. */

void
ngx_ess_event_log_sqlite_init(ngx_ess_sqlite_db_t *db, char *path,
    ngx_uint_t sync)
{
    ngx_memzero(db, sizeof(ngx_ess_sqlite_db_t));

    db->kind = &ngx_ess_event_log_sqlite_kind;
    db->path = path;

    db->pragmas = sync ? NGX_ESS_EVENT_LOG_SQLITE_PRAGMAS
                         "PRAGMA synchronous = FULL;"
                       : NGX_ESS_EVENT_LOG_SQLITE_PRAGMAS
                         "PRAGMA synchronous = NORMAL;";
}


int
ngx_ess_event_log_sqlite_use(ngx_ess_event_log_sqlite_handle_t *h)
{
    return ngx_ess_sqlite_db_use(&h->db, NGX_ESS_EVENT_LOG_SQLITE_BUSY,
                                 ngx_ess_event_log_sqlite_sql, h->stmt,
                                 NGX_ESS_EVENT_LOG_SQLITE_STATEMENTS);
}


int
ngx_ess_event_log_sqlite_kept(ngx_ess_event_log_sqlite_handle_t *h,
    const char *sql, sqlite3_stmt **stmt)
{
    int             rc;
    ngx_uint_t      i;
    sqlite3_stmt  **kept;

    if (h->opened != h->db.opened) {

        /* they went with the handle */

        ngx_memzero(h->kept, sizeof(h->kept));
        h->opened = h->db.opened;
    }

    for (i = 0; i < NGX_ESS_EVENT_LOG_SQLITE_KEPT; i++) {

        if (h->kept[i] && ngx_strcmp(sqlite3_sql(h->kept[i]), sql) == 0) {
            *stmt = h->kept[i];
            return SQLITE_OK;
        }
    }

    kept = &h->kept[h->nkept++ % NGX_ESS_EVENT_LOG_SQLITE_KEPT];

    (void) sqlite3_finalize(*kept);
    *kept = NULL;

    rc = ngx_ess_sqlite_db_prepare(&h->db, sql, kept);
    *stmt = *kept;

    return rc;
}


int
ngx_ess_event_log_sqlite_exec(ngx_ess_event_log_sqlite_handle_t *h,
    const char *sql)
{
    int            rc;
    sqlite3_stmt  *stmt;

    rc = ngx_ess_event_log_sqlite_kept(h, sql, &stmt);

    return (rc == SQLITE_OK) ? ngx_ess_sqlite_db_run(&h->db, stmt) : rc;
}


int
ngx_ess_event_log_sqlite_begin(ngx_ess_event_log_sqlite_handle_t *h)
{
    int  rc;

    h->ntypes = 0;

    rc = ngx_ess_event_log_sqlite_use(h);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_exec(h, "BEGIN IMMEDIATE");
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_ess_event_log_sqlite_last(h);

    return (rc == SQLITE_OK) ? rc : ngx_ess_event_log_sqlite_end(h, rc);
}


/* A seq is never given again, also when its event is gone. */

static int
ngx_ess_event_log_sqlite_last(ngx_ess_event_log_sqlite_handle_t *h)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_LAST];

    rc = ngx_ess_sqlite_db_row(&h->db, stmt);

    if (rc == SQLITE_OK) {
        h->seq = sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


int
ngx_ess_event_log_sqlite_end(ngx_ess_event_log_sqlite_handle_t *h, int rc)
{
    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_counted(h);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_exec(h, "COMMIT");
    }

    h->ntypes = 0;

    if (rc != SQLITE_OK && !sqlite3_get_autocommit(h->db.handle)) {

        /* not through exec(), which would write over the text */

        (void) sqlite3_exec(h->db.handle, "ROLLBACK", NULL, NULL, NULL);
    }

    return rc;
}


int
ngx_ess_event_log_sqlite_count(ngx_ess_event_log_sqlite_handle_t *h,
    const u_char *type, size_t len, int64_t n)
{
    int                               rc;
    ngx_uint_t                        i;
    ngx_ess_event_log_sqlite_type_t  *t;

    if (len == 0) {
        type = (const u_char *) "";
    }

    for (i = 0; i < h->ntypes; i++) {
        t = &h->types[i];

        if (t->len == len && ngx_memcmp(t->type, type, len) == 0) {
            t->n += n;
            return SQLITE_OK;
        }
    }

    if (h->ntypes == NGX_ESS_EVENT_LOG_SQLITE_TYPES) {
        rc = ngx_ess_event_log_sqlite_counted(h);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    t = &h->types[h->ntypes++];

    t->n = n;
    t->len = ngx_min(len, NGX_ESS_EVENT_LOG_TYPE);
    ngx_memcpy(t->type, type, t->len);

    return SQLITE_OK;
}


int
ngx_ess_event_log_sqlite_counted(ngx_ess_event_log_sqlite_handle_t *h)
{
    int            rc;
    int64_t        n;
    ngx_uint_t     i;
    sqlite3_stmt  *stmt;

    n = 0;

    for (i = 0; i < h->ntypes; i++) {
        rc = ngx_ess_event_log_sqlite_write(h, &h->types[i]);

        if (rc != SQLITE_OK) {
            return rc;
        }

        n += h->types[i].n;
    }

    h->ntypes = 0;

    if (n == 0) {
        return SQLITE_OK;
    }

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_ALL];
    (void) sqlite3_bind_int64(stmt, 1, n);

    return ngx_ess_sqlite_db_run(&h->db, stmt);
}


static int
ngx_ess_event_log_sqlite_write(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_type_t *type)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_ADD];

    (void) sqlite3_bind_text(stmt, 1, (char *) type->type, (int) type->len,
                             SQLITE_STATIC);
    (void) sqlite3_bind_int64(stmt, 2, type->n);

    rc = ngx_ess_sqlite_db_run(&h->db, stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    if (sqlite3_changes(h->db.handle) == 0) {
        stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_NEW];

    } else if (type->n < 0) {
        stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_NONE];

    } else {
        return SQLITE_OK;
    }

    (void) sqlite3_bind_text(stmt, 1, (char *) type->type, (int) type->len,
                             SQLITE_STATIC);

    if (sqlite3_bind_parameter_count(stmt) > 1) {
        (void) sqlite3_bind_int64(stmt, 2, type->n);
    }

    return ngx_ess_sqlite_db_run(&h->db, stmt);
}


int64_t
ngx_ess_event_log_sqlite_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
