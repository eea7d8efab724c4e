
/*
 * What a request says of the place at which its client begins is gathered here,
 * for the codec that reads it.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_client_said.h"
#include "ngx_ess_header.h"


void
ngx_ess_client_said(ngx_http_request_t *r, ngx_ess_position_said_t *said)
{
    const char       *name;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    ngx_memzero(said, sizeof(ngx_ess_position_said_t));

    said->args = r->args;
    said->now = ngx_time();

    for (i = 0; i < NGX_ESS_POSITION_HEADERS; i++) {
        name = ngx_ess_position_headers[i];
        h = ngx_ess_header_find(r, name, NULL);

        if (h) {
            said->headers[i] = h->value;
            said->many |= (ngx_ess_header_find(r, name, h) != NULL);
        }
    }
}
