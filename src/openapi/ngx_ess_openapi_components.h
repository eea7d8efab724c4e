/*
 * What a document's paths refer to.
 */


#ifndef _NGX_ESS_OPENAPI_COMPONENTS_H_INCLUDED_
#define _NGX_ESS_OPENAPI_COMPONENTS_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Appends the object of components: those that "out" refers to so far, and
 * those that these refer to.  "schemas" are members of the document's own, each
 * with a comma before it.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ess_openapi_components(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_array_t *schemas);


#endif /* _NGX_ESS_OPENAPI_COMPONENTS_H_INCLUDED_ */
