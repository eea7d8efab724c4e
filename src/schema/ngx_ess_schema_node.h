/*
 * A compiled schema: nodes, made by ngx_ess_schema_build.c when the
 * configuration is read, and never changed after that.  A node lives as long as
 * its cycle's pool; a "$ref" leads to a node that stands elsewhere.
 */


#ifndef _NGX_ESS_SCHEMA_NODE_H_INCLUDED_
#define _NGX_ESS_SCHEMA_NODE_H_INCLUDED_


#include "ngx_ess_json_number.h"
#include "ngx_ess_json_canonical.h"
#include "ngx_ess_schema_format.h"
#include "ngx_ess_schema_pattern.h"
#include "ngx_ess_schema_place.h"


/* a limit that is not there */
#define NGX_ESS_SCHEMA_NONE     ((size_t) -1)

/* "integer", behind the bits of ngx_ess_json_type_e */
#define NGX_ESS_SCHEMA_INTEGER  0x40


typedef struct ngx_ess_schema_node_s  ngx_ess_schema_node_t;


/* a member's name */

typedef struct {
    ngx_str_t                text;          /* without escapes */
    ngx_str_t                raw;           /* as it stands in the schema */
} ngx_ess_schema_name_t;

typedef struct {
    ngx_ess_schema_name_t   *elts;
    ngx_uint_t               n;
} ngx_ess_schema_names_t;

typedef struct {
    ngx_ess_schema_node_t  **elts;
    ngx_uint_t               n;
} ngx_ess_schema_nodes_t;


/* of "enum" and "const" */

typedef struct {
    ngx_ess_json_value_t     value;
    u_char                   hash[NGX_ESS_JSON_CANONICAL_HASH];
                                            /* if it is an object or array */
} ngx_ess_schema_value_t;

typedef struct {
    ngx_ess_schema_value_t  *elts;          /* NULL: any value */
    ngx_uint_t               n;
    ngx_uint_t               types;         /* bits of those it has */
} ngx_ess_schema_values_t;


/* of "properties" */

typedef struct {
    ngx_ess_schema_name_t    name;
    ngx_ess_schema_node_t   *node;
    ngx_uint_t               required;
} ngx_ess_schema_property_t;

/* of "patternProperties" */

typedef struct {
    ngx_ess_schema_pattern_t *pattern;
    ngx_ess_schema_node_t    *node;
} ngx_ess_schema_matched_t;

/* of "dependentRequired" */

typedef struct {
    ngx_ess_schema_name_t    name;
    ngx_ess_schema_names_t   others;
} ngx_ess_schema_dependent_t;


struct ngx_ess_schema_node_s {
    const u_char            *text;          /* its value in the schema's */
    const ngx_ess_schema_place_t *place;    /* for messages */
    ngx_ess_schema_node_t   *next;          /* of all of the schema's */

    unsigned                 never:1;       /* false */
    unsigned                 unique:1;      /* uniqueItems */
    unsigned                 entered:1;     /* while loops are looked for */
    ngx_uint_t               chain;         /* so many schemas, this one among
                                               them, lead to each other for one
                                               value; 0: not known yet */

    ngx_uint_t               types;         /* bits; 0: any */
    ngx_ess_schema_values_t  any_of_values; /* enum */
    ngx_ess_schema_values_t  value;         /* const */

    ngx_ess_json_number_t   *minimum;       /* NULL, each: any */
    ngx_ess_json_number_t   *maximum;
    ngx_ess_json_number_t   *above;         /* exclusiveMinimum */
    ngx_ess_json_number_t   *below;         /* exclusiveMaximum */
    ngx_ess_json_number_t   *multiple_of;

    size_t                   min_length;    /* characters */
    size_t                   max_length;
    ngx_ess_schema_pattern_t *pattern;
    ngx_ess_schema_format_pt format;        /* NULL: any */
    ngx_int_t                time;          /* x-ess-time: -1 past, 1 future */

    size_t                   min_items;
    size_t                   max_items;
    ngx_ess_schema_nodes_t   prefix;
    ngx_ess_schema_node_t   *items;

    size_t                   min_members;
    size_t                   max_members;
    ngx_ess_schema_property_t *properties;
    ngx_uint_t               nproperties;
    ngx_ess_schema_names_t   required;      /* while it is compiled, all; then
                                               those that "properties" has
                                               not */
    ngx_ess_schema_matched_t *matched;
    ngx_uint_t               nmatched;
    ngx_ess_schema_node_t   *additional;
    ngx_ess_schema_dependent_t *dependent;
    ngx_uint_t               ndependent;

    ngx_ess_schema_node_t   *ref;           /* $ref */
    ngx_str_t                ref_text;      /* until it is found; or empty */
    ngx_ess_schema_nodes_t   all_of;
    ngx_ess_schema_nodes_t   any_of;
    ngx_ess_schema_nodes_t   one_of;
    ngx_ess_schema_node_t   *not_this;
    ngx_ess_schema_node_t   *if_this;
    ngx_ess_schema_node_t   *then_this;
    ngx_ess_schema_node_t   *else_this;
};


#endif /* _NGX_ESS_SCHEMA_NODE_H_INCLUDED_ */
