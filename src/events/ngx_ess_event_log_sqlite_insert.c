/*
 * Inserts into an event log's SQLite file: all that wait are one transaction,
 * and what is "atomic" a savepoint in it.  Only one transaction writes at a
 * time, so events are in order of their seq as soon as others see them.  Those
 * by whom all of it is undone are left out; when the others are stored, what is
 * refused of them is sought.  Runs in a worker's thread; the inserts are that
 * thread's meanwhile.
 */


#include "ngx_ess_event_log_sqlite_handle.h"
#include "ngx_ess_event_log_sqlite_insert.h"


#define NGX_ESS_EVENT_LOG_SQLITE_HASH  16

/* a number that is somebody's id is passed by, and then 2, 4, 8...: so few
   tries are enough, however many there are */
#define NGX_ESS_EVENT_LOG_SQLITE_TRIES  40

/* ms for which refused events are sought, as all others wait meanwhile */
#define NGX_ESS_EVENT_LOG_SQLITE_SEEK   2000

/* inserts that are left out, until each has a transaction of its own */
#define NGX_ESS_EVENT_LOG_SQLITE_LEFT   8


static int ngx_ess_event_log_sqlite_insert_each(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, int rc);
static int ngx_ess_event_log_sqlite_insert_some(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n);
static void ngx_ess_event_log_sqlite_insert_seek(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_insert_t *insert);
static void ngx_ess_event_log_sqlite_insert_alone(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_insert_t *insert);
static void ngx_ess_event_log_sqlite_insert_failed(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_insert_t *insert,
    int rc);
static int ngx_ess_event_log_sqlite_insert_all(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n);
static int ngx_ess_event_log_sqlite_insert_atomic(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_insert_t *insert,
    int64_t now);
static int ngx_ess_event_log_sqlite_insert_one(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_insert_t *insert,
    int64_t now);
static int ngx_ess_event_log_sqlite_insert_event(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_event_t *event,
    int64_t now);
static int ngx_ess_event_log_sqlite_insert_row(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_event_t *event,
    int64_t now, const char *id, size_t len);
static int ngx_ess_event_log_sqlite_insert_refused(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_event_t *event,
    int rc);
static int ngx_ess_event_log_sqlite_insert_there(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_event_t *event,
    const char *id, size_t len);


void
ngx_ess_event_log_sqlite_insert(void *handle,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n)
{
    ngx_ess_event_log_sqlite_handle_t *h = handle;

    int         rc;
    int64_t     end, now;
    ngx_uint_t  i, k, left;

    for (i = 0; i < n; i++) {
        inserts[i]->rc = NGX_BUSY;

        for (k = 0; k < inserts[i]->n; k++) {
            inserts[i]->events[k].refused = 0;
        }
    }

    rc = ngx_ess_event_log_sqlite_insert_some(h, inserts, n);

    for (i = 1; rc == SQLITE_CONSTRAINT && h->undone; i++) {
        inserts[h->undone - 1]->rc = NGX_AGAIN;

        if (i == NGX_ESS_EVENT_LOG_SQLITE_LEFT || i == n) {
            break;
        }

        rc = ngx_ess_event_log_sqlite_insert_some(h, inserts, n);
    }

    if (rc != SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_insert_each(h, inserts, n, rc);
    }

    left = 0;

    for (i = 0; i < n; i++) {
        left += (inserts[i]->rc == NGX_AGAIN);
    }

    end = ngx_ess_event_log_sqlite_clock() + NGX_ESS_EVENT_LOG_SQLITE_SEEK;

    for (i = 0; i < n; i++) {

        if (inserts[i]->rc != NGX_AGAIN) {
            continue;
        }

        if (rc == SQLITE_OK) {
            now = ngx_ess_event_log_sqlite_clock();
            h->deadline = now + (end - now) / (int64_t) left--;

            ngx_ess_event_log_sqlite_insert_seek(h, inserts[i]);

        } else {
            ngx_ess_event_log_sqlite_insert_failed(h, inserts[i], rc);
        }
    }
}


/* Those that are left, after "rc", one by one: rc of what is not stored so is
   NGX_AGAIN.  With another result than SQLITE_OK nothing more can be stored. */

static int
ngx_ess_event_log_sqlite_insert_each(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, int rc)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (inserts[i]->rc == NGX_AGAIN) {
            continue;
        }

        if (rc == SQLITE_OK || rc == SQLITE_CONSTRAINT) {
            rc = (n > 1) ? ngx_ess_event_log_sqlite_insert_some(h, &inserts[i],
                                                                1)
                         : SQLITE_CONSTRAINT;
        }

        if (rc != SQLITE_OK) {
            inserts[i]->rc = NGX_AGAIN;
        }
    }

    return (rc == SQLITE_CONSTRAINT) ? SQLITE_OK : rc;
}


/* One attempt, with one more where that may help. */

static int
ngx_ess_event_log_sqlite_insert_some(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n)
{
    int  rc;

    h->undone = 0;

    rc = ngx_ess_event_log_sqlite_insert_all(h, inserts, n);

    if (ngx_ess_sqlite_db_again(&h->db, rc)) {
        rc = ngx_ess_event_log_sqlite_insert_all(h, inserts, n);
    }

    return rc;
}


/* Without those that undo all, of which each attempt finds one. */

static void
ngx_ess_event_log_sqlite_insert_seek(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t *insert)
{
    int  rc;

    insert->rc = NGX_BUSY;

    do {
        rc = ngx_ess_event_log_sqlite_insert_some(h, &insert, 1);
    } while (rc == SQLITE_CONSTRAINT && h->undone
             && ngx_ess_event_log_sqlite_clock() < h->deadline);

    /* what is held against constraints only at the end may be any of them */

    if (rc == SQLITE_CONSTRAINT && !h->undone
        && (insert->n == 1 || !insert->atomic))
    {
        ngx_ess_event_log_sqlite_insert_alone(h, insert);

    } else if (rc != SQLITE_OK) {
        ngx_ess_event_log_sqlite_insert_failed(h, insert, rc);
    }
}


/* An insert that cannot be committed: the event is refused, or each of them is
   tried by itself. */

static void
ngx_ess_event_log_sqlite_insert_alone(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t *insert)
{
    ngx_uint_t                  i;
    ngx_ess_event_log_insert_t  one;

    if (insert->n == 1) {
        insert->events[0].result = NGX_ESS_EVENT_LOG_REFUSED;
        insert->rc = insert->atomic ? NGX_DECLINED : NGX_OK;
        insert->text[0] = '\0';
        return;
    }

    one = *insert;
    one.n = 1;

    for (i = 0; i < insert->n; i++) {

        if (ngx_ess_event_log_sqlite_clock() >= h->deadline) {
            ngx_ess_event_log_sqlite_insert_failed(h, insert,
                                                   SQLITE_CONSTRAINT);
            return;
        }

        one.events = &insert->events[i];

        ngx_ess_event_log_sqlite_insert_seek(h, &one);

        insert->rc = one.rc;
        ngx_memcpy(insert->text, one.text, sizeof(insert->text));

        if (insert->rc != NGX_OK) {
            return;
        }
    }
}


static void
ngx_ess_event_log_sqlite_insert_failed(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t *insert, int rc)
{
    insert->rc = NGX_BUSY;
    (void) ngx_cpystrn(insert->text, (u_char *) h->db.text,
                       sizeof(insert->text));

    ngx_ess_sqlite_db_end(&h->db, rc);
}


/* But for those whose rc is NGX_AGAIN. */

static int
ngx_ess_event_log_sqlite_insert_all(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n)
{
    int              rc;
    int64_t          now;
    ngx_uint_t       i;
    struct timespec  ts;

    rc = ngx_ess_event_log_sqlite_begin(h);
    if (rc != SQLITE_OK) {
        return rc;
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    now = (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    for (i = 0; rc == SQLITE_OK && i < n; i++) {

        if (inserts[i]->rc == NGX_AGAIN) {
            continue;
        }

        rc = inserts[i]->atomic
             ? ngx_ess_event_log_sqlite_insert_atomic(h, inserts[i], now)
             : ngx_ess_event_log_sqlite_insert_one(h, inserts[i], now);
    }

    if (h->undone) {
        h->undone = i;
    }

    return ngx_ess_event_log_sqlite_end(h, rc);
}


/* What was counted before is written before, so that what is not is of this
   insert alone. */

static int
ngx_ess_event_log_sqlite_insert_atomic(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t *insert, int64_t now)
{
    int         rc;
    int64_t     seq;
    ngx_uint_t  i;

    seq = h->seq;

    rc = ngx_ess_event_log_sqlite_counted(h);

    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_exec(h, "SAVEPOINT atomic");
    }

    if (rc == SQLITE_OK) {
        rc = ngx_ess_event_log_sqlite_insert_one(h, insert, now);
    }

    if (rc != SQLITE_OK) {
        return rc;
    }

    for (i = 0; i < insert->n; i++) {

        if (insert->events[i].result == NGX_ESS_EVENT_LOG_OTHER
            || insert->events[i].result == NGX_ESS_EVENT_LOG_REFUSED)
        {
            insert->rc = NGX_DECLINED;
            h->seq = seq;
            h->ntypes = 0;

            return ngx_ess_sqlite_db_exec(&h->db, "ROLLBACK TO atomic;"
                                                  "RELEASE atomic");
        }
    }

    return ngx_ess_event_log_sqlite_exec(h, "RELEASE atomic");
}


static int
ngx_ess_event_log_sqlite_insert_one(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_insert_t *insert, int64_t now)
{
    int         rc;
    ngx_uint_t  i;

    for (i = 0; i < insert->n; i++) {
        rc = ngx_ess_event_log_sqlite_insert_event(h, &insert->events[i], now);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    insert->rc = NGX_OK;
    insert->text[0] = '\0';

    return SQLITE_OK;
}


static int
ngx_ess_event_log_sqlite_insert_event(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_event_t *event, int64_t now)
{
    int         rc;
    char        text[NGX_INT64_LEN + 1];
    size_t      len;
    ngx_uint_t  i;

    if (event->refused) {
        event->result = NGX_ESS_EVENT_LOG_REFUSED;
        return SQLITE_OK;
    }

    if (event->id.len) {
        rc = ngx_ess_event_log_sqlite_insert_row(h, event, now,
                                                 (char *) event->id.data,
                                                 event->id.len);

        return (rc == SQLITE_DONE)
               ? ngx_ess_event_log_sqlite_insert_there(h, event,
                                                 (char *) event->id.data,
                                                 event->id.len)
               : rc;
    }

    for (i = 0; i < NGX_ESS_EVENT_LOG_SQLITE_TRIES; i++) {
        len = (size_t) snprintf(text, sizeof(text), "%lld",
                                (long long) h->seq + 1);

        rc = ngx_ess_event_log_sqlite_insert_row(h, event, now, text, len);

        if (rc != SQLITE_DONE) {
            return rc;
        }

        /* somebody gave an event that number for an id; or a trigger ignores
           this one, and no other number helps */

        rc = ngx_ess_event_log_sqlite_insert_there(h, event, text, len);

        if (rc != SQLITE_OK || event->result == NGX_ESS_EVENT_LOG_REFUSED) {
            return rc;
        }

        h->seq += (int64_t) 1 << i;
    }

    (void) snprintf(h->db.text, sizeof(h->db.text),
                    "the numbers from %lld on are ids of other events",
                    (long long) h->seq + 1);

    return SQLITE_MISMATCH;
}


/* SQLITE_DONE: nothing was, as if the id were there. */

static int
ngx_ess_event_log_sqlite_insert_row(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_event_t *event, int64_t now, const char *id, size_t len)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_INSERT];

    (void) sqlite3_bind_int64(stmt, 1, h->seq + 1);
    (void) sqlite3_bind_text(stmt, 2, id, (int) len, SQLITE_STATIC);
    (void) sqlite3_bind_text(stmt, 3, event->type.len
                                      ? (const char *) event->type.data : "",
                             (int) event->type.len, SQLITE_STATIC);
    (void) sqlite3_bind_int64(stmt, 4, event->time);
    (void) sqlite3_bind_int64(stmt, 5, now);
    (void) sqlite3_bind_text(stmt, 6, (const char *) event->body.data,
                             (int) event->body.len, SQLITE_STATIC);
    (void) sqlite3_bind_blob(stmt, 7, event->hash,
                             NGX_ESS_EVENT_LOG_SQLITE_HASH, SQLITE_STATIC);

    rc = ngx_ess_sqlite_db_run(&h->db, stmt);

    if (rc != SQLITE_OK) {
        return ngx_ess_event_log_sqlite_insert_refused(h, event, rc);
    }

    if (sqlite3_changes(h->db.handle) == 0) {
        return SQLITE_DONE;
    }

    event->result = NGX_ESS_EVENT_LOG_STORED;
    event->seq = (uint64_t) ++h->seq;

    return ngx_ess_event_log_sqlite_count(h, event->type.data,
                                          event->type.len, 1);
}


/*
 * A trigger of the operator's may refuse an event.  RAISE(ABORT) undoes it
 * alone, and the others go on.  RAISE(FAIL) leaves what was done until then, so
 * that is taken back; RAISE(ROLLBACK) ends the transaction of all, who do it
 * again without it.
 */

static int
ngx_ess_event_log_sqlite_insert_refused(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_event_t *event, int rc)
{
    char  sql[64];

    if (rc != SQLITE_CONSTRAINT) {
        return rc;
    }

    if (sqlite3_get_autocommit(h->db.handle)) {
        event->refused = 1;
        h->undone = 1;

        return rc;
    }

    event->result = NGX_ESS_EVENT_LOG_REFUSED;

    (void) snprintf(sql, sizeof(sql), "DELETE FROM event WHERE seq = %lld",
                    (long long) h->seq + 1);

    return ngx_ess_sqlite_db_exec(&h->db, sql);
}


/* The id is there: with which content? */

static int
ngx_ess_event_log_sqlite_insert_there(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_event_t *event, const char *id, size_t len)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_FIND];

    (void) sqlite3_bind_text(stmt, 1, id, (int) len, SQLITE_STATIC);

    rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) {
        event->seq = (uint64_t) sqlite3_column_int64(stmt, 0);

        event->result =
            (sqlite3_column_bytes(stmt, 1) == NGX_ESS_EVENT_LOG_SQLITE_HASH
             && ngx_memcmp(sqlite3_column_blob(stmt, 1), event->hash,
                           NGX_ESS_EVENT_LOG_SQLITE_HASH)
                == 0)
            ? NGX_ESS_EVENT_LOG_SAME : NGX_ESS_EVENT_LOG_OTHER;

        rc = SQLITE_OK;

    } else if (rc == SQLITE_DONE) {

        /* a trigger was in the way: RAISE(IGNORE) */

        event->result = NGX_ESS_EVENT_LOG_REFUSED;
        rc = SQLITE_OK;

    } else {
        rc = ngx_ess_sqlite_db_failed(&h->db, rc);
    }

    (void) sqlite3_reset(stmt);
    (void) sqlite3_clear_bindings(stmt);

    return rc;
}
