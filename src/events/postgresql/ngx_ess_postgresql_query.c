/*
 * One event, a page of them, or how many there are: in one transaction that
 * only reads, which a standby can do as well.  In a thread; the query is its
 * caller's, what was found is copied to memory that is the query's.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_query.h"
#include "ngx_ess_postgresql_sql.h"


#define NGX_ESS_POSTGRESQL_QUERY_SIZE   1536

#define NGX_ESS_POSTGRESQL_QUERY_MS                                           \
    "(extract(epoch FROM time) * 1000)::bigint"

#define ngx_ess_postgresql_query_by_time(query)                               \
    ((query)->has_since || (query)->has_until)


/* a statement that is being made */

typedef struct {
    u_char                       sql[NGX_ESS_POSTGRESQL_QUERY_SIZE];
    u_char                      *p;
    u_char                      *last;
    const char                  *word;      /* before the next condition */
    ngx_ess_postgresql_params_t  params;
} ngx_ess_postgresql_query_sql_t;


static void ngx_ess_postgresql_query_tries(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_once(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_begin(
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_rows(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_total(
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_start(ngx_ess_postgresql_query_sql_t *s,
    const char *what, ngx_str_t *table);
static void ngx_ess_postgresql_query_where(ngx_ess_postgresql_query_sql_t *s,
    const char *fmt, int n);
static void ngx_ess_postgresql_query_filter(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_page(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_bounds(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_bound(ngx_ess_postgresql_query_sql_t *s,
    int type, const char *than, int64_t *time, uint64_t *seq);
static ngx_int_t ngx_ess_postgresql_query_copy(
    ngx_ess_event_log_query_t *query, PGresult *res, ngx_log_t *log);


ngx_uint_t
ngx_ess_postgresql_query(void *handle, ngx_ess_event_log_query_t **queries,
    ngx_uint_t n)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_uint_t                        asked;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;
    asked = 0;

    (void) ngx_atomic_fetch_add(&c->waiting, 1);
    (void) ngx_thread_mutex_lock(&c->mutex, h->log);
    (void) ngx_atomic_fetch_add(&c->waiting, -1);

    /* who let go of the mutex and took it again at once would have it before
       those who are woken, such as one by whom all followers wait */

    do {
        ngx_ess_postgresql_query_tries(h, queries[asked]);
    } while (queries[asked++]->rc == NGX_OK && asked < n && c->waiting == 0);

    (void) ngx_thread_mutex_unlock(&c->mutex, h->log);

    return asked;
}


static void
ngx_ess_postgresql_query_tries(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    ngx_int_t   rc;
    ngx_uint_t  tries;

    query->memory = NULL;
    tries = 0;

    do {
        if (query->memory) {
            ngx_free(query->memory);
        }

        query->rows = NULL;
        query->nrows = 0;
        query->total = 0;
        query->more = 0;
        query->memory = NULL;

        rc = ngx_ess_postgresql_query_once(h, query);

    } while (rc == NGX_AGAIN && ++tries < 3);

    query->rc = NGX_OK;

    if (rc != NGX_OK) {
        query->rc = NGX_BUSY;
        query->nrows = 0;
        (void) ngx_cpystrn(query->text, h->conf->server->reader.text,
                           sizeof(query->text));
    }
}


static ngx_int_t
ngx_ess_postgresql_query_once(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    rc = ngx_ess_postgresql_handle_open(h, c);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_ess_postgresql_query_begin(h, query);
    if (rc != NGX_OK) {
        return rc;
    }

    if (query->id.data || query->size) {
        rc = ngx_ess_postgresql_query_rows(h, query);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (query->has_total && query->id.data == NULL) {
        rc = ngx_ess_postgresql_query_total(h, query);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* what was read is read */

    if (ngx_ess_postgresql_connection_do(c, "COMMIT") != NGX_OK) {
        ngx_ess_postgresql_connection_close(c);
    }

    return NGX_OK;
}


/* The epoch is of the moment that the rows are of. */

static ngx_int_t
ngx_ess_postgresql_query_begin(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_uint_t                        there;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    if (!query->has_epoch) {
        rc = ngx_ess_postgresql_connection_do(c, NGX_ESS_POSTGRESQL_READ);

        return (rc == NGX_OK) ? NGX_OK
                              : ngx_ess_postgresql_handle_failed(h, c);
    }

    res = ngx_ess_postgresql_connection_run(c, h->conf->read, NULL, 1);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    there = (PQntuples(res) == 1);

    if (there) {
        query->epoch = (uint64_t) strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    }

    PQclear(res);

    if (there && query->epoch) {
        return NGX_OK;
    }

    /* somebody deleted it: it is made again */

    h->ready = 0;

    ngx_ess_postgresql_connection_text(c, "ess_meta has no epoch of this log");

    return (ngx_ess_postgresql_connection_do(c, "ROLLBACK") == NGX_OK)
           ? NGX_AGAIN : NGX_ERROR;
}


static ngx_int_t
ngx_ess_postgresql_query_rows(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int                               n;
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_query_sql_t    s;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    if (query->id.data) {
        ngx_ess_postgresql_query_start(&s, "SELECT seq, "
                                       NGX_ESS_POSTGRESQL_QUERY_MS ", body",
                                       &h->conf->table);

        n = ngx_ess_postgresql_param_text(&s.params, &query->id);
        ngx_ess_postgresql_query_where(&s, "id = $%d", n);

    } else {
        ngx_ess_postgresql_query_page(&s, h, query);
    }

    *s.p = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) s.sql, &s.params, 3);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    rc = ngx_ess_postgresql_query_copy(query, res, h->log);

    if (rc != NGX_OK) {
        ngx_ess_postgresql_connection_text(c, "no memory");
        ngx_ess_postgresql_connection_close(c);
    }

    PQclear(res);

    return rc;
}


static ngx_int_t
ngx_ess_postgresql_query_total(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    PGresult                         *res;
    ngx_ess_postgresql_query_sql_t    s;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    ngx_ess_postgresql_query_start(&s, "SELECT count(*)", &h->conf->table);
    ngx_ess_postgresql_query_filter(&s, query);

    *s.p = '\0';

    res = ngx_ess_postgresql_connection_row(c, (char *) s.sql, &s.params, 1);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    query->total = strtoull(PQgetvalue(res, 0, 0), NULL, 10);

    PQclear(res);

    return NGX_OK;
}


static void
ngx_ess_postgresql_query_start(ngx_ess_postgresql_query_sql_t *s,
    const char *what, ngx_str_t *table)
{
    ngx_memzero(&s->params, sizeof(ngx_ess_postgresql_params_t));

    s->last = s->sql + sizeof(s->sql) - 1;
    s->p = ngx_slprintf(s->sql, s->last, "%s FROM %V", what, table);
    s->word = " WHERE ";
}


static void
ngx_ess_postgresql_query_where(ngx_ess_postgresql_query_sql_t *s,
    const char *fmt, int n)
{
    s->p = ngx_slprintf(s->p, s->last, "%s", s->word);
    s->p = ngx_slprintf(s->p, s->last, fmt, n);
    s->word = " AND ";
}


static void
ngx_ess_postgresql_query_filter(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query)
{
    int  n;

    if (query->type.data) {
        n = ngx_ess_postgresql_param_text(&s->params, &query->type);
        ngx_ess_postgresql_query_where(s, "type = $%d", n);
    }

    if (query->has_since) {
        n = ngx_ess_postgresql_param_int(&s->params, query->since);
        ngx_ess_postgresql_query_where(s,
                                 "time >= to_timestamp($%d / 1000::float8)", n);
    }

    if (query->has_until) {
        n = ngx_ess_postgresql_param_int(&s->params, query->until);
        ngx_ess_postgresql_query_where(s,
                                 "time < to_timestamp($%d / 1000::float8)", n);
    }
}


/*
 * In the order of an index, whose first column is the type where there is one:
 * to an order by seq alone PostgreSQL would filter, through all of the log if
 * the type is only at its other end.  libpq keeps all that a statement found:
 * so what a page has no room for comes without its body, whatever the largest
 * event was when it was stored.
 */

static void
ngx_ess_postgresql_query_page(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query)
{
    int          n;
    u_char      *p;
    u_char       order[64];
    const char  *desc;

    desc = query->desc ? " DESC" : "";
    p = order;

    if (query->type.data) {
        p = ngx_sprintf(p, "type%s, ", desc);
    }

    if (ngx_ess_postgresql_query_by_time(query)) {
        p = ngx_sprintf(p, "time%s, ", desc);
    }

    *ngx_sprintf(p, "seq%s", desc) = '\0';

    ngx_ess_postgresql_query_start(s, "SELECT seq, "
                     NGX_ESS_POSTGRESQL_QUERY_MS ", "
                     "CASE WHEN row_number() OVER w = 1 "
                     "OR sum(size) OVER w <= "
                     ngx_value(NGX_ESS_EVENT_LOG_PAGE) " THEN body END "
                     "FROM (SELECT seq, type, time, body, size",
                     &h->conf->table);

    ngx_ess_postgresql_query_bounds(s, query);

    /* one more than asked for says that there are more */

    n = ngx_ess_postgresql_param_int(&s->params, (int64_t) query->size + 1);
    s->p = ngx_slprintf(s->p, s->last, " ORDER BY %s LIMIT $%d", order, n);

    if (query->from) {
        n = ngx_ess_postgresql_param_int(&s->params,
                          (int64_t) ngx_min(query->from, (uint64_t) INT64_MAX));
        s->p = ngx_slprintf(s->p, s->last, " OFFSET $%d", n);
    }

    s->p = ngx_slprintf(s->p, s->last, ") p WINDOW w AS (ORDER BY %s "
                        "ROWS UNBOUNDED PRECEDING) ORDER BY %s", order, order);
}


/*
 * One bound on each side, in terms of the index.  A cursor replaces that of its
 * side, if it is within it, as it is unless somebody put it to another query.
 */

static void
ngx_ess_postgresql_query_bounds(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query)
{
    int         type;
    ngx_uint_t  since, until;

    type = query->type.data
           ? ngx_ess_postgresql_param_text(&s->params, &query->type) : 0;

    since = 1;
    until = 1;

    if (query->has_after) {
        since = (query->desc
                 || (query->has_since && query->after_time < query->since));
        until = (!query->desc
                 || (query->has_until && query->after_time >= query->until));

        ngx_ess_postgresql_query_bound(s, type, query->desc ? "<" : ">",
                                  ngx_ess_postgresql_query_by_time(query)
                                      ? &query->after_time : NULL,
                                  &query->after_seq);
    }

    if (since && (type || query->has_since)) {
        ngx_ess_postgresql_query_bound(s, type, ">=",
                              query->has_since ? &query->since : NULL, NULL);
    }

    if (until && (type || query->has_until)) {
        ngx_ess_postgresql_query_bound(s, type,
                              query->has_until ? "<" : "<=",
                              query->has_until ? &query->until : NULL, NULL);
    }
}


/* such as (type, time, seq) > ($1, $2, $3); "type" is a parameter, or 0 */

static void
ngx_ess_postgresql_query_bound(ngx_ess_postgresql_query_sql_t *s, int type,
    const char *than, int64_t *time, uint64_t *seq)
{
    u_char      *p;
    u_char       values[128];
    const char  *comma;

    p = values;
    comma = "";

    s->p = ngx_slprintf(s->p, s->last, "%s(", s->word);
    s->word = " AND ";

    if (type) {
        s->p = ngx_slprintf(s->p, s->last, "type");
        p = ngx_sprintf(p, "$%d", type);
        comma = ", ";
    }

    if (time) {
        s->p = ngx_slprintf(s->p, s->last, "%stime", comma);
        p = ngx_sprintf(p, "%sto_timestamp($%d / 1000::float8)", comma,
                        ngx_ess_postgresql_param_int(&s->params, *time));
        comma = ", ";
    }

    if (seq) {
        s->p = ngx_slprintf(s->p, s->last, "%sseq", comma);
        p = ngx_sprintf(p, "%s$%d", comma,
                        ngx_ess_postgresql_param_int(&s->params,
                                                     (int64_t) *seq));
    }

    *p = '\0';

    s->p = ngx_slprintf(s->p, s->last, ") %s (%s)", than, values);
}


static ngx_int_t
ngx_ess_postgresql_query_copy(ngx_ess_event_log_query_t *query, PGresult *res,
    ngx_log_t *log)
{
    int                       i, n, rows;
    size_t                    bytes, len;
    u_char                   *p;
    ngx_ess_event_log_row_t  *row;

    rows = PQntuples(res);
    n = query->id.data ? 1 : (int) query->size;
    n = ngx_min(n, rows);
    bytes = 0;

    /* somebody else may have written what the size does not say */

    for (i = 0; i < n && !PQgetisnull(res, i, 2); i++) {
        len = PQgetlength(res, i, 2);

        if (i && bytes + len > NGX_ESS_EVENT_LOG_PAGE) {
            break;
        }

        bytes += len;
    }

    n = i;

    if (n == 0) {
        return NGX_OK;
    }

    query->more = (query->id.data == NULL && n < rows);

    query->memory = ngx_alloc(n * sizeof(ngx_ess_event_log_row_t) + bytes,
                              log);
    if (query->memory == NULL) {
        return NGX_ERROR;
    }

    query->rows = query->memory;
    query->nrows = n;

    p = (u_char *) (query->rows + n);

    for (i = 0; i < n; i++) {
        len = PQgetlength(res, i, 2);
        row = &query->rows[i];

        row->seq = strtoull(PQgetvalue(res, i, 0), NULL, 10);
        row->time = strtoll(PQgetvalue(res, i, 1), NULL, 10);
        row->body.data = p;
        row->body.len = len;

        p = ngx_cpymem(p, PQgetvalue(res, i, 2), len);
    }

    return NGX_OK;
}
