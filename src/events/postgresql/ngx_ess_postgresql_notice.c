/*
 * A connection that listens to the channel on which each insert ends with the
 * name of its log.  It is made in a thread, and from then on only read, in the
 * worker's event loop, which libpq does without waiting.
 */


#include "ngx_ess_postgresql_conf.h"
#include "ngx_ess_postgresql_notice.h"
#include <poll.h>

#if (NGX_OPENSSL)
#include <openssl/err.h>
#endif


/* of one turn of the event loop */
#define NGX_ESS_POSTGRESQL_NOTICE_READS  32


static void *ngx_ess_postgresql_notice_create(ngx_ess_event_log_t *log,
    ngx_log_t *l);
static void ngx_ess_postgresql_notice_destroy(void *handle);
static ngx_int_t ngx_ess_postgresql_notice_open(void *handle,
    ngx_socket_t *fd, u_char *text, size_t size);
static void ngx_ess_postgresql_notice_close(void *handle);
static ngx_int_t ngx_ess_postgresql_notice_read(void *handle,
    ngx_ess_event_log_told_pt told, void *data, u_char *text, size_t size);
static ngx_int_t ngx_ess_postgresql_notice_consume(
    ngx_ess_postgresql_connection_t *c, ngx_ess_event_log_told_pt told,
    void *data);
static void ngx_ess_postgresql_notice_forget(void);


const ngx_ess_event_log_notices_t  ngx_ess_postgresql_notices = {
    ngx_ess_postgresql_notice_create,
    ngx_ess_postgresql_notice_destroy,
    ngx_ess_postgresql_notice_open,
    ngx_ess_postgresql_notice_close,
    ngx_ess_postgresql_notice_read
};


/* The handle is the server's connection, which is the worker's. */

static void *
ngx_ess_postgresql_notice_create(ngx_ess_event_log_t *log, ngx_log_t *l)
{
    ngx_ess_postgresql_conf_t  *conf;

    conf = log->engine_conf;

    return &conf->server->listener;
}


static void
ngx_ess_postgresql_notice_destroy(void *handle)
{
    ngx_ess_postgresql_connection_close(handle);
}


static ngx_int_t
ngx_ess_postgresql_notice_open(void *handle, ngx_socket_t *fd, u_char *text,
    size_t size)
{
    ngx_ess_postgresql_connection_t  *c = handle;

    if (ngx_ess_postgresql_connection_open(c) != NGX_OK) {
        goto failed;
    }

    /* PostgreSQL 14 and newer may end who says nothing, as this one does; one
       that does not let it be set has its reasons */

    if (PQserverVersion(c->conn) >= 140000
        && ngx_ess_postgresql_connection_do(c, "SET idle_session_timeout = 0")
           != NGX_OK
        && c->conn == NULL)
    {
        goto failed;
    }

    /* a server that only reads refuses, and another host may be the one */

    if (ngx_ess_postgresql_connection_do(c, "LISTEN ess") != NGX_OK) {
        (void) ngx_ess_postgresql_connection_again(c);
        ngx_ess_postgresql_connection_close(c);
        goto failed;
    }

    *fd = PQsocket(c->conn);

    return NGX_OK;

failed:

    (void) ngx_cpystrn(text, c->text, size);

    return NGX_ERROR;
}


static void
ngx_ess_postgresql_notice_close(void *handle)
{
    ngx_ess_postgresql_connection_close(handle);
    ngx_ess_postgresql_notice_forget();
}


static ngx_int_t
ngx_ess_postgresql_notice_read(void *handle, ngx_ess_event_log_told_pt told,
    void *data, u_char *text, size_t size)
{
    ngx_ess_postgresql_connection_t  *c = handle;

    ngx_int_t  rc;

    rc = ngx_ess_postgresql_notice_consume(c, told, data);

    if (rc == NGX_ERROR) {
        (void) ngx_cpystrn(text, c->text, size);
    }

    ngx_ess_postgresql_notice_forget();

    return rc;
}


/* OpenSSL keeps a thread's errors in one place: what libpq leaves there nginx
   would take for that of another connection. */

static void
ngx_ess_postgresql_notice_forget(void)
{
#if (NGX_OPENSSL)
    ERR_clear_error();
#endif
}


/* One call of PQconsumeInput() leaves what does not fit in the socket, of which
   nobody would tell again; and that a session was ended is seen by a later one
   than that which reads its last words. */

static ngx_int_t
ngx_ess_postgresql_notice_consume(ngx_ess_postgresql_connection_t *c,
    ngx_ess_event_log_told_pt told, void *data)
{
    int            rc;
    PGnotify      *notify;
    ngx_uint_t     i;
    struct pollfd  fd;

    for (i = 0; i < NGX_ESS_POSTGRESQL_NOTICE_READS; i++) {

        rc = PQconsumeInput(c->conn);

        for ( ;; ) {
            notify = PQnotifies(c->conn);
            if (notify == NULL) {
                break;
            }

            told(data, notify->extra);

            PQfreemem(notify);
        }

        if (!rc || PQstatus(c->conn) != CONNECTION_OK) {
            ngx_ess_postgresql_connection_text(c, PQerrorMessage(c->conn));

            return NGX_ERROR;
        }

        fd.fd = PQsocket(c->conn);
        fd.events = POLLIN;

        if (poll(&fd, 1, 0) == 0) {
            return NGX_OK;
        }
    }

    return NGX_AGAIN;
}
