/*
 * JSON Schema, draft 2020-12: a file becomes a tree when the configuration is
 * read, and values are held against it.
 */


#ifndef _NGX_ESS_SCHEMA_H_INCLUDED_
#define _NGX_ESS_SCHEMA_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_json_read.h"


typedef struct ngx_ess_schema_s  ngx_ess_schema_t;


/* the first failure: members in the order of the schema's "properties" */

typedef struct {
    ngx_str_t                name;          /* the last name in the path to what
                                               is wrong, or missing, between its
                                               quotes; empty: it is the value
                                               itself.  In the value's text, or
                                               the schema's */
    unsigned                 missing:1;     /* it is required, and not there */
} ngx_ess_schema_error_t;


/*
 * At configuration time: reads and compiles the file, relative to nginx's
 * configuration; all memory is cf->pool's.  NULL: an error, logged with cf's
 * place, the file, the place in it as a JSON pointer, and what would be right.
 * "file" becomes the full path.
 */
ngx_ess_schema_t *ngx_ess_schema_compile(ngx_conf_t *cf, ngx_str_t *file);

/* Its text, as it stands in the file: for OpenAPI. */
ngx_str_t *ngx_ess_schema_text(ngx_ess_schema_t *schema);

/*
 * In a worker's event loop.  "value" was read (ngx_ess_json_read.h), unique,
 * and at most NGX_ESS_JSON_DEPTH deep.  "now": ms since 1970, of x-ess-time.
 * NGX_OK.  NGX_DECLINED: "error" says where.  NGX_ERROR: no memory, logged: it
 * is not known whether it is valid.  That is needed for "uniqueItems" of more
 * than 16 elements, "enum" and "const" of objects, and patterns and formats of
 * long strings with escapes, and freed before it returns.  Its time is bounded
 * by the value's length.
 */
ngx_int_t ngx_ess_schema_validate(ngx_ess_schema_t *schema,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_schema_error_t *error);


#endif /* _NGX_ESS_SCHEMA_H_INCLUDED_ */
