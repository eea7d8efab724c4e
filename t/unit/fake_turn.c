/*
 * The next turn of the event loop is everybody's: whoever waits for one is
 * posted for it.
 */


#include "ngx_ess_turn.h"


void
ngx_ess_turn_next(ngx_event_t *ev)
{
    ngx_post_event(ev, &ngx_posted_next_events);

    if (!ev->timer_set) {
        ngx_add_timer(ev, 600000);
    }
}


void
ngx_ess_turn_begin(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}
