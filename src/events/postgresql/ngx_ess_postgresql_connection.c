/*
 * A connection to PostgreSQL.  libpq connects by blocking calls, in a thread,
 * for only so it tries several hosts, looks up names and keeps to its timeout.
 * Statements are sent and waited for with a time of our own besides the
 * server's, which a stopped server would not keep.  A worker's; in one thread
 * at a time.
 */


#include "ngx_ess_postgresql_connection.h"
#include "ngx_ess_backoff.h"
#include <poll.h>


/* ms */
#define NGX_ESS_POSTGRESQL_CONNECTION_TURN  1000


static void ngx_ess_postgresql_connection_lost(
    ngx_ess_postgresql_connection_t *c, const char *text);
static void ngx_ess_postgresql_connection_quiet(void *data,
    const PGresult *res);
static ngx_int_t ngx_ess_postgresql_connection_fit(
    ngx_ess_postgresql_connection_t *c);
static ngx_int_t ngx_ess_postgresql_connection_wait(
    ngx_ess_postgresql_connection_t *c, uint64_t end);
static PGresult *ngx_ess_postgresql_connection_send(
    ngx_ess_postgresql_connection_t *c, const char *sql,
    ngx_ess_postgresql_params_t *params);
static PGresult *ngx_ess_postgresql_connection_result(
    ngx_ess_postgresql_connection_t *c);
static PGresult *ngx_ess_postgresql_connection_odd(
    ngx_ess_postgresql_connection_t *c, PGresult *res);


ngx_int_t
ngx_ess_postgresql_connection_open(ngx_ess_postgresql_connection_t *c)
{
    const char  *words[12], *values[12];
    ngx_uint_t   i;

    if (c->conn) {
        if (PQstatus(c->conn) == CONNECTION_OK) {
            return NGX_OK;
        }

        ngx_ess_postgresql_connection_close(c);
    }

    if (c->failures && ngx_ess_postgresql_connection_now() < c->pause) {
        return NGX_ERROR;
    }

    /* what the URL has replaces what is before it */

    i = 0;

    words[i] = "connect_timeout";
    values[i++] = "2";
    words[i] = "tcp_user_timeout";
    values[i++] = "5000";
    words[i] = "keepalives_idle";
    values[i++] = "10";
    words[i] = "keepalives_interval";
    values[i++] = "3";
    words[i] = "keepalives_count";
    values[i++] = "3";
    words[i] = "fallback_application_name";
    values[i++] = "nginx ess_event_log";
    words[i] = "dbname";
    values[i++] = c->url;
    words[i] = "client_encoding";
    values[i++] = "UTF8";

    if (c->password) {
        words[i] = "password";
        values[i++] = c->password;
    }

    words[i] = NULL;
    values[i] = NULL;

    c->sqlstate[0] = '\0';
    c->conn = PQconnectdbParams(words, values, 1);

    if (c->conn == NULL) {
        ngx_ess_postgresql_connection_text(c, "no memory");

    } else if (PQstatus(c->conn) != CONNECTION_OK) {
        ngx_ess_postgresql_connection_text(c, PQerrorMessage(c->conn));

    } else if (ngx_ess_postgresql_connection_fit(c) == NGX_OK) {
        c->failures = 0;
        return NGX_OK;
    }

    ngx_ess_postgresql_connection_close(c);

    c->pause = ngx_ess_postgresql_connection_now()
               + ngx_ess_backoff(c->failures++);

    return NGX_ERROR;
}


static ngx_int_t
ngx_ess_postgresql_connection_fit(ngx_ess_postgresql_connection_t *c)
{
    char         text[NGX_ESS_POSTGRESQL_TEXT_SIZE];
    const char  *encoding;

    (void) PQsetNoticeReceiver(c->conn, ngx_ess_postgresql_connection_quiet,
                               NULL);

    encoding = PQparameterStatus(c->conn, "server_encoding");

    if (encoding && ngx_strcmp(encoding, "UTF8") != 0) {
        (void) snprintf(text, sizeof(text), "the database's encoding is %.32s, "
                        "and has to be UTF8", encoding);
        ngx_ess_postgresql_connection_text(c, text);

        return NGX_ERROR;
    }

    if (PQsetnonblocking(c->conn, 1) != 0) {
        ngx_ess_postgresql_connection_text(c, PQerrorMessage(c->conn));
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* such as that a table is there already */

static void
ngx_ess_postgresql_connection_quiet(void *data, const PGresult *res)
{
}


void
ngx_ess_postgresql_connection_close(ngx_ess_postgresql_connection_t *c)
{
    PQfinish(c->conn);
    c->conn = NULL;
}


PGresult *
ngx_ess_postgresql_connection_run(ngx_ess_postgresql_connection_t *c,
    const char *sql, ngx_ess_postgresql_params_t *params, int columns)
{
    PGresult  *res;

    res = ngx_ess_postgresql_connection_send(c, sql, params);

    if (res
        && (PQresultStatus(res) != (columns ? PGRES_TUPLES_OK
                                            : PGRES_COMMAND_OK)
            || PQnfields(res) != columns))
    {
        return ngx_ess_postgresql_connection_odd(c, res);
    }

    return res;
}


PGresult *
ngx_ess_postgresql_connection_row(ngx_ess_postgresql_connection_t *c,
    const char *sql, ngx_ess_postgresql_params_t *params, int columns)
{
    PGresult  *res;

    res = ngx_ess_postgresql_connection_run(c, sql, params, columns);

    if (res && PQntuples(res) != 1) {
        return ngx_ess_postgresql_connection_odd(c, res);
    }

    return res;
}


/* who answers so is no PostgreSQL, or has lost count of statements: nothing of
   it can be believed */

static PGresult *
ngx_ess_postgresql_connection_odd(ngx_ess_postgresql_connection_t *c,
    PGresult *res)
{
    PQclear(res);

    ngx_ess_postgresql_connection_lost(c, "the server answered with something "
                                       "else than was asked for");
    return NULL;
}


static PGresult *
ngx_ess_postgresql_connection_send(ngx_ess_postgresql_connection_t *c,
    const char *sql, ngx_ess_postgresql_params_t *params)
{
    int  rc;

    c->sqlstate[0] = '\0';
    c->constraint[0] = '\0';

    if (params) {
        rc = PQsendQueryParams(c->conn, sql, params->n, params->types,
                               params->values, params->lengths,
                               params->formats, 0);
    } else {
        rc = PQsendQuery(c->conn, sql);
    }

    if (rc == 0) {
        ngx_ess_postgresql_connection_lost(c, PQerrorMessage(c->conn));
        return NULL;
    }

    return ngx_ess_postgresql_connection_result(c);
}


static PGresult *
ngx_ess_postgresql_connection_result(ngx_ess_postgresql_connection_t *c)
{
    uint64_t         end;
    PGresult        *res, *next;
    const char      *state, *text, *constraint;
    ExecStatusType   status;

    end = ngx_ess_postgresql_connection_now() + NGX_ESS_POSTGRESQL_ALL;
    status = PGRES_COMMAND_OK;
    res = NULL;

    /* the last one, or the one that failed, behind which there is none */

    for ( ;; ) {

        if (ngx_ess_postgresql_connection_wait(c, end) != NGX_OK) {
            PQclear(res);
            return NULL;
        }

        next = PQgetResult(c->conn);
        if (next == NULL) {
            break;
        }

        PQclear(res);
        res = next;

        status = PQresultStatus(res);

        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT
            || status == PGRES_COPY_BOTH)
        {
            break;
        }
    }

    if (res && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)) {
        return res;
    }

    state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;

    if (state) {
        (void) ngx_cpystrn((u_char *) c->sqlstate, (u_char *) state,
                           sizeof(c->sqlstate));
    }

    constraint = res ? PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) : NULL;

    if (constraint) {
        (void) ngx_cpystrn((u_char *) c->constraint, (u_char *) constraint,
                           sizeof(c->constraint));
    }

    /* without the details: they may show what others have stored */

    text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;

    ngx_ess_postgresql_connection_text(c, text ? text
                                               : PQerrorMessage(c->conn));
    PQclear(res);

    if (state == NULL || PQstatus(c->conn) != CONNECTION_OK) {
        ngx_ess_postgresql_connection_close(c);
    }

    return NULL;
}


/* until a result can be had without waiting; what comes, and what goes out, is
   progress */

static ngx_int_t
ngx_ess_postgresql_connection_wait(ngx_ess_postgresql_connection_t *c,
    uint64_t end)
{
    int            rc, flush;
    uint64_t       now, silence;
    struct pollfd  fd;

    silence = ngx_ess_postgresql_connection_now() + NGX_ESS_POSTGRESQL_SILENCE;

    for ( ;; ) {
        flush = PQflush(c->conn);

        if (flush == 0 && !PQisBusy(c->conn)) {
            return NGX_OK;
        }

        fd.fd = PQsocket(c->conn);

        if (flush < 0 || fd.fd < 0) {
            break;
        }

        now = ngx_ess_postgresql_connection_now();

        if (now >= end || now >= silence) {
            ngx_ess_postgresql_connection_lost(c,
                                  "PostgreSQL says nothing, and is given up");

            /* it would not say more to a new one */

            c->pause = now + ngx_ess_backoff(c->failures++);

            return NGX_ERROR;
        }

        fd.events = POLLIN | (flush ? POLLOUT : 0);

        rc = poll(&fd, 1, (int) (ngx_min(end, silence) - now));

        if (rc > 0) {
            silence = ngx_ess_postgresql_connection_now()
                      + NGX_ESS_POSTGRESQL_SILENCE;
        }

        if (rc > 0 && (fd.revents & ~POLLOUT) && !PQconsumeInput(c->conn)) {
            break;
        }
    }

    ngx_ess_postgresql_connection_lost(c, PQerrorMessage(c->conn));

    return NGX_ERROR;
}


ngx_int_t
ngx_ess_postgresql_connection_do(ngx_ess_postgresql_connection_t *c,
    const char *sql)
{
    PGresult  *res;

    res = ngx_ess_postgresql_connection_send(c, sql, NULL);
    if (res == NULL) {
        return NGX_ERROR;
    }

    PQclear(res);

    return NGX_OK;
}


ngx_uint_t
ngx_ess_postgresql_connection_again(ngx_ess_postgresql_connection_t *c)
{
    /* A server that only reads: it was the first one, and among the hosts there
       may be another that is now.  If the next one does the same, it is as if
       there were none. */

    if (c->conn && ngx_strcmp(c->sqlstate, "25006") == 0) {
        ngx_ess_postgresql_connection_close(c);

        if (c->turned) {
            c->failures++;
            c->pause = ngx_ess_postgresql_connection_now()
                       + NGX_ESS_POSTGRESQL_CONNECTION_TURN;
        }

        c->turned = 1;
    }

    /* class 57, operator intervention, but not a statement that was canceled:
       it took too long */

    if (c->conn && ngx_strncmp(c->sqlstate, "57P", 3) == 0) {
        ngx_ess_postgresql_connection_close(c);
    }

    return (c->conn == NULL);
}


static void
ngx_ess_postgresql_connection_lost(ngx_ess_postgresql_connection_t *c,
    const char *text)
{
    ngx_ess_postgresql_connection_text(c, text);
    ngx_ess_postgresql_connection_close(c);
}


void
ngx_ess_postgresql_connection_text(ngx_ess_postgresql_connection_t *c,
    const char *text)
{
    u_char  *p, *last;

    p = c->text;
    last = c->text + sizeof(c->text) - 1;

    for ( /* void */ ; *text && p < last; text++) {

        if (*text == '\n' || *text == '\t' || *text == ' ') {
            if (p > c->text && p[-1] != ' ') {
                *p++ = ' ';
            }

        } else {
            *p++ = (*text > 0x20 && *text < 0x7f) ? (u_char) *text : '.';
        }
    }

    if (p > c->text && p[-1] == ' ') {
        p--;
    }

    *p = '\0';

    if (p == c->text) {
        (void) ngx_cpystrn(c->text, (u_char *) "the connection was lost",
                           sizeof(c->text));
    }
}


uint64_t
ngx_ess_postgresql_connection_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
