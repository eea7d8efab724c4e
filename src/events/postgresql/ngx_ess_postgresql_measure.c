/*
 * Figures of a log's table.  Counting takes as long as there are events: of
 * very many the server's own figures do.  In a thread.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_measure.h"
#include "ngx_ess_postgresql_sql.h"


static ngx_int_t ngx_ess_postgresql_measure_once(
    ngx_ess_postgresql_handle_t *h, uint64_t *events, uint64_t *bytes);


ngx_int_t
ngx_ess_postgresql_measure(void *handle, uint64_t *events, uint64_t *bytes,
    u_char *text, size_t size)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    (void) ngx_thread_mutex_lock(&c->mutex, h->log);

    rc = ngx_ess_postgresql_measure_once(h, events, bytes);

    if (rc != NGX_OK) {
        rc = NGX_ERROR;
        (void) ngx_cpystrn(text, c->text, size);
    }

    (void) ngx_thread_mutex_unlock(&c->mutex, h->log);

    return rc;
}


static ngx_int_t
ngx_ess_postgresql_measure_once(ngx_ess_postgresql_handle_t *h,
    uint64_t *events, uint64_t *bytes)
{
    u_char                            sql[512];
    PGresult                         *res;
    ngx_int_t                         rc;
    ngx_ess_postgresql_connection_t  *c;

    c = &h->conf->server->writer;

    if (ngx_ess_postgresql_handle_open(h, c) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_ess_postgresql_connection_do(c, "BEGIN;"
                                         NGX_ESS_POSTGRESQL_LIMITS)
        != NGX_OK)
    {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    *ngx_snprintf(sql, sizeof(sql) - 1,
                  "SELECT CASE WHEN reltuples > 100000 "
                  "THEN coalesce(nullif(pg_stat_get_live_tuples(oid), 0), "
                  "reltuples::bigint) ELSE (SELECT count(*) FROM %V) END, "
                  "pg_total_relation_size(oid), "
                  "current_setting('transaction_read_only') "
                  "FROM pg_class WHERE oid = '%V'::regclass",
                  &h->conf->table, &h->conf->table) = '\0';

    res = ngx_ess_postgresql_connection_row(c, (char *) sql, NULL, 3);
    if (res == NULL) {
        return ngx_ess_postgresql_handle_failed(h, c);
    }

    *events = strtoull(PQgetvalue(res, 0, 0), NULL, 10);
    *bytes = strtoull(PQgetvalue(res, 0, 1), NULL, 10);

    rc = (ngx_strcmp(PQgetvalue(res, 0, 2), "off") == 0) ? NGX_OK : NGX_ERROR;

    PQclear(res);

    if (ngx_ess_postgresql_connection_do(c, "COMMIT") != NGX_OK) {
        ngx_ess_postgresql_connection_close(c);
    }

    if (rc == NGX_ERROR) {
        (void) ngx_cpystrn(c->text, (u_char *) "the server only reads",
                           sizeof(c->text));
    }

    return rc;
}
