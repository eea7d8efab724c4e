/*
 * The OpenAPI document of a server.
 */


#ifndef _NGX_ESS_OPENAPI_DOCUMENT_H_INCLUDED_
#define _NGX_ESS_OPENAPI_DOCUMENT_H_INCLUDED_


#include "ngx_ess_conf.h"


/* 1: it is a location of that server which clients reach, and of which there is
   something to tell: "doors" are those of all that is told
   (ngx_ess_openapi_location.h). */
ngx_uint_t ngx_ess_openapi_describes(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served,
    const ngx_http_core_srv_conf_t *server, ngx_uint_t *doors);

/* Into the configuration's pool.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_openapi_document(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_http_core_srv_conf_t *server, ngx_str_t *text);


#endif /* _NGX_ESS_OPENAPI_DOCUMENT_H_INCLUDED_ */
