/*
 * A log's schema within a document, where "#" is another place.
 */


#ifndef _NGX_ESS_OPENAPI_SCHEMA_H_INCLUDED_
#define _NGX_ESS_OPENAPI_SCHEMA_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Appends the schema's text, which was compiled, to an array of bytes; each
 * "$ref" in it leads below "place", "#/components/schemas/name", and "$id" and
 * "$schema" are left out.  NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_ess_openapi_schema(ngx_array_t *out, const ngx_str_t *text,
    const ngx_str_t *place);


#endif /* _NGX_ESS_OPENAPI_SCHEMA_H_INCLUDED_ */
