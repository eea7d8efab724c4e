/*
 * Removes what is too old, or too much, from the log's beginning: some hundred
 * events at a time, under the log's lock, so that inserts get in between.  In a
 * thread.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_retain.h"


#define NGX_ESS_POSTGRESQL_RETAIN_STEP  500


static ngx_int_t ngx_ess_postgresql_retain_once(
    ngx_ess_postgresql_handle_t *h, int64_t now);
static PGresult *ngx_ess_postgresql_retain_delete(
    ngx_ess_postgresql_handle_t *h, int64_t now);


ngx_int_t
ngx_ess_postgresql_retain(void *handle, int64_t now, u_char *text, size_t size)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    if (h->conf->keep == 0 && h->conf->keep_size == 0) {
        return NGX_OK;
    }

    c = &h->conf->server->writer;

    (void) ngx_thread_mutex_lock(&c->mutex, h->log);

    rc = ngx_ess_postgresql_retain_once(h, now);

    if (rc == NGX_ERROR) {
        (void) ngx_cpystrn(text, c->text, size);
    }

    (void) ngx_thread_mutex_unlock(&c->mutex, h->log);

    return rc;
}


/* what fails is due again the next time: no second try */

static ngx_int_t
ngx_ess_postgresql_retain_once(ngx_ess_postgresql_handle_t *h, int64_t now)
{
    long                              n;
    PGresult                         *res;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    if (ngx_ess_postgresql_handle_open(h, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_postgresql_connection_do(c, h->conf->begin) != NGX_OK) {
        (void) ngx_ess_postgresql_handle_failed(h, c);
        return NGX_ERROR;
    }

    res = ngx_ess_postgresql_retain_delete(h, now);
    if (res == NULL) {
        (void) ngx_ess_postgresql_handle_failed(h, c);
        return NGX_ERROR;
    }

    n = strtol(PQcmdTuples(res), NULL, 10);

    PQclear(res);

    if (ngx_ess_postgresql_connection_do(c, "COMMIT") != NGX_OK) {
        (void) ngx_ess_postgresql_handle_failed(h, c);
        return NGX_ERROR;
    }

    return (n >= NGX_ESS_POSTGRESQL_RETAIN_STEP) ? NGX_AGAIN : NGX_OK;
}


/* the last event always stays: what follows it is counted from there */

static PGresult *
ngx_ess_postgresql_retain_delete(ngx_ess_postgresql_handle_t *h, int64_t now)
{
    u_char                       *p, *last;
    u_char                        sql[1024];
    const char                   *word;
    ngx_ess_postgresql_params_t   params;

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    last = sql + sizeof(sql) - 1;

    p = ngx_slprintf(sql, last,
            "WITH newest AS (SELECT seq, upto FROM %V ORDER BY seq DESC "
                "LIMIT 1), "
            "oldest AS (SELECT seq, upto, received FROM %V ORDER BY seq "
                "LIMIT %d) "
            "DELETE FROM %V WHERE seq IN (SELECT oldest.seq "
                "FROM oldest, newest WHERE oldest.seq < newest.seq AND (",
            &h->conf->table, &h->conf->table, NGX_ESS_POSTGRESQL_RETAIN_STEP,
            &h->conf->table);

    word = "";

    if (h->conf->keep) {
        p = ngx_slprintf(p, last,
                "oldest.received < to_timestamp($%d / 1000::float8)",
                ngx_ess_postgresql_param_int(&params,
                                   now - (int64_t) h->conf->keep * 1000));
        word = " OR ";
    }

    if (h->conf->keep_size) {
        p = ngx_slprintf(p, last, "%snewest.upto - oldest.upto >= $%d", word,
                         ngx_ess_postgresql_param_int(&params,
                                          (int64_t) h->conf->keep_size));
    }

    p = ngx_slprintf(p, last, "))");
    *p = '\0';

    return ngx_ess_postgresql_connection_run(&h->conf->server->writer,
                                             (char *) sql, &params, 0);
}
