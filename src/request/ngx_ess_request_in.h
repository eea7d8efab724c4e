/*
 * What is asked, within nginx's request, before it runs.
 */


#ifndef _NGX_ESS_REQUEST_IN_H_INCLUDED_
#define _NGX_ESS_REQUEST_IN_H_INCLUDED_


#include "ngx_ess.h"


/* As the functions of ngx_ess_request.h of these names. */
ngx_int_t ngx_ess_request_in_target(ngx_http_request_t *r, ngx_str_t *method,
    ngx_str_t *uri);
ngx_int_t ngx_ess_request_in_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);
ngx_int_t ngx_ess_request_in_body(ngx_http_request_t *r, ngx_str_t *type,
    ngx_str_t *body);


#endif /* _NGX_ESS_REQUEST_IN_H_INCLUDED_ */
