/*
 * One INSERT of all that is new.  Where the server refuses something, less of
 * it is tried, until that is alone.  Events without an id have their number for
 * one: numbers that are ids already, from the time when the log had id=, are
 * passed by.  In a thread; nothing is owned.
 */


#include "ngx_ess_postgresql_store.h"
#include "ngx_ess_escape.h"


/* what an event costs beside its texts, as keep_size counts it */
#define NGX_ESS_POSTGRESQL_STORE_COST   160

#define NGX_ESS_POSTGRESQL_STORE_ARRAYS  6

/* numbers that are looked through at a time, at most, and how many times */
#define NGX_ESS_POSTGRESQL_STORE_NUMBERS  200000
#define NGX_ESS_POSTGRESQL_STORE_LOOKS    64

/* ms; so long others wait for the log's lock while refused events are sought */
#define NGX_ESS_POSTGRESQL_STORE_SEEK     2000


static ngx_int_t ngx_ess_postgresql_store_failed(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge,
    ngx_int_t rc);
static ngx_int_t ngx_ess_postgresql_store_begin(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_store_mend(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_store_behind(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_store_numbers(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge,
    ngx_uint_t n);
static ngx_int_t ngx_ess_postgresql_store_seek(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_store_range(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge,
    ngx_uint_t from, ngx_uint_t to);
static u_char *ngx_ess_postgresql_store_arrays(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to,
    ngx_ess_postgresql_params_t *params);
static ngx_int_t ngx_ess_postgresql_store_done(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to,
    PGresult *res);
static ngx_uint_t ngx_ess_postgresql_store_count(
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to);
static ngx_int_t ngx_ess_postgresql_store_no_memory(
    ngx_ess_postgresql_connection_t *c);


ngx_int_t
ngx_ess_postgresql_store(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_int_t  rc, next;

    rc = ngx_ess_postgresql_store_begin(h, merge);

    if (rc == NGX_OK) {
        rc = ngx_ess_postgresql_store_range(h, merge, 0, merge->n);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    next = ngx_ess_postgresql_store_failed(h, merge, rc);

    /* a trigger that leaves something out is no error of the statement's */

    return (rc == NGX_DECLINED && next == NGX_ERROR) ? NGX_DECLINED : next;
}


ngx_int_t
ngx_ess_postgresql_store_each(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_int_t  rc;

    rc = ngx_ess_postgresql_store_begin(h, merge);

    if (rc == NGX_OK) {
        rc = ngx_ess_postgresql_store_seek(h, merge);
    }

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    return ngx_ess_postgresql_store_failed(h, merge, rc);
}


static ngx_int_t
ngx_ess_postgresql_store_failed(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_int_t rc)
{
    ngx_int_t                         next;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    next = ngx_ess_postgresql_handle_failed(h, c);

    if (c->conn == NULL) {
        return next;
    }

    if (merge->behind) {
        return merge->mended ? NGX_ERROR : NGX_AGAIN;
    }

    return (rc == NGX_AGAIN) ? NGX_AGAIN : next;
}


static ngx_int_t
ngx_ess_postgresql_store_begin(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_uint_t  i, n;

    if (merge->behind && !merge->mended
        && ngx_ess_postgresql_store_mend(h, merge) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0, n = 0; i < merge->n; i++) {
        n += (merge->items[i].store && merge->items[i].event->id.len == 0);
    }

    return n ? ngx_ess_postgresql_store_numbers(h, merge, n) : NGX_OK;
}


/* The sequence is what a table has that was put back without it, or into which
   somebody inserted numbers of his own.  No transaction takes back what is set
   here. */

static ngx_int_t
ngx_ess_postgresql_store_mend(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    u_char                            sql[256];
    PGresult                         *res;
    ngx_ess_escaped_t                 sequence;
    ngx_ess_postgresql_params_t       params;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    /* set once in any case: a second look would find what the first one did */

    merge->mended = 1;

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    (void) ngx_ess_postgresql_param_text(&params, &h->sequence);

    *ngx_snprintf(sql, sizeof(sql) - 1,
                  "SELECT setval($1::text::regclass, greatest("
                  "(SELECT max(seq) FROM %V), nextval($1::text::regclass)))",
                  &h->conf->table) = '\0';

    res = ngx_ess_postgresql_connection_row(c, (char *) sql, &params, 1);
    if (res == NULL) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_WARN, h->log, 0,
                  "event log \"%V\": sequence %V was behind the last event, "
                  "and was set to %uL", &h->conf->name,
                  ngx_ess_escape(&sequence, &h->sequence),
                  (uint64_t) strtoull(PQgetvalue(res, 0, 0), NULL, 10));

    PQclear(res);

    merge->behind = 0;

    return NGX_OK;
}


/* Such numbers would be given twice, or be below what followers have read. */

static ngx_int_t
ngx_ess_postgresql_store_behind(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    merge->behind = 1;

    *ngx_snprintf(c->text, sizeof(c->text) - 1,
                  "sequence %V is behind the last event of the table",
                  &h->sequence) = '\0';

    return NGX_ERROR;
}


/* Each "seq" of those without an id, from the sequence, in their order.  No
   join: a hash of all ids would be made. */

static ngx_int_t
ngx_ess_postgresql_store_numbers(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t n)
{
    int                               i;
    u_char                            sql[384];
    PGresult                         *res;
    ngx_uint_t                        k, look, looks;
    ngx_ess_postgresql_params_t       params;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;
    look = n + 8;
    k = 0;

    *ngx_snprintf(sql, sizeof(sql) - 1,
        "SELECT n.seq FROM (SELECT nextval($1::text::regclass) AS seq "
            "FROM generate_series(1, $2::bigint)) n "
        "WHERE (SELECT count(*) FROM %V t WHERE t.id = n.seq::text) = 0 "
        "LIMIT $3::bigint", &h->conf->table) = '\0';

    for (looks = 0; looks < NGX_ESS_POSTGRESQL_STORE_LOOKS; looks++) {

        ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

        (void) ngx_ess_postgresql_param_text(&params, &h->sequence);
        (void) ngx_ess_postgresql_param_int(&params, (int64_t) look);
        (void) ngx_ess_postgresql_param_int(&params, (int64_t) n);

        res = ngx_ess_postgresql_connection_run(c, (char *) sql, &params, 1);
        if (res == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < PQntuples(res) && n; i++) {

            while (!merge->items[k].store || merge->items[k].event->id.len) {
                k++;
            }

            merge->items[k++].event->seq = strtoull(PQgetvalue(res, i, 0),
                                                    NULL, 10);
            n--;
        }

        PQclear(res);

        if (n == 0) {
            return NGX_OK;
        }

        look = ngx_min(8 * look, NGX_ESS_POSTGRESQL_STORE_NUMBERS);
    }

    ngx_ess_postgresql_connection_text(c, "too many numbers are ids of other "
                                       "events");
    return NGX_ERROR;
}


/* So many at a time as were stored last, and twice as many; of those that are
   refused half, until one is alone.  What was stored before stays.  NGX_AGAIN:
   an event was left out, and it may be that its id is there by now. */

static ngx_int_t
ngx_ess_postgresql_store_seek(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    uint64_t                          end;
    ngx_int_t                         rc;
    ngx_uint_t                        from, to, n, size;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;
    end = ngx_ess_postgresql_connection_now() + NGX_ESS_POSTGRESQL_STORE_SEEK;
    size = merge->n;
    from = 0;

    if (ngx_ess_postgresql_connection_do(c, "SAVEPOINT ess") != NGX_OK) {
        return NGX_ERROR;
    }

    while (from < merge->n) {

        if (!merge->items[from].store) {
            from++;
            continue;
        }

        for (to = from, n = 0; to < merge->n && n < size; to++) {
            n += merge->items[to].store;
        }

        rc = ngx_ess_postgresql_store_range(h, merge, from, to);

        if (rc == NGX_OK) {
            rc = ngx_ess_postgresql_connection_do(c, "RELEASE SAVEPOINT ess;"
                                                     "SAVEPOINT ess");
            from = to;
            size = 2 * n;

        } else if (rc == NGX_DECLINED) {

            if (n == 1) {

                if (c->sqlstate[0] == '\0' && merge->tries
                    && merge->items[from].event->id.len)
                {
                    return NGX_AGAIN;
                }

                ngx_ess_postgresql_merge_refused(merge, &merge->items[from]);
                from = to;
            }

            rc = ngx_ess_postgresql_connection_do(c,
                                                 "ROLLBACK TO SAVEPOINT ess");
            size = ngx_max(n / 2, 1);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        if (from < merge->n && ngx_ess_postgresql_connection_now() > end) {
            ngx_ess_postgresql_connection_text(c, "too many events of one "
                          "request are refused: to find them takes too long");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * "upto" is the sum of what the events up to this one cost: so what the log
 * costs is known from its ends.  Who does not take the lock may have inserted
 * an id meanwhile: then not all is stored.  NGX_OK; NGX_DECLINED: refused, by
 * an error, or, "sqlstate" is empty, left out; NGX_ERROR.
 */

static ngx_int_t
ngx_ess_postgresql_store_range(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to)
{
    u_char                           *memory;
    u_char                            sql[1536];
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_params_t       params;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    memory = ngx_ess_postgresql_store_arrays(h, merge, from, to, &params);
    if (memory == NULL) {
        return ngx_ess_postgresql_store_no_memory(c);
    }

    *ngx_snprintf(sql, sizeof(sql) - 1,
        "WITH base AS (SELECT seq, upto FROM %V "
            "ORDER BY seq DESC LIMIT 1), "
        "new AS (SELECT coalesce(u.number, nextval($1::text::regclass)) "
            "AS seq, u.* FROM (SELECT * FROM unnest($2::text[], $3::text[], "
            "$4::bigint[], $5::text[], $6::bytea[], $7::bigint[]) "
            "WITH ORDINALITY AS a(id, type, ms, body, hash, number, n) "
            "ORDER BY n) u), "
        "done AS (INSERT INTO %V (seq, id, type, time, body, hash, upto) "
            "SELECT seq, coalesce(id, seq::text), type, "
            "to_timestamp(ms / 1000::float8), body::json, hash, "
            "coalesce((SELECT upto FROM base), 0) "
            "+ sum(%d + octet_length(body) + 2 * octet_length(type) "
            "+ 2 * coalesce(octet_length(id), 10)) OVER (ORDER BY n) "
            "FROM new ORDER BY n "
            "ON CONFLICT (id) DO NOTHING RETURNING seq) "
        "SELECT new.n, new.seq, "
            "new.seq <= coalesce((SELECT seq FROM base), new.seq - 1) "
            "FROM new JOIN done USING (seq)",
        &h->conf->table, &h->conf->table, NGX_ESS_POSTGRESQL_STORE_COST)
        = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) sql, &params, 3);

    ngx_free(memory);

    if (res == NULL) {

        if (ngx_ess_postgresql_handle_behind(h, c)) {
            return ngx_ess_postgresql_store_behind(h, merge);
        }

        return ngx_ess_postgresql_handle_refused(c) ? NGX_DECLINED : NGX_ERROR;
    }

    rc = ngx_ess_postgresql_store_done(h, merge, from, to, res);

    PQclear(res);

    return rc;
}


/* of what is new: ids, types, times, bodies, hashes and numbers; returns the
   memory */

static u_char *
ngx_ess_postgresql_store_arrays(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to,
    ngx_ess_postgresql_params_t *params)
{
    size_t                      size[NGX_ESS_POSTGRESQL_STORE_ARRAYS], len, n;
    u_char                     *memory;
    u_char                     *p[NGX_ESS_POSTGRESQL_STORE_ARRAYS];
    u_char                     *start[NGX_ESS_POSTGRESQL_STORE_ARRAYS];
    ngx_uint_t                  i, k;
    ngx_ess_event_log_event_t  *event;

    static const uint32_t  types[NGX_ESS_POSTGRESQL_STORE_ARRAYS] = {
        NGX_ESS_POSTGRESQL_TEXT, NGX_ESS_POSTGRESQL_TEXT,
        NGX_ESS_POSTGRESQL_INT8, NGX_ESS_POSTGRESQL_TEXT,
        NGX_ESS_POSTGRESQL_BYTEA, NGX_ESS_POSTGRESQL_INT8
    };

    n = ngx_ess_postgresql_store_count(merge, from, to);

    ngx_memzero(size, sizeof(size));

    size[2] = 8 * n;
    size[4] = 16 * n;
    size[5] = 8 * n;

    for (i = from; i < to; i++) {
        if (merge->items[i].store) {
            event = merge->items[i].event;

            size[0] += event->id.len;
            size[1] += event->type.len;
            size[3] += event->body.len;
        }
    }

    len = 0;

    for (k = 0; k < NGX_ESS_POSTGRESQL_STORE_ARRAYS; k++) {
        len += ngx_ess_postgresql_array_size(n, size[k]);
    }

    /* more than a message of the protocol takes */

    if (len > 1000 * 1024 * 1024) {
        return NULL;
    }

    memory = ngx_alloc(len, h->log);
    if (memory == NULL) {
        return NULL;
    }

    len = 0;

    for (k = 0; k < NGX_ESS_POSTGRESQL_STORE_ARRAYS; k++) {
        start[k] = memory + len;
        p[k] = ngx_ess_postgresql_array_head(start[k], types[k], n);
        len += ngx_ess_postgresql_array_size(n, size[k]);
    }

    for (i = from; i < to; i++) {

        if (!merge->items[i].store) {
            continue;
        }

        event = merge->items[i].event;

        p[0] = ngx_ess_postgresql_array_item(p[0],
                                   event->id.len ? event->id.data : NULL,
                                   event->id.len);
        p[1] = ngx_ess_postgresql_array_item(p[1],
                                   event->type.len ? event->type.data
                                                   : (u_char *) "",
                                   event->type.len);
        p[2] = ngx_ess_postgresql_array_int(p[2], event->time);
        p[3] = ngx_ess_postgresql_array_item(p[3], event->body.data,
                                             event->body.len);
        p[4] = ngx_ess_postgresql_array_item(p[4], event->hash, 16);
        p[5] = event->id.len
               ? ngx_ess_postgresql_array_item(p[5], NULL, 0)
               : ngx_ess_postgresql_array_int(p[5], (int64_t) event->seq);
    }

    (void) ngx_ess_postgresql_param_text(params, &h->sequence);

    for (k = 0; k < NGX_ESS_POSTGRESQL_STORE_ARRAYS; k++) {
        (void) ngx_ess_postgresql_param_array(params, start[k],
                                              p[k] - start[k]);
    }

    return memory;
}


/* rows: the number among those that were to be stored, from 1 on; seq; and if
   it is not above all that were there */

static ngx_int_t
ngx_ess_postgresql_store_done(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_uint_t from, ngx_uint_t to,
    PGresult *res)
{
    uint64_t                          n;
    ngx_int_t                         rc;
    ngx_uint_t                        i, k, rows;
    ngx_ess_postgresql_item_t       **items;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;
    rows = PQntuples(res);

    if (rows != ngx_ess_postgresql_store_count(merge, from, to)) {
        ngx_ess_postgresql_connection_text(c, "a trigger leaves events out, or "
                                           "somebody inserts into the table "
                                           "without its lock");
        return NGX_DECLINED;
    }

    items = ngx_alloc(rows * sizeof(ngx_ess_postgresql_item_t *), h->log);
    if (items == NULL) {
        return ngx_ess_postgresql_store_no_memory(c);
    }

    for (i = from, k = 0; i < to; i++) {
        if (merge->items[i].store) {
            items[k++] = &merge->items[i];
        }
    }

    rc = NGX_OK;

    for (i = 0; i < rows; i++) {
        n = strtoull(PQgetvalue(res, (int) i, 0), NULL, 10);

        if (n == 0 || n > rows) {
            ngx_ess_postgresql_connection_close(c);
            ngx_ess_postgresql_connection_text(c, "the server answered with "
                                               "numbers of no event");
            rc = NGX_ERROR;
            break;
        }

        if (*PQgetvalue(res, (int) i, 2) == 't') {
            rc = ngx_ess_postgresql_store_behind(h, merge);
            break;
        }

        ngx_ess_postgresql_merge_stored(items[n - 1],
                              strtoull(PQgetvalue(res, (int) i, 1), NULL, 10));
    }

    ngx_free(items);

    return rc;
}


static ngx_uint_t
ngx_ess_postgresql_store_count(ngx_ess_postgresql_merge_t *merge,
    ngx_uint_t from, ngx_uint_t to)
{
    ngx_uint_t  n;

    for (n = 0; from < to; from++) {
        n += merge->items[from].store;
    }

    return n;
}


static ngx_int_t
ngx_ess_postgresql_store_no_memory(ngx_ess_postgresql_connection_t *c)
{
    ngx_ess_postgresql_connection_close(c);
    ngx_ess_postgresql_connection_text(c, "no memory");

    return NGX_ERROR;
}
