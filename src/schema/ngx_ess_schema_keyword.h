/*
 * Keywords of a schema that hold no schema: what each asserts goes into its
 * node.
 */


#ifndef _NGX_ESS_SCHEMA_KEYWORD_H_INCLUDED_
#define _NGX_ESS_SCHEMA_KEYWORD_H_INCLUDED_


#include "ngx_ess_schema_node.h"


/* what is compiled */

typedef struct {
    ngx_pool_t              *pool;          /* of the nodes */
    ngx_log_t               *log;
    ngx_ess_schema_wrong_t  *wrong;
    ngx_ess_json_value_t     root;
    ngx_ess_schema_node_t   *nodes;         /* all */
    ngx_uint_t               nnodes;
} ngx_ess_schema_text_t;


/*
 * Each: NGX_OK, or NGX_ERROR, with text->wrong.  "offset" is that of the node's
 * member that the keyword sets.
 */
typedef ngx_int_t ngx_ess_schema_keyword_f(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place);

typedef ngx_ess_schema_keyword_f  *ngx_ess_schema_keyword_pt;

/* NULL: that is no such keyword. */
ngx_ess_schema_keyword_pt ngx_ess_schema_keyword(const ngx_str_t *name,
    size_t *offset);

/* The text of a string, or of a member's name, into the pool. */
ngx_int_t ngx_ess_schema_keyword_text(ngx_ess_schema_text_t *text,
    const ngx_str_t *raw, ngx_str_t *to, const ngx_ess_schema_place_t *place);

/* A list of strings, each there once. */
ngx_int_t ngx_ess_schema_keyword_names(ngx_ess_schema_text_t *text,
    const ngx_ess_json_value_t *value, ngx_ess_schema_names_t *names,
    const ngx_ess_schema_place_t *place);

/*
 * Memory of "size" bytes for each member or element of a value, as below.
 * NULL as well if it is of another type, or has fewer than "min": "what" it
 * must be.
 */
void *ngx_ess_schema_keyword_array(ngx_ess_schema_text_t *text,
    const ngx_ess_json_value_t *value, ngx_ess_json_type_e type,
    ngx_uint_t min, const char *what, size_t size,
    const ngx_ess_schema_place_t *place);

/* Memory of the pool, zeroed, or NULL, with text->wrong. */
void *ngx_ess_schema_keyword_memory(ngx_ess_schema_text_t *text, size_t size,
    const ngx_ess_schema_place_t *place);


#endif /* _NGX_ESS_SCHEMA_KEYWORD_H_INCLUDED_ */
