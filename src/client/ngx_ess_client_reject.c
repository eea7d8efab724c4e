
/*
 * Clients that are not let in.  Runs in workers.
 */


#include "ngx_ess_client_reject.h"
#include "ngx_ess_client.h"
#include "ngx_ess_problem.h"


ngx_int_t
ngx_ess_client_rejected(ngx_ess_rejected_e reason, ngx_int_t rc)
{
    ngx_ess_client_count(NGX_ESS_C_REJECTED + reason, 1);

    return rc;
}


ngx_int_t
ngx_ess_client_reject_full(ngx_http_request_t *r)
{
    /* nor does it keep the connection from others */

    r->keepalive = 0;

    return ngx_ess_client_rejected(NGX_ESS_REJECTED_CLIENTS,
               ngx_ess_problem_retry(r, "the server's worker has as many "
                                     "clients as \"ess_max_clients\" allows: "
                                     "try again a little later"));
}


/*
 * The worker exits: the client is to come again, over another connection.  An
 * EventSource does so when its events end, and never again after an error.
 */

ngx_int_t
ngx_ess_client_reject_away(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport)
{
    r->keepalive = 0;

    if (transport->answers) {
        return ngx_ess_problem_retry(r, "this worker of the server stops: "
                                     "connect again");
    }

    if (transport->start(r, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_send_special(r, NGX_HTTP_LAST);
}
