/*
 * Queries of an event log's SQLite file, all that come at once in a transaction
 * that reads: a total and its page are of one moment.  An index has each order
 * that there is, and is named, so that a page costs the same anywhere.  Runs in
 * a worker's thread; the query is that thread's meanwhile.
 */


#include "ngx_ess_event_log_sqlite_handle.h"
#include "ngx_ess_event_log_sqlite_query.h"


/* ms that each may take */
#define NGX_ESS_EVENT_LOG_SQLITE_TIME   5000

/* instructions of SQLite between two looks at the clock */
#define NGX_ESS_EVENT_LOG_SQLITE_LOOK   10000

/* bytes for bodies at first, and for each row */
#define NGX_ESS_EVENT_LOG_SQLITE_ROOM   8192
#define NGX_ESS_EVENT_LOG_SQLITE_BODY   256

#define NGX_ESS_EVENT_LOG_SQLITE_TEXT   512


typedef struct {
    ngx_ess_event_log_query_t   *query;
    ngx_log_t                   *log;
    size_t                       used;      /* bytes of query->memory */
    size_t                       size;
    ngx_uint_t                   by_time;
    ngx_uint_t                   full;      /* no further row fits */
} ngx_ess_event_log_sqlite_page_t;


static int ngx_ess_event_log_sqlite_query_one(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query,
    int rc);
static int ngx_ess_event_log_sqlite_query_slow(void *data);
static ngx_uint_t ngx_ess_event_log_sqlite_query_several(
    ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_run(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_epoch(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_total(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_page(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_seek(
    ngx_ess_event_log_sqlite_handle_t *h, ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_part(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_page_t *page, ngx_uint_t equal);
static char *ngx_ess_event_log_sqlite_query_where(
    ngx_ess_event_log_query_t *query, ngx_uint_t cursor, char *p, char *last);
static void ngx_ess_event_log_sqlite_query_bind(sqlite3_stmt *stmt,
    ngx_ess_event_log_query_t *query);
static int ngx_ess_event_log_sqlite_query_rows(
    ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_page_t *page, sqlite3_stmt *stmt);
static int ngx_ess_event_log_sqlite_query_row(
    ngx_ess_event_log_sqlite_page_t *page, sqlite3_stmt *stmt);
static ngx_int_t ngx_ess_event_log_sqlite_query_room(
    ngx_ess_event_log_sqlite_page_t *page, size_t len);


ngx_uint_t
ngx_ess_event_log_sqlite_query(void *handle,
    ngx_ess_event_log_query_t **queries, ngx_uint_t n)
{
    ngx_ess_event_log_sqlite_handle_t *h = handle;

    int         rc;
    ngx_uint_t  asked;

    asked = 0;

    rc = ngx_ess_event_log_sqlite_use(h);

    if (rc == SQLITE_OK
        && (n > 1 || ngx_ess_event_log_sqlite_query_several(queries[0])))
    {
        rc = ngx_ess_event_log_sqlite_exec(h, "BEGIN");
    }

    if (rc == SQLITE_OK) {
        sqlite3_progress_handler(h->db.handle, NGX_ESS_EVENT_LOG_SQLITE_LOOK,
                                 ngx_ess_event_log_sqlite_query_slow, h);
    }

    do {
        rc = ngx_ess_event_log_sqlite_query_one(h, queries[asked++], rc);
    } while (rc == SQLITE_OK && asked < n);

    if (h->db.handle) {
        sqlite3_progress_handler(h->db.handle, 0, NULL, NULL);

        if (!sqlite3_get_autocommit(h->db.handle)) {
            (void) sqlite3_exec(h->db.handle, "COMMIT", NULL, NULL, NULL);
        }
    }

    ngx_ess_sqlite_db_end(&h->db, rc);

    return asked;
}


/* "rc": of what went before. */

static int
ngx_ess_event_log_sqlite_query_one(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query, int rc)
{
    if (rc == SQLITE_OK) {
        h->deadline = ngx_ess_event_log_sqlite_clock()
                      + NGX_ESS_EVENT_LOG_SQLITE_TIME;

        rc = ngx_ess_event_log_sqlite_query_run(h, query);
    }

    if (rc == SQLITE_OK) {
        query->rc = NGX_OK;
        query->text[0] = '\0';
        return rc;
    }

    query->rc = NGX_BUSY;
    query->nrows = 0;

    (void) ngx_cpystrn(query->text, rc == SQLITE_INTERRUPT
                                    ? (u_char *) "the query took too long"
                                    : (u_char *) h->db.text,
                       sizeof(query->text));

    return rc;
}


static int
ngx_ess_event_log_sqlite_query_slow(void *data)
{
    ngx_ess_event_log_sqlite_handle_t *h = data;

    return ngx_ess_event_log_sqlite_clock() > h->deadline;
}


/* 1: it takes more than one statement; one is a transaction by itself. */

static ngx_uint_t
ngx_ess_event_log_sqlite_query_several(ngx_ess_event_log_query_t *query)
{
    return query->id.data == NULL
           && (query->has_total || query->has_epoch || query->from
               || (query->has_after && (query->has_since
                                        || query->has_until)));
}


static int
ngx_ess_event_log_sqlite_query_run(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int  rc;

    if (query->has_epoch) {
        rc = ngx_ess_event_log_sqlite_query_epoch(h, query);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    if (query->has_total && query->id.data == NULL) {
        rc = ngx_ess_event_log_sqlite_query_total(h, query);

        if (rc != SQLITE_OK) {
            return rc;
        }
    }

    if (query->size == 0 && query->id.data == NULL) {
        return SQLITE_OK;
    }

    return ngx_ess_event_log_sqlite_query_page(h, query);
}


static int
ngx_ess_event_log_sqlite_query_epoch(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int            rc;
    sqlite3_stmt  *stmt;

    stmt = h->stmt[NGX_ESS_EVENT_LOG_SQLITE_EPOCH];

    rc = ngx_ess_sqlite_db_row(&h->db, stmt);

    if (rc == SQLITE_OK) {
        query->epoch = (uint64_t) sqlite3_column_int64(stmt, 0);
    }

    (void) sqlite3_reset(stmt);

    if (rc == SQLITE_OK && query->epoch == 0) {

        /* none: those who follow would never find that it is theirs */

        (void) snprintf(h->db.text, sizeof(h->db.text),
                        "the epoch in table \"log\" is 0 or no number, and has "
                        "to be another one");
        return SQLITE_MISMATCH;
    }

    return rc;
}


/* All, and those of a type, are counted as they come; those of a time are
   counted now. */

static int
ngx_ess_event_log_sqlite_query_total(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int            rc;
    char           sql[NGX_ESS_EVENT_LOG_SQLITE_TEXT], *p, *last;
    sqlite3_stmt  *stmt;

    p = sql;
    last = sql + sizeof(sql);

    if (query->has_since || query->has_until) {
        p += snprintf(p, last - p, "SELECT count(*) FROM event INDEXED BY %s"
                      " WHERE 1", query->type.data ? "event_type_time"
                                                   : "event_time");
        (void) ngx_ess_event_log_sqlite_query_where(query, 0, p, last);

    } else if (query->type.data) {
        (void) snprintf(p, last - p, "SELECT coalesce((SELECT events FROM type"
                                     " WHERE name = @type), 0)");
    } else {
        (void) snprintf(p, last - p, "SELECT events FROM log");
    }

    rc = ngx_ess_event_log_sqlite_kept(h, sql, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    ngx_ess_event_log_sqlite_query_bind(stmt, query);

    rc = ngx_ess_sqlite_db_row(&h->db, stmt);

    if (rc == SQLITE_OK) {
        query->total = (uint64_t) ngx_max(sqlite3_column_int64(stmt, 0), 0);
    }

    (void) sqlite3_reset(stmt);
    (void) sqlite3_clear_bindings(stmt);

    return rc;
}


/* Behind a cursor of an order by time are those of its very time, in order of
   seq, and then those of other times: an index finds both at once. */

static int
ngx_ess_event_log_sqlite_query_page(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int                              rc;
    uint64_t                         from;
    ngx_uint_t                       i, has_after;
    ngx_ess_event_log_sqlite_page_t  page;

    ngx_memzero(&page, sizeof(ngx_ess_event_log_sqlite_page_t));

    page.query = query;
    page.log = h->log;
    page.by_time = (query->has_since || query->has_until);

    if (query->id.data) {
        query->size = 1;
    }

    query->size = ngx_min(query->size, NGX_ESS_EVENT_LOG_MAX);

    page.used = query->size * sizeof(ngx_ess_event_log_row_t);
    page.size = page.used + NGX_ESS_EVENT_LOG_SQLITE_ROOM
                + query->size * NGX_ESS_EVENT_LOG_SQLITE_BODY;

    query->memory = ngx_alloc(page.size, h->log);
    if (query->memory == NULL) {
        return ngx_ess_sqlite_db_failed(&h->db, SQLITE_NOMEM);
    }

    from = query->from;
    has_after = query->has_after;

    rc = ngx_ess_event_log_sqlite_query_seek(h, query);

    if (rc == SQLITE_OK && page.by_time && query->has_after
        && query->id.data == NULL)
    {
        rc = ngx_ess_event_log_sqlite_query_part(h, &page, 1);
    }

    if (rc == SQLITE_OK && !page.full) {
        rc = ngx_ess_event_log_sqlite_query_part(h, &page, 0);
    }

    query->from = from;
    query->has_after = has_after;

    if (rc != SQLITE_OK) {
        return rc;
    }

    query->rows = query->memory;

    for (i = 0; i < query->nrows; i++) {

        /* an offset so far: the memory may have moved */

        query->rows[i].body.data = (u_char *) query->memory
                                   + (uintptr_t) query->rows[i].body.data;
    }

    return SQLITE_OK;
}


/*
 * How many events are to be left out says, of all of them, which one the page
 * is behind, as long as their numbers have no holes: the oldest ones go first.
 * Else they are counted off, one by one.
 */

static int
ngx_ess_event_log_sqlite_query_seek(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int            rc;
    uint64_t       first, last, events;
    sqlite3_stmt  *stmt;

    if (query->from == 0 || query->id.data || query->type.data
        || query->has_since || query->has_until || query->has_after)
    {
        return SQLITE_OK;
    }

    rc = ngx_ess_event_log_sqlite_kept(h,
              "SELECT (SELECT min(seq) FROM event),"
              " (SELECT max(seq) FROM event), (SELECT events FROM log)", &stmt);

    if (rc != SQLITE_OK) {
        return rc;
    }

    rc = ngx_ess_sqlite_db_row(&h->db, stmt);

    if (rc == SQLITE_OK) {
        first = (uint64_t) sqlite3_column_int64(stmt, 0);
        last = (uint64_t) sqlite3_column_int64(stmt, 1);
        events = (uint64_t) sqlite3_column_int64(stmt, 2);

        if (first && events == last - first + 1) {
            query->has_after = 1;
            query->from = ngx_min(query->from, events);
            query->after_seq = query->desc ? last + 1 - query->from
                                           : first - 1 + query->from;
            query->from = 0;
        }
    }

    (void) sqlite3_reset(stmt);

    return rc;
}


static int
ngx_ess_event_log_sqlite_query_part(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_page_t *page, ngx_uint_t equal)
{
    int                         rc;
    char                        sql[NGX_ESS_EVENT_LOG_SQLITE_TEXT], *p, *last;
    const char                 *op, *desc;
    sqlite3_stmt               *stmt;
    ngx_ess_event_log_query_t  *query;

    query = page->query;

    p = sql;
    last = sql + sizeof(sql);
    op = query->desc ? "<" : ">";
    desc = query->desc ? " DESC" : "";

    p += snprintf(p, last - p, "SELECT seq, time, body FROM event");

    if (query->id.data) {
        p += snprintf(p, last - p, " WHERE id = @id");
        goto ready;
    }

    if (page->by_time) {
        p += snprintf(p, last - p, " INDEXED BY %s",
                      query->type.data ? "event_type_time" : "event_time");

    } else if (query->type.data) {
        p += snprintf(p, last - p, " INDEXED BY event_type");
    }

    p += snprintf(p, last - p, " WHERE 1");
    p = ngx_ess_event_log_sqlite_query_where(query, query->has_after, p, last);

    if (equal) {
        p += snprintf(p, last - p, " AND time = @at AND seq %s @after"
                      " ORDER BY seq%s", op, desc);

    } else if (page->by_time) {
        if (query->has_after) {
            p += snprintf(p, last - p, " AND time %s @at", op);
        }

        p += snprintf(p, last - p, " ORDER BY time%s, seq%s", desc, desc);

    } else {
        if (query->has_after) {
            p += snprintf(p, last - p, " AND seq %s @after", op);
        }

        p += snprintf(p, last - p, " ORDER BY seq%s", desc);
    }

    p += snprintf(p, last - p, " LIMIT @size OFFSET @from");

ready:

    rc = ngx_ess_event_log_sqlite_kept(h, sql, &stmt);
    if (rc != SQLITE_OK) {
        return rc;
    }

    ngx_ess_event_log_sqlite_query_bind(stmt, query);

    rc = ngx_ess_event_log_sqlite_query_rows(h, page, stmt);

    (void) sqlite3_reset(stmt);
    (void) sqlite3_clear_bindings(stmt);

    return rc;
}


/*
 * Type and time.  Of two bounds on one side SQLite may take either for its
 * search: a cursor that is within the bound on its side replaces it.
 */

static char *
ngx_ess_event_log_sqlite_query_where(ngx_ess_event_log_query_t *query,
    ngx_uint_t cursor, char *p, char *last)
{
    ngx_uint_t  since, until;

    since = query->has_since && !(cursor && !query->desc
                                  && query->after_time >= query->since);
    until = query->has_until && !(cursor && query->desc
                                  && query->after_time < query->until);

    if (query->type.data) {
        p += snprintf(p, last - p, " AND type = @type");
    }

    if (since) {
        p += snprintf(p, last - p, " AND time >= @since");
    }

    if (until) {
        p += snprintf(p, last - p, " AND time < @until");
    }

    return p;
}


/* By the names of those that the statement has. */

static void
ngx_ess_event_log_sqlite_query_bind(sqlite3_stmt *stmt,
    ngx_ess_event_log_query_t *query)
{
    int  i;

#define ngx_ess_event_log_sqlite_param(name)                                  \
    (i = sqlite3_bind_parameter_index(stmt, name)) != 0

    if (ngx_ess_event_log_sqlite_param("@id")) {
        (void) sqlite3_bind_text(stmt, i, (const char *) query->id.data,
                                 (int) query->id.len, SQLITE_STATIC);
    }

    if (ngx_ess_event_log_sqlite_param("@type")) {
        (void) sqlite3_bind_text(stmt, i, (const char *) query->type.data,
                                 (int) query->type.len, SQLITE_STATIC);
    }

    if (ngx_ess_event_log_sqlite_param("@since")) {
        (void) sqlite3_bind_int64(stmt, i, query->since);
    }

    if (ngx_ess_event_log_sqlite_param("@until")) {
        (void) sqlite3_bind_int64(stmt, i, query->until);
    }

    if (ngx_ess_event_log_sqlite_param("@at")) {
        (void) sqlite3_bind_int64(stmt, i, query->after_time);
    }

    if (ngx_ess_event_log_sqlite_param("@after")) {
        (void) sqlite3_bind_int64(stmt, i,
                                  (sqlite3_int64) ngx_min(query->after_seq,
                                                          INT64_MAX));
    }

    if (ngx_ess_event_log_sqlite_param("@from")) {
        (void) sqlite3_bind_int64(stmt, i,
                                  (sqlite3_int64) ngx_min(query->from,
                                                          INT64_MAX));
    }

    /* with one more, to know whether there are more */

    if (ngx_ess_event_log_sqlite_param("@size")) {
        (void) sqlite3_bind_int64(stmt, i, query->size + 1);
    }

#undef ngx_ess_event_log_sqlite_param
}


static int
ngx_ess_event_log_sqlite_query_rows(ngx_ess_event_log_sqlite_handle_t *h,
    ngx_ess_event_log_sqlite_page_t *page, sqlite3_stmt *stmt)
{
    int  rc;

    for ( ;; ) {
        rc = sqlite3_step(stmt);

        if (rc == SQLITE_DONE) {
            return SQLITE_OK;
        }

        if (rc != SQLITE_ROW) {
            return ngx_ess_sqlite_db_failed(&h->db, rc);
        }

        rc = ngx_ess_event_log_sqlite_query_row(page, stmt);

        if (rc == SQLITE_NOMEM) {
            return ngx_ess_sqlite_db_failed(&h->db, rc);
        }

        if (page->full) {
            return SQLITE_OK;
        }
    }
}


static int
ngx_ess_event_log_sqlite_query_row(ngx_ess_event_log_sqlite_page_t *page,
    sqlite3_stmt *stmt)
{
    size_t                      len;
    const void                 *body;
    ngx_ess_event_log_row_t    *row;
    ngx_ess_event_log_query_t  *query;

    query = page->query;

    body = sqlite3_column_text(stmt, 2);
    len = (size_t) sqlite3_column_bytes(stmt, 2);

    if (query->nrows == query->size
        || (query->nrows
            && page->used + len
               > query->size * sizeof(ngx_ess_event_log_row_t)
                 + NGX_ESS_EVENT_LOG_PAGE))
    {
        query->more = 1;
        page->full = 1;

        return SQLITE_OK;
    }

    if (body == NULL
        || ngx_ess_event_log_sqlite_query_room(page, len) != NGX_OK)
    {
        return SQLITE_NOMEM;
    }

    row = (ngx_ess_event_log_row_t *) query->memory + query->nrows++;

    row->seq = (uint64_t) sqlite3_column_int64(stmt, 0);
    row->time = sqlite3_column_int64(stmt, 1);
    row->body.len = len;
    row->body.data = (u_char *) (uintptr_t) page->used;

    ngx_memcpy((u_char *) query->memory + page->used, body, len);
    page->used += len;

    return SQLITE_OK;
}


static ngx_int_t
ngx_ess_event_log_sqlite_query_room(ngx_ess_event_log_sqlite_page_t *page,
    size_t len)
{
    void    *memory;
    size_t   size;

    if (len <= page->size - page->used) {
        return NGX_OK;
    }

    size = ngx_max(2 * page->size, page->used + len);

    memory = ngx_alloc(size, page->log);
    if (memory == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(memory, page->query->memory, page->used);
    ngx_free(page->query->memory);

    page->query->memory = memory;
    page->size = size;

    return NGX_OK;
}
