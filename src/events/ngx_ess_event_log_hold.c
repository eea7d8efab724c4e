/*
 * A worker that is to leave stays for its timers: one is set while answers of
 * event logs are due.  It is the worker's.
 */


#include "ngx_ess_event_log_hold.h"
#include "ngx_ess_wait.h"


/* ms; the timer is set again then */
#define NGX_ESS_EVENT_LOG_HOLD  600000


static void ngx_ess_event_log_hold_handler(ngx_event_t *ev);


static ngx_connection_t  ngx_ess_event_log_hold_dummy;


void
ngx_ess_event_log_hold_init(ngx_ess_event_log_hold_t *hold, ngx_log_t *log)
{
    ngx_memzero(hold, sizeof(ngx_ess_event_log_hold_t));

    /* its data is looked at by nginx's debugging messages only */

    ngx_ess_event_log_hold_dummy.fd = (ngx_socket_t) -1;

    hold->timer.handler = ngx_ess_event_log_hold_handler;
    hold->timer.data = &ngx_ess_event_log_hold_dummy;
    hold->timer.log = log;
}


void
ngx_ess_event_log_hold_exit(ngx_ess_event_log_hold_t *hold)
{
    ngx_ess_wait_clear(&hold->timer);
}


void
ngx_ess_event_log_hold_add(ngx_ess_event_log_hold_t *hold)
{
    if (hold->n++ == 0) {
        ngx_add_timer(&hold->timer, NGX_ESS_EVENT_LOG_HOLD);
    }
}


void
ngx_ess_event_log_hold_done(ngx_ess_event_log_hold_t *hold)
{
    if (--hold->n == 0) {
        ngx_ess_wait_clear(&hold->timer);
    }
}


static void
ngx_ess_event_log_hold_handler(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_ESS_EVENT_LOG_HOLD);
}
