/*
 * Parts of documents and of the page, which the assembler puts into the module
 * as they are.
 */


#ifndef _NGX_ESS_OPENAPI_FILES_H_INCLUDED_
#define _NGX_ESS_OPENAPI_FILES_H_INCLUDED_


#include "ngx_ess.h"


/* The part about a directive, "components", "docs.js" or "docs.css".  NGX_OK;
   NGX_DECLINED: there is none. */
ngx_int_t ngx_ess_openapi_file(const char *name, ngx_str_t *text);


#endif /* _NGX_ESS_OPENAPI_FILES_H_INCLUDED_ */
