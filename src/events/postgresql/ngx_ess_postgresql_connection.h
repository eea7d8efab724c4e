/*
 * A connection to PostgreSQL, for threads: made when it is needed, made again
 * when it was lost, with a pause that grows while there is no server.
 */


#ifndef _NGX_ESS_POSTGRESQL_CONNECTION_H_INCLUDED_
#define _NGX_ESS_POSTGRESQL_CONNECTION_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_postgresql_array.h"
#include <libpq-fe.h>


/* ms; a statement may take the first one at the server; a server that says
   nothing for the second one is taken for dead, and one that has not said all
   after the third one is given up */
#define NGX_ESS_POSTGRESQL_STATEMENT  5000
#define NGX_ESS_POSTGRESQL_SILENCE    8000
#define NGX_ESS_POSTGRESQL_ALL        60000

#define NGX_ESS_POSTGRESQL_TEXT_SIZE  256


/* in one thread at a time: who uses it has the mutex */

typedef struct {
    const char              *url;           /* null terminated, as the rest */
    const char              *password;      /* NULL: the URL's, or none */

    ngx_thread_mutex_t       mutex;
    ngx_atomic_t             waiting;       /* threads for it */
    PGconn                  *conn;          /* NULL: there is none */
    ngx_uint_t               failures;      /* since there was one */
    uint64_t                 pause;         /* until then, monotonic ms, no new
                                               one is tried */
    unsigned                 turned:1;      /* since the last commit a server
                                               only read */

    /* of the last failure */
    u_char                   text[NGX_ESS_POSTGRESQL_TEXT_SIZE];
    char                     sqlstate[6];   /* empty: not the server's */
    char                     constraint[64]; /* that was violated, or empty */
} ngx_ess_postgresql_connection_t;


/* NGX_OK: it is open.  NGX_ERROR: "text" says why not; while it pauses that is
   said at once.  It blocks. */
ngx_int_t ngx_ess_postgresql_connection_open(
    ngx_ess_postgresql_connection_t *c);

void ngx_ess_postgresql_connection_close(ngx_ess_postgresql_connection_t *c);

/* Sets "text", to one line in ASCII: before it knows whom it talks to the
   server may speak in any encoding. */
void ngx_ess_postgresql_connection_text(ngx_ess_postgresql_connection_t *c,
    const char *text);

/*
 * Of an open one: runs statements; with "params" one, else any number of them.
 * The result of the last one, to be freed by PQclear(), which has rows of that
 * many columns, or, 0, none: libpq gives NULL for a value that is not there.
 * NULL: one failed, with "text" and "sqlstate", and it is closed if it is of no
 * use any more, as it is when the server answered with something else.
 */
PGresult *ngx_ess_postgresql_connection_run(
    ngx_ess_postgresql_connection_t *c, const char *sql,
    ngx_ess_postgresql_params_t *params, int columns);

/* The same, and it is one row. */
PGresult *ngx_ess_postgresql_connection_row(
    ngx_ess_postgresql_connection_t *c, const char *sql,
    ngx_ess_postgresql_params_t *params, int columns);

/* The same, whatever comes: NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_postgresql_connection_do(
    ngx_ess_postgresql_connection_t *c, const char *sql);

/* ms, of a clock that is never set. */
uint64_t ngx_ess_postgresql_connection_now(void);

/* 1: what failed may succeed over a new session, and this one is closed. */
ngx_uint_t ngx_ess_postgresql_connection_again(
    ngx_ess_postgresql_connection_t *c);


#endif /* _NGX_ESS_POSTGRESQL_CONNECTION_H_INCLUDED_ */
