/*
 * Requests that wait for somebody else's event, and events.
 */


#ifndef _NGX_ESS_WAIT_H_INCLUDED_
#define _NGX_ESS_WAIT_H_INCLUDED_


#include "ngx_ess.h"


/* ms, longer than any turn of the event loop */
#define NGX_ESS_WAIT_TURN  600000


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


/*
 * The event comes in the next turn of the event loop, for work that is done in
 * slices.  A worker that is to leave stays for it, as it does for timers, and
 * not for what is merely posted.  The event's handler begins with
 * ngx_ess_wait_turned().
 */

static ngx_inline void
ngx_ess_wait_turn(ngx_event_t *ev)
{
    ngx_post_event(ev, &ngx_posted_next_events);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_ESS_WAIT_TURN);
    }
}


static ngx_inline void
ngx_ess_wait_turned(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


#endif /* _NGX_ESS_WAIT_H_INCLUDED_ */
