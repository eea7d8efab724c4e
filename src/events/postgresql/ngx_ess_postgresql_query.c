/*
 * One event, a page of them, or how many there are: in one transaction that
 * only reads, which a standby can do as well.  In a thread; the query is its
 * caller's, what was found is copied to memory that is the query's.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_query.h"
#include "ngx_ess_postgresql_sql.h"


#define NGX_ESS_POSTGRESQL_QUERY_SIZE   1024

/* rows that are fetched at a time, at least, and so how many times at most */
#define NGX_ESS_POSTGRESQL_QUERY_FETCH  8
#define NGX_ESS_POSTGRESQL_QUERY_PARTS                                        \
    (NGX_ESS_EVENT_LOG_MAX / NGX_ESS_POSTGRESQL_QUERY_FETCH + 2)


/* a statement that is being made */

typedef struct {
    u_char                       sql[NGX_ESS_POSTGRESQL_QUERY_SIZE];
    u_char                      *p;
    u_char                      *last;
    const char                  *word;      /* before the next condition */
    ngx_ess_postgresql_params_t  params;
} ngx_ess_postgresql_query_sql_t;


/* what came of it, as libpq has it */

typedef struct {
    PGresult                    *parts[NGX_ESS_POSTGRESQL_QUERY_PARTS];
    ngx_uint_t                   n;
    ngx_uint_t                   rows;
    size_t                       bytes;     /* of bodies */
} ngx_ess_postgresql_query_found_t;


static ngx_int_t ngx_ess_postgresql_query_once(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_rows(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_fetch(
    ngx_ess_postgresql_connection_t *c, ngx_uint_t n, ngx_uint_t chunk,
    ngx_ess_postgresql_query_found_t *found);
static void ngx_ess_postgresql_query_part(
    ngx_ess_postgresql_query_found_t *found, PGresult *res);
static ngx_int_t ngx_ess_postgresql_query_total(
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_start(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_postgresql_handle_t *h, const char *head, const char *what);
static void ngx_ess_postgresql_query_where(ngx_ess_postgresql_query_sql_t *s,
    const char *fmt, int n);
static void ngx_ess_postgresql_query_filter(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_page(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_copy(
    ngx_ess_event_log_query_t *query, ngx_ess_postgresql_query_found_t *found,
    ngx_log_t *log);


void
ngx_ess_postgresql_query(void *handle, ngx_ess_event_log_query_t *query)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_int_t                         rc;
    ngx_uint_t                        tries;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    (void) ngx_thread_mutex_lock(&c->mutex, h->log);

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
        (void) ngx_cpystrn(query->text, c->text, sizeof(query->text));
    }

    (void) ngx_thread_mutex_unlock(&c->mutex, h->log);
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

    if (ngx_ess_postgresql_connection_do(c,
                              "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                              NGX_ESS_POSTGRESQL_LIMITS)
        != NGX_OK)
    {
        return ngx_ess_postgresql_handle_failed(h, c);
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


/*
 * libpq keeps all that a statement found: so what may be more than a page has
 * room for is fetched through a cursor, in parts, until the page is full.
 */

static ngx_int_t
ngx_ess_postgresql_query_rows(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    int                                n;
    PGresult                          *res;
    ngx_int_t                          rc;
    ngx_uint_t                         i, chunk, cursor;
    ngx_ess_postgresql_query_sql_t     s;
    ngx_ess_postgresql_connection_t   *c;
    ngx_ess_postgresql_query_found_t   found;

    c = &h->conf->server->reader;

    chunk = ngx_max(NGX_ESS_EVENT_LOG_PAGE / h->conf->max_event,
                    NGX_ESS_POSTGRESQL_QUERY_FETCH);

    cursor = (query->id.data == NULL && query->size + 1 > chunk);

    ngx_ess_postgresql_query_start(&s, h,
                cursor ? "DECLARE page NO SCROLL CURSOR FOR " : "",
                "seq, (extract(epoch FROM time) * 1000)::bigint, body");

    if (query->id.data) {
        n = ngx_ess_postgresql_param_text(&s.params, &query->id);
        ngx_ess_postgresql_query_where(&s, "id = $%d", n);

    } else {
        ngx_ess_postgresql_query_page(&s, query);
    }

    *s.p = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) s.sql, &s.params,
                                            cursor ? 0 : 3);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    ngx_memzero(&found, sizeof(ngx_ess_postgresql_query_found_t));

    rc = NGX_OK;

    if (cursor) {
        PQclear(res);
        rc = ngx_ess_postgresql_query_fetch(c, query->size + 1, chunk, &found);

    } else {
        ngx_ess_postgresql_query_part(&found, res);
    }

    if (rc != NGX_OK) {
        rc = ngx_ess_postgresql_handle_failed(h, c);

    } else {
        rc = ngx_ess_postgresql_query_copy(query, &found, h->log);

        if (rc != NGX_OK) {
            ngx_ess_postgresql_connection_text(c, "no memory");
            ngx_ess_postgresql_connection_close(c);
        }
    }

    for (i = 0; i < found.n; i++) {
        PQclear(found.parts[i]);
    }

    return rc;
}


/* n rows, or until they are more than a page takes */

static ngx_int_t
ngx_ess_postgresql_query_fetch(ngx_ess_postgresql_connection_t *c,
    ngx_uint_t n, ngx_uint_t chunk, ngx_ess_postgresql_query_found_t *found)
{
    u_char      sql[64];
    PGresult   *res;
    ngx_uint_t  rows;

    *ngx_snprintf(sql, sizeof(sql) - 1, "FETCH %ui FROM page", chunk) = '\0';

    do {
        res = ngx_ess_postgresql_connection_run(c, (char *) sql, NULL, 3);
        if (res == NULL) {
            return NGX_ERROR;
        }

        rows = PQntuples(res);

        ngx_ess_postgresql_query_part(found, res);

    } while (rows == chunk && found->rows < n
             && found->bytes <= NGX_ESS_EVENT_LOG_PAGE
             && found->n < NGX_ESS_POSTGRESQL_QUERY_PARTS);

    return NGX_OK;
}


static void
ngx_ess_postgresql_query_part(ngx_ess_postgresql_query_found_t *found,
    PGresult *res)
{
    int  i;

    found->parts[found->n++] = res;
    found->rows += PQntuples(res);

    for (i = 0; i < PQntuples(res); i++) {
        found->bytes += PQgetlength(res, i, 2);
    }
}


static ngx_int_t
ngx_ess_postgresql_query_total(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query)
{
    PGresult                         *res;
    ngx_ess_postgresql_query_sql_t    s;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->reader;

    ngx_ess_postgresql_query_start(&s, h, "", "count(*)");
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
    ngx_ess_postgresql_handle_t *h, const char *head, const char *what)
{
    ngx_memzero(&s->params, sizeof(ngx_ess_postgresql_params_t));

    s->last = s->sql + sizeof(s->sql) - 1;
    s->p = ngx_slprintf(s->sql, s->last, "%sSELECT %s FROM %V", head, what,
                        &h->conf->table);
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


static void
ngx_ess_postgresql_query_page(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query)
{
    int          n, by_time;
    const char  *desc, *than;

    by_time = (query->has_since || query->has_until);
    desc = query->desc ? " DESC" : "";
    than = query->desc ? "<" : ">";

    ngx_ess_postgresql_query_filter(s, query);

    if (query->has_after) {
        n = ngx_ess_postgresql_param_int(&s->params,
                                         (int64_t) query->after_seq);

        s->p = ngx_slprintf(s->p, s->last, "%s", s->word);

        if (by_time) {
            s->p = ngx_slprintf(s->p, s->last,
                        "(time, seq) %s "
                        "(to_timestamp($%d / 1000::float8), $%d)", than,
                        ngx_ess_postgresql_param_int(&s->params,
                                                     query->after_time),
                        n);
        } else {
            s->p = ngx_slprintf(s->p, s->last, "seq %s $%d", than, n);
        }
    }

    if (by_time) {
        s->p = ngx_slprintf(s->p, s->last, " ORDER BY time%s, seq%s", desc,
                            desc);
    } else {
        s->p = ngx_slprintf(s->p, s->last, " ORDER BY seq%s", desc);
    }

    /* one more than asked for says that there are more */

    n = ngx_ess_postgresql_param_int(&s->params, (int64_t) query->size + 1);
    s->p = ngx_slprintf(s->p, s->last, " LIMIT $%d", n);

    if (query->from) {
        n = ngx_ess_postgresql_param_int(&s->params,
                          (int64_t) ngx_min(query->from, (uint64_t) INT64_MAX));
        s->p = ngx_slprintf(s->p, s->last, " OFFSET $%d", n);
    }
}


static ngx_int_t
ngx_ess_postgresql_query_copy(ngx_ess_event_log_query_t *query,
    ngx_ess_postgresql_query_found_t *found, ngx_log_t *log)
{
    int                       i;
    size_t                    len, bytes;
    u_char                   *p;
    PGresult                 *res;
    ngx_uint_t                n, k;
    ngx_ess_event_log_row_t  *row;

    n = found->rows;

    if (query->id.data) {
        n = ngx_min(n, 1);

    } else if (n > query->size) {
        n = query->size;
        query->more = 1;
    }

    if (n == 0) {
        return NGX_OK;
    }

    /* what does not fit is left out below */

    bytes = ngx_min(found->bytes, NGX_ESS_EVENT_LOG_PAGE);
    len = PQgetlength(found->parts[0], 0, 2);
    bytes = ngx_max(bytes, len);

    query->memory = ngx_alloc(n * sizeof(ngx_ess_event_log_row_t) + bytes,
                              log);
    if (query->memory == NULL) {
        return NGX_ERROR;
    }

    query->rows = query->memory;

    p = (u_char *) (query->rows + n);

    for (k = 0; k < found->n; k++) {
        res = found->parts[k];

        for (i = 0; i < PQntuples(res) && query->nrows < n; i++) {
            len = PQgetlength(res, i, 2);

            if (len > bytes) {
                query->more = 1;
                return NGX_OK;
            }

            row = &query->rows[query->nrows++];

            row->seq = strtoull(PQgetvalue(res, i, 0), NULL, 10);
            row->time = strtoll(PQgetvalue(res, i, 1), NULL, 10);
            row->body.data = p;
            row->body.len = len;

            p = ngx_cpymem(p, PQgetvalue(res, i, 2), len);
            bytes -= len;
        }
    }

    return NGX_OK;
}
