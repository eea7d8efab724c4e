/*
 * Descriptors of others that the event loop watches.
 */


#ifndef _NGX_ESS_DESCRIPTOR_H_INCLUDED_
#define _NGX_ESS_DESCRIPTOR_H_INCLUDED_


#include "ngx_ess.h"


/* In a worker: the handler is called when there is something to read, and reads
   all of it, for that may be told once only.  NULL: no connection is left, or
   the event loop refuses it, which is logged. */

static ngx_inline ngx_connection_t *
ngx_ess_descriptor_add(ngx_socket_t fd, ngx_event_handler_pt handler,
    void *data, ngx_log_t *log)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return NULL;
    }

    c->log = log;
    c->data = data;

    rev = c->read;
    rev->log = log;
    rev->handler = handler;

    if (ngx_add_event(rev, NGX_READ_EVENT,
                      (ngx_event_flags & NGX_USE_CLEAR_EVENT)
                      ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    return c;
}


/* The connection goes, the descriptor stays its owner's; "flags" is 0, or
   NGX_CLOSE_EVENT: it is closed, or about to be. */

static ngx_inline void
ngx_ess_descriptor_remove(ngx_connection_t *c, ngx_uint_t flags)
{
    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


#endif /* _NGX_ESS_DESCRIPTOR_H_INCLUDED_ */
