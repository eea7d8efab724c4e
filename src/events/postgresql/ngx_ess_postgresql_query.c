/*
 * One event, a page of them, or how many there are: in one transaction that
 * only reads, which a standby can do as well.  In a thread; the query is its
 * caller's, what was found is copied to memory that is the query's.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_query.h"
#include "ngx_ess_postgresql_sql.h"


#define NGX_ESS_POSTGRESQL_QUERY_SIZE  1024


/* a statement that is being made */

typedef struct {
    u_char                       sql[NGX_ESS_POSTGRESQL_QUERY_SIZE];
    u_char                      *p;
    u_char                      *last;
    const char                  *word;      /* before the next condition */
    ngx_ess_postgresql_params_t  params;
} ngx_ess_postgresql_query_sql_t;


static ngx_int_t ngx_ess_postgresql_query_once(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_rows(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_total(
    ngx_ess_postgresql_handle_t *h, ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_start(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_postgresql_handle_t *h, const char *what);
static void ngx_ess_postgresql_query_where(ngx_ess_postgresql_query_sql_t *s,
    const char *fmt, int n);
static void ngx_ess_postgresql_query_filter(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static void ngx_ess_postgresql_query_page(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_postgresql_query_copy(
    ngx_ess_event_log_query_t *query, PGresult *res, ngx_log_t *log);


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

    ngx_ess_postgresql_query_start(&s, h,
                "seq, (extract(epoch FROM time) * 1000)::bigint, body");

    if (query->id.data) {
        n = ngx_ess_postgresql_param_text(&s.params, &query->id);
        ngx_ess_postgresql_query_where(&s, "id = $%d", n);

    } else {
        ngx_ess_postgresql_query_page(&s, query);
    }

    *s.p = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) s.sql, &s.params);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    rc = ngx_ess_postgresql_query_copy(query, res, h->log);

    PQclear(res);

    if (rc != NGX_OK) {
        (void) ngx_cpystrn(c->text, (u_char *) "no memory", sizeof(c->text));
        ngx_ess_postgresql_connection_close(c);
    }

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

    ngx_ess_postgresql_query_start(&s, h, "count(*)");
    ngx_ess_postgresql_query_filter(&s, query);

    *s.p = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) s.sql, &s.params);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    query->total = strtoull(PQgetvalue(res, 0, 0), NULL, 10);

    PQclear(res);

    return NGX_OK;
}


static void
ngx_ess_postgresql_query_start(ngx_ess_postgresql_query_sql_t *s,
    ngx_ess_postgresql_handle_t *h, const char *what)
{
    ngx_memzero(&s->params, sizeof(ngx_ess_postgresql_params_t));

    s->last = s->sql + sizeof(s->sql) - 1;
    s->p = ngx_slprintf(s->sql, s->last, "SELECT %s FROM %V", what,
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

    if (query->type.len) {
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
ngx_ess_postgresql_query_copy(ngx_ess_event_log_query_t *query, PGresult *res,
    ngx_log_t *log)
{
    int                       i, n;
    size_t                    len;
    u_char                   *p;
    ngx_ess_event_log_row_t  *row;

    n = PQntuples(res);

    if (query->id.data == NULL && (ngx_uint_t) n > query->size) {
        n = (int) query->size;
        query->more = 1;
    }

    len = 0;

    for (i = 0; i < n; i++) {
        len += PQgetlength(res, i, 2);

        if (i && len > NGX_ESS_EVENT_LOG_PAGE) {
            len -= PQgetlength(res, i, 2);
            n = i;
            query->more = 1;
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

    len += n * sizeof(ngx_ess_event_log_row_t);

    query->memory = ngx_alloc(len, log);
    if (query->memory == NULL) {
        return NGX_ERROR;
    }

    query->rows = query->memory;
    query->nrows = n;

    p = (u_char *) (query->rows + n);

    for (i = 0; i < n; i++) {
        row = &query->rows[i];

        row->seq = strtoull(PQgetvalue(res, i, 0), NULL, 10);
        row->time = strtoll(PQgetvalue(res, i, 1), NULL, 10);
        row->body.data = p;
        row->body.len = PQgetlength(res, i, 2);

        p = ngx_cpymem(p, PQgetvalue(res, i, 2), row->body.len);
    }

    return NGX_OK;
}
