/*
 * Inserts as one transaction: the log's lock, the question which ids are there,
 * one INSERT of what is new, NOTIFY.  What is lost before the end is tried once
 * more; of a commit that nobody answered nothing is known.  If something is
 * refused each insert has a transaction of its own, in which that event is
 * sought.  In a thread; the inserts are the core's.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_insert.h"
#include "ngx_ess_postgresql_store.h"


static ngx_int_t ngx_ess_postgresql_insert_run(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, ngx_uint_t alone);
static void ngx_ess_postgresql_insert_fail(
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, u_char *text);
static ngx_int_t ngx_ess_postgresql_insert_once(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_insert_known(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
static ngx_int_t ngx_ess_postgresql_insert_undo(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_merge_t *merge);
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

    rc = ngx_ess_postgresql_insert_run(h, inserts, n, 0);

    /* the server refuses what one of them has: the others do not suffer */

    if (rc == NGX_DECLINED) {
        for (i = 0; i < n; i++) {
            (void) ngx_ess_postgresql_insert_run(h, &inserts[i], 1, 1);
        }
    }

    (void) ngx_thread_mutex_unlock(mutex, h->log);
}


static ngx_int_t
ngx_ess_postgresql_insert_run(ngx_ess_postgresql_handle_t *h,
    ngx_ess_event_log_insert_t **inserts, ngx_uint_t n, ngx_uint_t alone)
{
    ngx_int_t                         rc;
    ngx_ess_postgresql_merge_t        merge;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    if (ngx_ess_postgresql_merge_init(&merge, inserts, n, h->log) != NGX_OK) {
        rc = NGX_ERROR;
        ngx_ess_postgresql_insert_fail(inserts, n, (u_char *) "no memory");
        goto done;
    }

    merge.alone = alone;
    merge.tries = 3;

    do {
        merge.tries--;
        rc = ngx_ess_postgresql_insert_once(h, &merge);
    } while (rc == NGX_AGAIN && merge.tries);

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
        rc = merge->alone ? ngx_ess_postgresql_store_each(h, merge)
                          : ngx_ess_postgresql_store(h, merge);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (merge->nrefused && merge->inserts[0]->atomic) {
        return ngx_ess_postgresql_insert_undo(h, merge);
    }

    rc = ngx_ess_postgresql_insert_commit(h, merge->nstore);

    if (rc == NGX_DECLINED && merge->alone && merge->nstore == 1) {

        /* by a trigger that waits for the end */

        return ngx_ess_postgresql_insert_undo(h, merge);
    }

    return rc;
}


/* Of an insert that is alone: what is wanted of it is refused, as it is one
   event, or all or none. */

static ngx_int_t
ngx_ess_postgresql_insert_undo(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_merge_t *merge)
{
    ngx_uint_t                        i;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    if (merge->nrefused == 0) {

        for (i = 0; i < merge->n; i++) {
            if (merge->items[i].store) {
                ngx_ess_postgresql_merge_refused(merge, &merge->items[i]);
            }
        }
    }

    if (merge->inserts[0]->atomic) {
        merge->inserts[0]->rc = NGX_DECLINED;
    }

    if (ngx_ess_postgresql_connection_do(c, "ROLLBACK") != NGX_OK) {
        ngx_ess_postgresql_connection_close(c);
    }

    return NGX_OK;
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

    res = ngx_ess_postgresql_connection_run(c, (char *) sql, &params, 3);

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


static ngx_int_t
ngx_ess_postgresql_insert_commit(ngx_ess_postgresql_handle_t *h,
    ngx_uint_t stored)
{
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    res = ngx_ess_postgresql_connection_run(c, stored ? h->conf->commit
                                                      : "COMMIT", NULL, 0);

    if (res == NULL) {

        /* never NGX_AGAIN: it may have been stored, unless it is refused; a
           limit (class 54) is that of notifications that nobody has read yet,
           and no fault of an event */

        rc = ngx_ess_postgresql_handle_failed(h, c);

        return (rc == NGX_DECLINED && ngx_strncmp(c->sqlstate, "54", 2) != 0)
               ? NGX_DECLINED : NGX_ERROR;
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
