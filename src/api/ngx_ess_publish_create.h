/*
 * "ess_publish ... create=": the stream that a publication is for is made, if
 * there is none.
 */


#ifndef _NGX_ESS_PUBLISH_CREATE_H_INCLUDED_
#define _NGX_ESS_PUBLISH_CREATE_H_INCLUDED_


#include "ngx_ess_registry_created.h"


typedef struct ngx_ess_publish_create_s  ngx_ess_publish_create_t;

/* rc as of ngx_ess_publish_create(), but NGX_AGAIN. */
typedef void (*ngx_ess_publish_create_pt)(ngx_ess_publish_create_t *create,
    ngx_int_t rc);

/* in the request's pool; zeroed */

struct ngx_ess_publish_create_s {
    ngx_http_request_t          *request;
    ngx_ess_publish_create_pt    handler;
    void                        *data;

    ngx_uint_t                   status;    /* of a refusal; with 429 and 503
                                               it may be sent again */
    const char                  *detail;

    ngx_ess_registry_created_t   wait;      /* private */
    unsigned                     waits:1;
};


/*
 * NGX_OK: it may be published; "pub", which has the key, gets its source.
 * NGX_AGAIN: under way, the handler is called.  NGX_DECLINED: refused, as
 * create->status says.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_create(ngx_ess_publish_create_t *create,
    ngx_ess_source_publish_t *pub);

/* The handler is not called any more. */
void ngx_ess_publish_create_cancel(ngx_ess_publish_create_t *create);


#endif /* _NGX_ESS_PUBLISH_CREATE_H_INCLUDED_ */
