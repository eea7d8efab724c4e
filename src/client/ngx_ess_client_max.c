
/*
 * The bound of a worker's clients.  A number that is configured counts them,
 * also those that share a connection of HTTP/2; without one the worker's
 * connections are looked at, which such clients do not take.  Runs in workers;
 * the check also in the master.
 */


#include "ngx_ess_client_max.h"
#include "ngx_ess_conf.h"


/* kept for all but clients: a share, and at least so many */
#define NGX_ESS_CLIENT_MAX_SHARE  20
#define NGX_ESS_CLIENT_MAX_KEPT   16


static ngx_uint_t ngx_ess_client_max_connections(ngx_cycle_t *cycle);


static ngx_uint_t  ngx_ess_client_max;      /* 0: any number */
static ngx_uint_t  ngx_ess_client_kept;     /* connections */
static ngx_uint_t  ngx_ess_client_n;


void
ngx_ess_client_max_check(ngx_cycle_t *cycle)
{
    ngx_int_t   max;
    ngx_uint_t  n;

    max = ngx_ess_conf_main(cycle)->max_clients;
    n = ngx_ess_client_max_connections(cycle);

    if (max == NGX_CONF_UNSET && n <= NGX_ESS_CLIENT_MAX_KEPT) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "%ui \"worker_connections\" are not enough for clients "
                      "of \"ess_subscribe\", %d are kept for all else",
                      cycle->connection_n, NGX_ESS_CLIENT_MAX_KEPT);
    }

    if (max > 0 && (ngx_uint_t) max >= n) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "\"ess_max_clients %i\" leaves none of the %ui "
                      "\"worker_connections\" for the API, health and the "
                      "broker", max, cycle->connection_n);
    }
}


void
ngx_ess_client_max_init(ngx_cycle_t *cycle)
{
    ngx_int_t  max;

    max = ngx_ess_conf_main(cycle)->max_clients;

    ngx_ess_client_n = 0;
    ngx_ess_client_max = ngx_max(max, 0);
    ngx_ess_client_kept = 0;

    if (max == NGX_CONF_UNSET) {
        ngx_ess_client_kept = ngx_max(cycle->connection_n
                                      / NGX_ESS_CLIENT_MAX_SHARE,
                                      NGX_ESS_CLIENT_MAX_KEPT);
    }
}


/* Of a worker, without those that listen. */

static ngx_uint_t
ngx_ess_client_max_connections(ngx_cycle_t *cycle)
{
    ngx_uint_t        i, n;
    ngx_listening_t  *ls;

    n = 0;
    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

#if (NGX_HAVE_REUSEPORT)
        if (ls[i].reuseport && ls[i].worker) {
            continue;
        }
#endif

        n++;
    }

    return cycle->connection_n - ngx_min(n, cycle->connection_n);
}


/* Connections that wait for a request are nginx's to close when it needs
   them. */

ngx_uint_t
ngx_ess_client_max_reached(void)
{
    if (ngx_ess_client_max) {
        return ngx_ess_client_n >= ngx_ess_client_max;
    }

    return ngx_cycle->free_connection_n + ngx_cycle->reusable_connections_n
           < ngx_ess_client_kept;
}


void
ngx_ess_client_max_join(void)
{
    ngx_ess_client_n++;
}


void
ngx_ess_client_max_leave(void)
{
    ngx_ess_client_n--;
}
