
/*
 * Which slots a worker consumes, and what the parts of the exchange source tell
 * each other through what they share: that there is something to be started,
 * now or later; that the exchange is gone; what was refused.  All of it is the
 * worker's.
 */


#include "ngx_ess_backoff.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_exchange_worker.h"
#include "ngx_ess_counter.h"


ngx_ess_exchange_worker_t  ngx_ess_exchange_worker;


ngx_uint_t
ngx_ess_exchange_worker_consumes(ngx_cycle_t *cycle, ngx_uint_t slot)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    return ngx_process == NGX_PROCESS_SINGLE
           || ccf->worker_processes < 2
           || slot % (ngx_uint_t) ccf->worker_processes == ngx_worker;
}


void
ngx_ess_exchange_worker_event(ngx_ess_exchange_worker_t *w, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = w;
    ev->log = w->log;
    ev->cancelable = 1;
}


void
ngx_ess_exchange_worker_kick(ngx_ess_exchange_worker_t *w)
{
    ngx_post_event(&w->turn, &ngx_posted_events);
}


void
ngx_ess_exchange_worker_retry(ngx_ess_exchange_worker_t *w)
{
    if (!w->retry.timer_set) {
        ngx_add_timer(&w->retry, ngx_ess_backoff(w->attempt));
        w->attempt++;
    }
}


void
ngx_ess_exchange_worker_refused(ngx_ess_exchange_worker_t *w, const char *what,
    ngx_uint_t code, ngx_str_t *text)
{
    u_char     buf[NGX_ESS_BROKER_TEXT];
    ngx_str_t  words;

    ngx_ess_amqp_trouble_once(w->session, NGX_LOG_ERR, what, code, text);

    words.data = buf;
    words.len = ngx_slprintf(buf, buf + sizeof(buf), "%s: %ui \"%V\"", what,
                             code, text)
                - buf;

    ngx_ess_broker_failed(w->zone, NGX_ESS_BROKER_CONSUMING,
                          ngx_ess_amqp_node_name(w->session), &words);
}


void
ngx_ess_exchange_worker_gone(ngx_ess_exchange_worker_t *w)
{
    if (w->exchange.state == NGX_ESS_EXCHANGE_READY) {
        w->exchange.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }

    if (w->watch.state == NGX_ESS_EXCHANGE_READY) {
        w->watch.state = NGX_ESS_EXCHANGE_UNKNOWN;
    }
}


void
ngx_ess_exchange_worker_gauge(ngx_ess_exchange_worker_t *w)
{
    ngx_ess_counter_set(w->zone, NGX_ESS_C_UNBOUND,
                        w->restores + __builtin_popcountl(w->lost)
                        + (w->exchange.state == NGX_ESS_EXCHANGE_REFUSED));
}
