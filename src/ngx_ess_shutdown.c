
/*
 * The beginning of a graceful shutdown: nginx closes its idle connections first
 * of all, and one of them has no socket.  It is the worker's.
 */


#include "ngx_ess_shutdown.h"


static void ngx_ess_shutdown_read_handler(ngx_event_t *rev);


static ngx_connection_t  *ngx_ess_shutdown_connection;
static void             (*ngx_ess_shutdown_handler)(void);


ngx_int_t
ngx_ess_shutdown_init(ngx_cycle_t *cycle, void (*handler)(void))
{
    ngx_connection_t  *c;

    c = ngx_get_connection(0, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /* to close it touches neither the descriptor nor events */

    c->shared = 1;
    c->idle = 1;
    c->log = cycle->log;
    c->read->log = cycle->log;
    c->read->handler = ngx_ess_shutdown_read_handler;
    c->write->log = cycle->log;

    ngx_ess_shutdown_connection = c;
    ngx_ess_shutdown_handler = handler;

    return NGX_OK;
}


void
ngx_ess_shutdown_exit(void)
{
    if (ngx_ess_shutdown_connection) {
        ngx_close_connection(ngx_ess_shutdown_connection);
        ngx_ess_shutdown_connection = NULL;
    }
}


static void
ngx_ess_shutdown_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        ngx_ess_shutdown_exit();
        ngx_ess_shutdown_handler();
    }
}
