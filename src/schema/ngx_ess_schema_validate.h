/*
 * A value, held against a compiled schema.
 */


#ifndef _NGX_ESS_SCHEMA_VALIDATE_H_INCLUDED_
#define _NGX_ESS_SCHEMA_VALIDATE_H_INCLUDED_


#include "ngx_ess_schema.h"
#include "ngx_ess_schema_node.h"


/* As ngx_ess_schema_validate(). */
ngx_int_t ngx_ess_schema_validate_root(const ngx_ess_schema_node_t *root,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_schema_error_t *error, ngx_log_t *log);


#endif /* _NGX_ESS_SCHEMA_VALIDATE_H_INCLUDED_ */
