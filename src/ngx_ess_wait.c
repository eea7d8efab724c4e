
/*
 * Requests that wait.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_wait.h"


ngx_http_cleanup_t *
ngx_ess_wait(ngx_http_request_t *r, ngx_http_cleanup_pt gone, void *data)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = gone;
    cln->data = data;

    if (r == r->main && !r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    return cln;
}


void
ngx_ess_wait_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
