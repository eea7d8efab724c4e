
/*
 * Clients that name their streams by themselves: by commands over a WebSocket,
 * or in the query string over SSE.  Runs in workers.
 */


#include "ngx_ess_multi_enter.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_multi_enter_sse.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_v1.h"
#include "ngx_ess_ws.h"


static ngx_int_t ngx_ess_multi_enter_ws(ngx_http_request_t *r);


ngx_int_t
ngx_ess_multi_enter(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (ngx_ess_sse_check(r) == NGX_OK) {
        return ngx_ess_multi_enter_sse(r);
    }

    rc = ngx_ess_ws_check(r);

    if (rc == NGX_OK) {
        rc = ngx_ess_ws_check_v1(r);
    }

    if (rc != NGX_OK) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_REQUEST, rc);
    }

    if (ngx_ess_drain_active()) {
        return ngx_ess_client_reject_away(r, &ngx_ess_ws);
    }

    if (ngx_ess_client_max_reached()) {
        return ngx_ess_client_reject_full(r);
    }

    return ngx_ess_multi_enter_ws(r);
}


static ngx_int_t
ngx_ess_multi_enter_ws(ngx_http_request_t *r)
{
    ngx_ess_client_t    *client;
    ngx_ess_v1_begin_t   begin;

    client = ngx_ess_client_create(r, &ngx_ess_ws, 0);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&begin, sizeof(ngx_ess_v1_begin_t));

    if (ngx_ess_v1_create(client, &begin) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, client, ngx_ess_module);

    return ngx_ess_client_start(client);
}
