/*
 * The page of ess_docs.
 */


#ifndef _NGX_ESS_OPENAPI_PAGE_H_INCLUDED_
#define _NGX_ESS_OPENAPI_PAGE_H_INCLUDED_


#include "ngx_ess.h"


/* A page that shows the document at that path, and the policy that lets it load
   that and nothing else.  Into the configuration's pool. */
ngx_int_t ngx_ess_openapi_page(ngx_conf_t *cf, const ngx_str_t *document,
    ngx_str_t *text, ngx_str_t *policy);


#endif /* _NGX_ESS_OPENAPI_PAGE_H_INCLUDED_ */
