/*
 * A value without members, held against what a node asserts.
 */


#ifndef _NGX_ESS_SCHEMA_SCALAR_H_INCLUDED_
#define _NGX_ESS_SCHEMA_SCALAR_H_INCLUDED_


#include "ngx_ess_schema_judge.h"
#include "ngx_ess_schema_node.h"


/* bytes of a string with escapes, without memory from outside */
#define NGX_ESS_SCHEMA_SCALAR_TEXT  256


/* Each returns NGX_OK; NGX_DECLINED or NGX_ABORT, with v->error; NGX_ERROR: no
   memory. */

/* Any value, and "enum" or "const". */
ngx_int_t ngx_ess_schema_scalar_values(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_values_t *values, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);

ngx_int_t ngx_ess_schema_scalar_number(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
ngx_int_t ngx_ess_schema_scalar_string(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);

/* The same, but leaves v->error alone. */
ngx_int_t ngx_ess_schema_scalar_pattern(ngx_ess_schema_judge_t *v,
    ngx_ess_schema_pattern_t *pattern, const ngx_str_t *text);

/*
 * A string without escapes: where it lies, or in "buf", of
 * NGX_ESS_SCHEMA_SCALAR_TEXT bytes, or in memory that is returned, and which
 * the caller frees.  *rc: NGX_OK; NGX_DECLINED: it is no text; NGX_ERROR.
 */
u_char *ngx_ess_schema_scalar_plain(ngx_ess_schema_judge_t *v,
    const ngx_str_t *raw, u_char *buf, ngx_str_t *text, ngx_int_t *rc);


#endif /* _NGX_ESS_SCHEMA_SCALAR_H_INCLUDED_ */
