/*
 * Text that grows, as an array of bytes.
 */


#ifndef _NGX_ESS_OPENAPI_TEXT_H_INCLUDED_
#define _NGX_ESS_OPENAPI_TEXT_H_INCLUDED_


#include "ngx_ess.h"


/* Each appends, and returns NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_openapi_text(ngx_array_t *out, const ngx_str_t *text);
ngx_int_t ngx_ess_openapi_text_put(ngx_array_t *out, const char *text);

/* The same, as what stands between the quotes of a JSON string. */
ngx_int_t ngx_ess_openapi_text_escaped(ngx_array_t *out,
    const ngx_str_t *text);


#endif /* _NGX_ESS_OPENAPI_TEXT_H_INCLUDED_ */
