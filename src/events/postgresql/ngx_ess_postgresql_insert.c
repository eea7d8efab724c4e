/*
 * Inserts as one transaction: the log's lock, the question which ids are there,
 * one INSERT of what is new, NOTIFY.  What is lost before the end is tried once
 * more; of a commit that nobody answered nothing is known.  In a thread; the
 * inserts are the core's.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_insert.h"
#include "ngx_ess_postgresql_merge.h"


/* what an event costs beside its texts, as keep_size counts it */
#define NGX_ESS_POSTGRESQL_INSERT_COST  160


static ngx_int_t ngx_ess_postgresql_insert_run(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n);
static void ngx_ess_postgresql_insert_fail(
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, u_char *text);
static ngx_int_t ngx_ess_postgresql_insert_once(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_insert_known(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_insert_store(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static u_char *ngx_ess_postgresql_insert_arrays(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge,
    ngx_ess_postgresql_params_t *params);
static ngx_int_t ngx_ess_postgresql_insert_stored(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge,
    PGresult *res);
static ngx_int_t ngx_ess_postgresql_insert_commit(
    ngx_ess_postgresql_handle_t *h, ngx_uint_t stored);


void
ngx_ess_postgresql_insert(void *handle, ngx_ess_event_log_insert_t **inserts,
    ngx_uint_t n)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_thread_mutex_t  *mutex;

    mutex = &h->conf->server->writer.mutex;

    (void) ngx_thread_mutex_lock(mutex, h->log);

    rc = ngx_ess_postgresql_insert_run(h, inserts, n);

    /* the server refuses what one of them has: the others do not suffer */

    if (rc == NGX_DECLINED && n > 1) {
        for (i = 0; i < n; i++) {
            (void) ngx_ess_postgresql_insert_run(h, &inserts[i], 1);
        }
    }

    (void) ngx_thread_mutex_unlock(mutex, h->log);
}


static ngx_int_t
ngx_ess_postgresql_insert_run(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n)
{
    ngx_int_t                         rc;
    ngx_uint_t                        tries;
    ngx_ess_postgresql_merge_t        merge;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    if (ngx_ess_postgresql_merge_init(&merge, inserts, n, h->log) != NGX_OK) {
        rc = NGX_ERROR;
        ngx_ess_postgresql_insert_fail(inserts, n, (u_char *) "no memory");
        goto done;
    }

    tries = 0;

    do {
        rc = ngx_ess_postgresql_insert_once(h, &merge);
    } while (rc == NGX_AGAIN && ++tries < 3);

    if (rc == NGX_OK) {
        ngx_ess_postgresql_merge_finish(&merge);

    } else {
        ngx_ess_postgresql_insert_fail(inserts, n, c->text);
    }

done:

    ngx_ess_postgresql_merge_done(&merge);

    return rc;
}


static void
ngx_ess_postgresql_insert_fail(ngx_ess_event_log_insert_t **inserts,
    ngx_uint_t n, u_char *text)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        inserts[i]->rc = NGX_BUSY;
        (void) ngx_cpystrn(inserts[i]->text, text, sizeof(inserts[i]->text));
    }
}


/* NGX_AGAIN: nothing was stored, and another try may do better */

static ngx_int_t
ngx_ess_postgresql_insert_once(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    rc = ngx_ess_postgresql_handle_open(h, c);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_ess_postgresql_merge_reset(merge);

    if (ngx_ess_postgresql_connection_do(c, h->conf->begin) != NGX_OK) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    if (merge->nheads) {
        rc = ngx_ess_postgresql_insert_known(h, merge);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_ess_postgresql_merge_decide(merge);

    if (merge->nstore) {
        rc = ngx_ess_postgresql_insert_store(h, merge);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_ess_postgresql_insert_commit(h, merge->nstore);
}


static ngx_int_t
ngx_ess_postgresql_insert_known(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    int                               i, n;
    size_t                            len;
    u_char                           *array, *p;
    u_char                            sql[256];
    PGresult                         *res;
    ngx_str_t                         id;
    ngx_uint_t                        k;
    unsigned char                    *hash;
    ngx_ess_postgresql_params_t       params;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;
    len = 0;

    for (k = 0; k < merge->nheads; k++) {
        len += merge->heads[k]->event->id.len;
    }

    array = ngx_alloc(ngx_ess_postgresql_array_size(merge->nheads, len),
                      h->log);
    if (array == NULL) {
        (void) ngx_cpystrn(c->text, (u_char *) "no memory", sizeof(c->text));
        ngx_ess_postgresql_connection_close(c);
        return NGX_ERROR;
    }

    p = ngx_ess_postgresql_array_head(array, NGX_ESS_POSTGRESQL_TEXT,
                                      merge->nheads);

    for (k = 0; k < merge->nheads; k++) {
        p = ngx_ess_postgresql_array_item(p, merge->heads[k]->event->id.data,
                                          merge->heads[k]->event->id.len);
    }

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    (void) ngx_ess_postgresql_param_array(&params, array, p - array);

    *ngx_snprintf(sql, sizeof(sql) - 1,
                  "SELECT id, seq, encode(hash, 'hex') FROM %V "
                  "WHERE id = ANY ($1::text[])", &h->conf->table) = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) sql, &params);

    ngx_free(array);

    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    n = PQntuples(res);

    for (i = 0; i < n; i++) {
        u_char  bytes[16];

        id.data = (u_char *) PQgetvalue(res, i, 0);
        id.len = PQgetlength(res, i, 0);
        hash = (u_char *) PQgetvalue(res, i, 2);

        ngx_memzero(bytes, sizeof(bytes));

        for (k = 0; k < 16 && PQgetlength(res, i, 2) == 32; k++) {
            bytes[k] = (u_char) ngx_hextoi(hash + 2 * k, 2);
        }

        (void) ngx_ess_postgresql_merge_known(merge, &id,
                              strtoull(PQgetvalue(res, i, 1), NULL, 10), bytes);
    }

    PQclear(res);

    return NGX_OK;
}


/*
 * One statement stores all that is new.  "upto" is the sum of what the events
 * up to this one cost: so what the log costs is known from its ends.  Who does
 * not take the lock may have inserted an id meanwhile: that is a conflict, and
 * everything is done again.
 */

static ngx_int_t
ngx_ess_postgresql_insert_store(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    u_char                           *memory;
    u_char                            sql[1280];
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_params_t       params;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    memory = ngx_ess_postgresql_insert_arrays(h, merge, &params);
    if (memory == NULL) {
        (void) ngx_cpystrn(c->text, (u_char *) "no memory", sizeof(c->text));
        ngx_ess_postgresql_connection_close(c);
        return NGX_ERROR;
    }

    *ngx_snprintf(sql, sizeof(sql) - 1,
        "WITH base AS (SELECT coalesce((SELECT upto FROM %V "
            "ORDER BY seq DESC LIMIT 1), 0) AS upto), "
        "new AS (SELECT nextval($1::text::regclass) AS seq, u.* "
            "FROM (SELECT * FROM unnest($2::text[], $3::text[], $4::bigint[], "
            "$5::text[], $6::bytea[]) WITH ORDINALITY "
            "AS a(id, type, ms, body, hash, n) ORDER BY n) u), "
        "done AS (INSERT INTO %V (seq, id, type, time, body, hash, upto) "
            "SELECT seq, coalesce(id, seq::text), type, "
            "to_timestamp(ms / 1000::float8), body::json, hash, "
            "(SELECT upto FROM base) + sum(%d + octet_length(body) "
            "+ 2 * coalesce(octet_length(id), 10) + 2 * octet_length(type)) "
            "OVER (ORDER BY n) FROM new ORDER BY n "
            "ON CONFLICT (id) DO NOTHING RETURNING seq) "
        "SELECT new.n, new.seq FROM new JOIN done USING (seq)",
        &h->conf->table, &h->conf->table, NGX_ESS_POSTGRESQL_INSERT_COST)
        = '\0';

    res = ngx_ess_postgresql_connection_run(c, (char *) sql, &params);

    ngx_free(memory);

    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    rc = ngx_ess_postgresql_insert_stored(h, merge, res);

    PQclear(res);

    return rc;
}


/* of what is new: ids, types, times, bodies and hashes; returns the memory */

static u_char *
ngx_ess_postgresql_insert_arrays(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, ngx_ess_postgresql_params_t *params)
{
    size_t                      size[5], len, n;
    u_char                     *memory, *p[5], *start[5];
    ngx_uint_t                  i, k;
    ngx_ess_event_log_event_t  *event;

    static const uint32_t  types[] = {
        NGX_ESS_POSTGRESQL_TEXT, NGX_ESS_POSTGRESQL_TEXT,
        NGX_ESS_POSTGRESQL_INT8, NGX_ESS_POSTGRESQL_TEXT,
        NGX_ESS_POSTGRESQL_BYTEA
    };

    n = merge->nstore;

    ngx_memzero(size, sizeof(size));

    size[2] = 8 * n;
    size[4] = 16 * n;

    for (i = 0; i < merge->n; i++) {
        if (merge->items[i].store) {
            event = merge->items[i].event;

            size[0] += event->id.len;
            size[1] += event->type.len;
            size[3] += event->body.len;
        }
    }

    len = 0;

    for (k = 0; k < 5; k++) {
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

    for (k = 0; k < 5; k++) {
        start[k] = memory + len;
        p[k] = ngx_ess_postgresql_array_head(start[k], types[k], n);
        len += ngx_ess_postgresql_array_size(n, size[k]);
    }

    for (i = 0; i < merge->n; i++) {

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
    }

    (void) ngx_ess_postgresql_param_text(params, &h->sequence);

    for (k = 0; k < 5; k++) {
        (void) ngx_ess_postgresql_param_array(params, start[k],
                                              p[k] - start[k]);
    }

    return memory;
}


/* rows: the number among those that were to be stored, from 1 on, and seq */

static ngx_int_t
ngx_ess_postgresql_insert_stored(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge, PGresult *res)
{
    uint64_t                          n;
    ngx_int_t                         rc;
    ngx_uint_t                        i, k, rows;
    ngx_ess_postgresql_item_t       **items;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;
    rows = PQntuples(res);

    if (rows != merge->nstore) {
        (void) ngx_ess_postgresql_handle_failed(h, c);
        (void) ngx_cpystrn(c->text, (u_char *) "somebody else inserts into the "
                           "table, without its lock", sizeof(c->text));
        return NGX_AGAIN;
    }

    items = ngx_alloc(rows * sizeof(ngx_ess_postgresql_item_t *), h->log);
    if (items == NULL) {
        (void) ngx_cpystrn(c->text, (u_char *) "no memory", sizeof(c->text));
        ngx_ess_postgresql_connection_close(c);
        return NGX_ERROR;
    }

    for (i = 0, k = 0; i < merge->n; i++) {
        if (merge->items[i].store) {
            items[k++] = &merge->items[i];
        }
    }

    rc = NGX_OK;

    for (i = 0; i < rows; i++) {
        n = strtoull(PQgetvalue(res, (int) i, 0), NULL, 10);

        if (n == 0 || n > rows) {
            ngx_ess_postgresql_connection_close(c);
            rc = NGX_ERROR;
            break;
        }

        ngx_ess_postgresql_merge_stored(items[n - 1],
                              strtoull(PQgetvalue(res, (int) i, 1), NULL, 10));
    }

    ngx_free(items);

    return rc;
}


static ngx_int_t
ngx_ess_postgresql_insert_commit(ngx_ess_postgresql_handle_t *h,
    ngx_uint_t stored)
{
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    res = ngx_ess_postgresql_connection_run(c, stored ? h->conf->commit
                                                      : "COMMIT", NULL);

    if (res == NULL) {

        /* never NGX_AGAIN: it may have been stored */

        (void) ngx_ess_postgresql_handle_failed(h, c);

        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (ngx_strcmp(PQcmdStatus(res), "COMMIT") != 0) {
        (void) ngx_cpystrn(c->text, (u_char *) "PostgreSQL took the "
                           "transaction back", sizeof(c->text));
        rc = NGX_ERROR;

    } else {
        c->turned = 0;
    }

    PQclear(res);

    return rc;
}
