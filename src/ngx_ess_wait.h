/*
 * Requests that wait for somebody else's event, and events.
 */


#ifndef _NGX_ESS_WAIT_H_INCLUDED_
#define _NGX_ESS_WAIT_H_INCLUDED_


#include "ngx_ess.h"


/*
 * The request waits.  Should it end before, "gone" is called with the data;
 * whoever ends it takes the handler out of the cleanup that is returned.  NULL:
 * no memory.
 */
ngx_http_cleanup_t *ngx_ess_wait(ngx_http_request_t *r,
    ngx_http_cleanup_pt gone, void *data);

/* Ends a request from an event of somebody else's; rc as for
   ngx_http_finalize_request(). */
void ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc);


/* The event is neither set nor posted any more. */

static ngx_inline void
ngx_ess_wait_clear(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}


#endif /* _NGX_ESS_WAIT_H_INCLUDED_ */
