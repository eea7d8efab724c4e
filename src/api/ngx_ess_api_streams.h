/*
 * Streams over HTTP: created, read, deleted; and one as JSON.
 */


#ifndef _NGX_ESS_API_STREAMS_H_INCLUDED_
#define _NGX_ESS_API_STREAMS_H_INCLUDED_


#include "ngx_ess_api_request.h"


typedef enum {
    NGX_ESS_API_STREAM_CREATED = 0,         /* id and location */
    NGX_ESS_API_STREAM_LISTED,              /* and routing key, source and
                                               attributes */
    NGX_ESS_API_STREAM_ALL                  /* and what is in it now */
} ngx_ess_api_stream_e;


/* route handlers; return what a content handler returns */
ngx_int_t ngx_ess_api_streams_create(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_streams_get(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_streams_delete(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);

/* A stream as JSON: {"id":1,"location":"...","routing_key":"..."}.  Returns its
   end; room, with advice for its creator: ngx_ess_api_stream_size(). */
u_char *ngx_ess_api_stream_json(u_char *p, ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_api_stream_e what);
size_t ngx_ess_api_stream_size(ngx_http_request_t *r);


#endif /* _NGX_ESS_API_STREAMS_H_INCLUDED_ */
