/*
 * keep= and keep_size= of an event log's SQLite file: the oldest events go,
 * some at a time, and their room in the file is used again.  The last one
 * stays: what follows it is numbered from there.  Runs in a thread of one
 * worker, between inserts.
 */


#include "ngx_ess_event_log_sqlite_handle.h"
#include "ngx_ess_event_log_sqlite_retain.h"


/* events of a step, and bytes: they are overwritten, and others wait */
#define NGX_ESS_EVENT_LOG_SQLITE_STEP   1000
#define NGX_ESS_EVENT_LOG_SQLITE_BYTES  (4 * 1024 * 1024)

/* bytes in the file of an event, beside its body, about */
#define NGX_ESS_EVENT_LOG_SQLITE_EVENT  200

/* bytes of WAL's file from which on it is carried over, whoever reads */
#define NGX_ESS_EVENT_LOG_SQLITE_WAL   (32 * 1024 * 1024)


static int ngx_ess_event_log_sqlite_retain_step(
    ngx_ess_event_log_sqlite_handle_t *h, int64_t before, int64_t excess,
    ngx_uint_t *again);
static int ngx_ess_event_log_sqlite_retain_oldest(
    ngx_ess_event_log_sqlite_handle_t *h, int64_t before, int64_t excess,
    ngx_uint_t *again, sqlite3_int64 *seq);
static int ngx_ess_event_log_sqlite_retain_pages(
    ngx_ess_event_log_sqlite_handle_t *h, int64_t *used, int64_t *bytes);
static void ngx_ess_event_log_sqlite_retain_wal(
    ngx_ess_event_log_sqlite_handle_t *h);


ngx_int_t
ngx_ess_event_log_sqlite_retain(void *handle, int64_t now, u_char *text,
    size_t size)
{
    ngx_ess_event_log_sqlite_handle_t *h = handle;

    int         rc;
    int64_t     used, bytes, excess;
    ngx_uint_t  again;

    again = 0;
    excess = 0;

    rc = ngx_ess_event_log_sqlite_use(h);

    if (rc == SQLITE_OK && h->keep_size) {
        rc = ngx_ess_event_log_sqlite_retain_pages(h, &used, &bytes);

        if (rc == SQLITE_OK) {
            excess = ngx_max(used - h->keep_size, 0);
        }
    }

    if (rc == SQLITE_OK && (excess || h->keep)) {
        rc = ngx_ess_event_log_sqlite_retain_step(h, h->keep ? now - h->keep
                                                             : 0,
                                                  excess, &again);
    }

    if (rc == SQLITE_OK) {
        return again ? NGX_AGAIN : NGX_OK;
    }

    (void) ngx_cpystrn(text, (u_char *) h->db.text, size);

    ngx_ess_sqlite_db_end(&h->db, rc);

    return NGX_ERROR;
}


/* Also younger ones, as long as so many bytes are too much.  "again": there may
   be more. */

static int
ngx_ess_event_log_sqlite_retain_step(ngx_ess_event_log_sqlite_handle_t *h,
    int64_t before, int64_t excess, ngx_uint_t *again)
{
    int            rc;
    sqlite3_int64  seq;
    sqlite3_stmt  *stmt;

    rc = ngx_ess_event_log_sqlite_begin(h);
    if (rc != SQLITE_OK) {
        return rc;
    }

    seq = 0;

    rc = ngx_ess_event_log_sqlite_retain_oldest(h, before, excess, again,
                                                &seq);

    if (rc == SQLITE_OK && seq) {
        stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_DELETE];
        (void) sqlite3_bind_int64(stmt, 1, seq);

        rc = ngx_ess_sqlite_db_run(&h->db, stmt);
    }

    return ngx_ess_event_log_sqlite_end(h, rc);
}


/* Counts those that are to go as gone, up to "seq". */

static int
ngx_ess_event_log_sqlite_retain_oldest(ngx_ess_event_log_sqlite_handle_t *h,
    int64_t before, int64_t excess, ngx_uint_t *again, sqlite3_int64 *seq)
{
    int            rc;
    int64_t        bytes;
    ngx_uint_t     n;
    const u_char  *type;
    sqlite3_stmt  *stmt;

    n = 0;
    bytes = 0;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_OLDEST];

    (void) sqlite3_bind_int64(stmt, 1, NGX_ESS_EVENT_LOG_SQLITE_STEP);

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {

        if (bytes >= excess && sqlite3_column_int64(stmt, 1) >= before) {
            rc = SQLITE_DONE;
            break;
        }

        *seq = sqlite3_column_int64(stmt, 0);
        type = sqlite3_column_text(stmt, 2);

        rc = ngx_ess_event_log_sqlite_count(h, type,
                                (size_t) sqlite3_column_bytes(stmt, 2), -1);
        if (rc != SQLITE_OK) {
            break;
        }

        n++;
        bytes += sqlite3_column_int64(stmt, 3)
                 + NGX_ESS_EVENT_LOG_SQLITE_EVENT;

        if (bytes >= NGX_ESS_EVENT_LOG_SQLITE_BYTES) {
            rc = SQLITE_DONE;
            *again = 1;
            break;
        }
    }

    /* how much is left is to be measured again */

    if (n == NGX_ESS_EVENT_LOG_SQLITE_STEP || (excess && n)) {
        *again = 1;
    }

    if (rc == SQLITE_DONE) {
        rc = SQLITE_OK;

    } else {
        (void) ngx_ess_sqlite_db_failed(&h->db, rc);
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


/* of the file, and of its pages that are in use */

static int
ngx_ess_event_log_sqlite_retain_pages(ngx_ess_event_log_sqlite_handle_t *h,
    int64_t *used, int64_t *bytes)
{
    int            rc;
    sqlite3_int64  size, count, unused;

    rc = ngx_ess_sqlite_db_get(&h->db, "PRAGMA page_size", &size);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_get(&h->db, "PRAGMA page_count", &count);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_get(&h->db, "PRAGMA freelist_count", &unused);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    *used = size * (count - unused);
    *bytes = size * count;

    return SQLITE_OK;
}


/* It writes a little: so it fails where an insert would. */

ngx_int_t
ngx_ess_event_log_sqlite_measure(void *handle, uint64_t *events,
    uint64_t *bytes, u_char *text, size_t size)
{
    ngx_ess_event_log_sqlite_handle_t *h = handle;

    int            rc;
    int64_t        used, all;
    sqlite3_int64  n;

    rc = ngx_ess_event_log_sqlite_use(h);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_exec(&h->db,
                                    "UPDATE log SET checked = checked + 1");
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_sqlite_db_get(&h->db, "SELECT events FROM log", &n);
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_retain_pages(h, &used, &all);
    }

    if (rc != SQLITE_OK) {
        (void) ngx_cpystrn(text, (u_char *) h->db.text, size);
        ngx_ess_sqlite_db_end(&h->db, rc);

        return NGX_ERROR;
    }

    *events = (uint64_t) ngx_max(n, 0);
    *bytes = (uint64_t) all;

    ngx_ess_event_log_sqlite_retain_wal(h);

    return NGX_OK;
}


/* While there is always somebody who reads, SQLite by itself never begins its
   log anew.  What does not succeed is tried again at the next measure. */

static void
ngx_ess_event_log_sqlite_retain_wal(ngx_ess_event_log_sqlite_handle_t *h)
{
    char         name[PATH_MAX];
    struct stat  st;

    if (snprintf(name, sizeof(name), "%s-wal", h->db.path)
        >= (int) sizeof(name)
        || stat(name, &st) == -1
        || st.st_size < NGX_ESS_EVENT_LOG_SQLITE_WAL)
    {
        return;
    }

    (void) ngx_ess_sqlite_db_truncate(&h->db);
}
