/*
 * Handles of event logs in PostgreSQL, and the tables of a log, which whoever
 * comes first makes.  Handles are a worker's; what is below create() and
 * destroy() runs in its threads.
 */


#include "ngx_ess_postgresql_handle.h"
#include "ngx_ess_postgresql_sql.h"


static ngx_int_t ngx_ess_postgresql_handle_tables(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_connection_t *c);
static ngx_int_t ngx_ess_postgresql_handle_find(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_connection_t *c);
static ngx_int_t ngx_ess_postgresql_handle_make(
    ngx_ess_postgresql_handle_t *h, ngx_ess_postgresql_connection_t *c);
static void ngx_ess_postgresql_handle_tell(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c);


void *
ngx_ess_postgresql_handle_create(ngx_ess_event_log_t *log, ngx_log_t *l)
{
    ngx_ess_postgresql_conf_t    *conf;
    ngx_ess_postgresql_server_t  *server;
    ngx_ess_postgresql_handle_t  *h;

    conf = log->engine_conf;
    server = conf->server;

    h = ngx_calloc(sizeof(ngx_ess_postgresql_handle_t), l);
    if (h == NULL) {
        return NULL;
    }

    h->conf = conf;
    h->log = l;

    if (server->users == 0) {
        if (ngx_thread_mutex_create(&server->writer.mutex, l) != NGX_OK) {
            ngx_free(h);
            return NULL;
        }

        if (ngx_thread_mutex_create(&server->reader.mutex, l) != NGX_OK) {
            (void) ngx_thread_mutex_destroy(&server->writer.mutex, l);
            ngx_free(h);
            return NULL;
        }
    }

    server->users++;

    return h;
}


void
ngx_ess_postgresql_handle_destroy(void *handle)
{
    ngx_ess_postgresql_handle_t  *h = handle;

    ngx_ess_postgresql_server_t  *server;

    server = h->conf->server;

    if (--server->users == 0) {
        ngx_ess_postgresql_connection_close(&server->writer);
        ngx_ess_postgresql_connection_close(&server->reader);

        (void) ngx_thread_mutex_destroy(&server->writer.mutex, h->log);
        (void) ngx_thread_mutex_destroy(&server->reader.mutex, h->log);
    }

    ngx_free(h);
}


ngx_int_t
ngx_ess_postgresql_handle_open(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    if (ngx_ess_postgresql_connection_open(c) != NGX_OK) {
        return NGX_ERROR;
    }

    return h->ready ? NGX_OK : ngx_ess_postgresql_handle_tables(h, c);
}


static ngx_int_t
ngx_ess_postgresql_handle_tables(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    ngx_int_t  rc;

    rc = ngx_ess_postgresql_handle_find(h, c);

    if (rc == NGX_DECLINED) {
        rc = ngx_ess_postgresql_handle_make(h, c);

        if (rc == NGX_OK) {
            rc = ngx_ess_postgresql_handle_find(h, c);
        }
    }

    if (rc == NGX_DECLINED) {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        h->ready = 1;
        h->told = 0;
    }

    return rc;
}


/* NGX_DECLINED: there are none */

static ngx_int_t
ngx_ess_postgresql_handle_find(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    int                           version;
    char                         *sequence;
    size_t                        len;
    PGresult                     *res;
    ngx_ess_postgresql_params_t   params;

    ngx_memzero(&params, sizeof(ngx_ess_postgresql_params_t));

    (void) ngx_ess_postgresql_param_text(&params, &h->conf->table);
    (void) ngx_ess_postgresql_param_text(&params, &h->conf->name);

    res = ngx_ess_postgresql_connection_run(c,
              "SELECT version, pg_get_serial_sequence($1, 'seq') "
              "FROM ess_meta WHERE name = $2", &params, 2);

    if (res == NULL) {

        /* undefined_table, invalid_schema_name */

        if (ngx_strcmp(c->sqlstate, "42P01") == 0
            || ngx_strcmp(c->sqlstate, "3F000") == 0)
        {
            return NGX_DECLINED;
        }

        return ngx_ess_postgresql_handle_failed(h, c);
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        *ngx_snprintf(c->text, sizeof(c->text) - 1,
                      "ess_meta has no row of this log") = '\0';
        return NGX_DECLINED;
    }

    version = (int) strtol(PQgetvalue(res, 0, 0), NULL, 10);
    sequence = PQgetvalue(res, 0, 1);
    len = ngx_strlen(sequence);

    if (version != NGX_ESS_POSTGRESQL_VERSION) {
        *ngx_snprintf(c->text, sizeof(c->text) - 1,
                      "the tables of this log have version %d, and this nginx "
                      "knows %d", version, NGX_ESS_POSTGRESQL_VERSION) = '\0';
        PQclear(res);
        return NGX_ERROR;
    }

    if (len == 0 || len > sizeof(h->buf)) {
        *ngx_snprintf(c->text, sizeof(c->text) - 1,
                      "column seq of %V has no sequence of its own",
                      &h->conf->table) = '\0';
        PQclear(res);
        return NGX_ERROR;
    }

    ngx_memcpy(h->buf, sequence, len);
    h->sequence.data = h->buf;
    h->sequence.len = len;

    PQclear(res);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_postgresql_handle_make(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    u_char  *last;

    /* one lock for all logs: they share ess_meta */

    if (ngx_ess_postgresql_connection_do(c, "BEGIN;" NGX_ESS_POSTGRESQL_LIMITS
                               "SELECT pg_advisory_xact_lock(hashtext('ess'))")
        == NGX_OK
        && ngx_ess_postgresql_connection_do(c, h->conf->create) == NGX_OK
        && ngx_ess_postgresql_connection_do(c, "COMMIT") == NGX_OK)
    {
        ngx_log_error(NGX_LOG_NOTICE, h->log, 0,
                      "event log \"%V\": made its tables in PostgreSQL",
                      &h->conf->name);
        return NGX_OK;
    }

    if (ngx_strcmp(c->sqlstate, "42501") == 0
        || ngx_strcmp(c->sqlstate, "3F000") == 0)
    {
        if (!h->told) {
            h->told = 1;
            ngx_ess_postgresql_handle_tell(h, c);
        }

        last = c->text + ngx_strlen(c->text);
        last = ngx_slprintf(last, c->text + sizeof(c->text) - 1,
                            "; the error log has the SQL that is due");
        *last = '\0';
    }

    return ngx_ess_postgresql_handle_failed(h, c);
}


/* What is run, a line for each statement: one line has not room for all. */

static void
ngx_ess_postgresql_handle_tell(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    ngx_str_t    sql;
    const char  *p, *end;

    ngx_log_error(NGX_LOG_ERR, h->log, 0,
                  "event log \"%V\": its tables are missing, and this user "
                  "may not make them: %s; who may can do so by the SQL that "
                  "follows", &h->conf->name, c->text);

    for (p = h->conf->create; *p; p = end) {
        end = strstr(p, "; ");
        end = end ? end + 2 : p + ngx_strlen(p);

        sql.data = (u_char *) p;
        sql.len = end - p;

        while (sql.data[sql.len - 1] == ' ' || sql.data[sql.len - 1] == ';') {
            sql.len--;
        }

        ngx_log_error(NGX_LOG_ERR, h->log, 0, "event log \"%V\", SQL: %V;",
                      &h->conf->name, &sql);
    }
}


ngx_int_t
ngx_ess_postgresql_handle_failed(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    u_char      text[NGX_ESS_POSTGRESQL_TEXT_SIZE];
    char        state[sizeof(c->sqlstate)];
    ngx_int_t   rc;

    if (ngx_ess_postgresql_connection_again(c)) {
        return NGX_AGAIN;
    }

    /* the words of this failure are what counts */

    ngx_memcpy(text, c->text, sizeof(text));
    ngx_memcpy(state, c->sqlstate, sizeof(state));

    rc = ngx_ess_postgresql_connection_do(c, "ROLLBACK");

    if (rc != NGX_OK) {
        ngx_ess_postgresql_connection_close(c);
    }

    ngx_memcpy(c->text, text, sizeof(text));
    ngx_memcpy(c->sqlstate, state, sizeof(state));

    /* somebody dropped the table: it is made again */

    if (ngx_strcmp(state, "42P01") == 0 && h->ready) {
        h->ready = 0;
        return NGX_AGAIN;
    }

    /* a deadlock or the like */

    if (ngx_strncmp(state, "40", 2) == 0) {
        return NGX_AGAIN;
    }

    return ngx_ess_postgresql_handle_refused(c) ? NGX_DECLINED : NGX_ERROR;
}


ngx_uint_t
ngx_ess_postgresql_handle_behind(ngx_ess_postgresql_handle_t *h,
    ngx_ess_postgresql_connection_t *c)
{
    u_char  name[sizeof(c->constraint)];

    /* see ngx_ess_postgresql_sql.c */

    *ngx_snprintf(name, sizeof(name) - 1, "ess_event_%V.pkey", &h->conf->name)
        = '\0';

    return c->conn && ngx_strcmp(c->sqlstate, "23505") == 0
           && ngx_strcmp(c->constraint, name) == 0;
}


/* Data, constraints, limits of the server, views' checks, and what triggers
   raise, which may have a class of their own: those from I on, and from 5 on,
   are nobody's but for PostgreSQL's. */

ngx_uint_t
ngx_ess_postgresql_handle_refused(ngx_ess_postgresql_connection_t *c)
{
    char         ch;
    ngx_uint_t   i;

    static const char  *classes[] = { "22", "23", "44", "54", "P0" };

    if (c->conn == NULL) {
        return 0;
    }

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (ngx_strncmp(c->sqlstate, classes[i], 2) == 0) {
            return 1;
        }
    }

    ch = c->sqlstate[0];

    return (ch >= '6' && ch <= '9')
           || (ch >= 'I' && ch <= 'Z' && ngx_strncmp(c->sqlstate, "XX", 2));
}
