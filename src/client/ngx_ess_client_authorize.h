/*
 * A request waits until a back end has said whether its client may have what it
 * asks for.  Private to client/.
 */


#ifndef _NGX_ESS_CLIENT_AUTHORIZE_H_INCLUDED_
#define _NGX_ESS_CLIENT_AUTHORIZE_H_INCLUDED_


#include "ngx_ess_authorize.h"
#include "ngx_ess_transport.h"


/* zeroed but for what the caller sets; in the request's pool, or longer */

typedef struct {
    /* set by the caller */
    ngx_http_request_t          *request;
    const ngx_ess_transport_t   *transport;
    ngx_int_t                  (*enter)(ngx_http_request_t *r, void *data);
    void                        *data;      /* in the pool: it may enter, and
                                               what a content handler returns */
    ngx_str_t                  **names;     /* of what is added, in its order,
                                               for refusals; NULL: it is one
                                               stream */

    /* private */
    ngx_ess_authorize_t         *question;
    ngx_http_cleanup_t          *cleanup;
    ngx_uint_t                   waiting;   /* 1: for the answer */
} ngx_ess_client_authorize_t;


/* Where the location asks, begins a question: what the client wants is to be
   added to it.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_client_authorize_begin(ngx_ess_client_authorize_t *wait);

/* What the content handler is to return. */
ngx_int_t ngx_ess_client_authorize_ask(ngx_ess_client_authorize_t *wait);


#endif /* _NGX_ESS_CLIENT_AUTHORIZE_H_INCLUDED_ */
