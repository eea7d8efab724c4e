
/*
 * A client's block, which goes with its request until that is released.  Runs
 * in the worker that has the connection.
 */


#include "ngx_ess_client_create.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_client_request.h"


ngx_ess_client_t *
ngx_ess_client_create(ngx_http_request_t *r,
    const ngx_ess_transport_t *transport, uint64_t stream)
{
    ngx_ess_client_t  *client;

    client = ngx_calloc(sizeof(ngx_ess_client_t) + transport->session_size,
                        r->connection->log);
    if (client == NULL) {
        return NULL;
    }

    ngx_queue_init(&client->drain);

    client->sub.client = client;
    client->transport = transport;
    client->request = r;
    client->connection = r->connection;
    client->conf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    client->stream_id = stream;
    client->since = (uint32_t) ngx_time();
    client->expires = (uint32_t) ngx_min(ngx_ess_jwt_expires(r),
                                         (time_t) NGX_MAX_UINT32_VALUE);
    client->state = NGX_ESS_CLIENT_GONE;

    if (ngx_ess_client_request_own(client) != NGX_OK) {
        return NULL;
    }

    if (r->http_version >= NGX_HTTP_VERSION_20) {
        client->apart = 1;
        client->filtered = ngx_ess_flush_filtered_create(r);
        if (client->filtered == NULL) {
            return NULL;
        }
    }

    return client;
}
