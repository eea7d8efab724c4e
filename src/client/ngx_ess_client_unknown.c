
/*
 * A WebSocket that is accepted to be closed, for want of a stream.  All is the
 * request's, which nginx ends, and whose connection it closes when the peer
 * has done so, or in lingering_timeout.  Runs in workers.
 */


#include "ngx_ess_client_unknown.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_header.h"
#include "ngx_ess_ws.h"


/* ms between the response and the close: some clients lose what they read
   together with the former, when but the end follows */
#define NGX_ESS_CLIENT_UNKNOWN_DELAY  50


static ngx_int_t ngx_ess_client_unknown_accept(ngx_http_request_t *r);
static void ngx_ess_client_unknown_write(ngx_http_request_t *r);
static ngx_int_t ngx_ess_client_unknown_close(ngx_http_request_t *r);


ngx_int_t
ngx_ess_client_unknown(ngx_http_request_t *r, ngx_uint_t code)
{
    ngx_int_t  rc;

    if (code == 0 || !ngx_ess_header_lists(r, "upgrade", "websocket")) {
        return NGX_DECLINED;
    }

    rc = ngx_ess_ws_check(r);

    return (rc == NGX_OK) ? ngx_ess_client_unknown_accept(r) : rc;
}


static ngx_int_t
ngx_ess_client_unknown_accept(ngx_http_request_t *r)
{
    void         *session;
    ngx_event_t  *wev;

    session = ngx_pcalloc(r->pool, ngx_ess_ws.session_size);
    if (session == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_ess_ws.start(r, session) != NGX_OK) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_ess_client_unknown_write;
    r->main->count++;

    wev = r->connection->write;
    wev->delayed = 1;
    ngx_add_timer(wev, NGX_ESS_CLIENT_UNKNOWN_DELAY);

    return NGX_DONE;
}


static void
ngx_ess_client_unknown_write(ngx_http_request_t *r)
{
    /* nginx clears it when the timer is due */

    if (r->connection->write->delayed) {
        return;
    }

    ngx_http_finalize_request(r, ngx_ess_client_unknown_close(r));
}


static ngx_int_t
ngx_ess_client_unknown_close(ngx_http_request_t *r)
{
    void                *session;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_ess_loc_conf_t  *lcf;

    static ngx_str_t  reason = ngx_string("Unknown stream");

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    session = ngx_pcalloc(r->pool, ngx_ess_ws.session_size);
    if (session == NULL) {
        return NGX_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, NGX_ESS_TRANSPORT_MAX_CONTROL);
    if (b == NULL) {
        return NGX_ERROR;
    }

    /* the peer answers; a reset for that might overtake our close */

    r->lingering_close = 1;

    b->last += ngx_ess_ws.close(session, b->pos, lcf->subscribe_unknown,
                                &reason);
    b->last_buf = 1;
    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
