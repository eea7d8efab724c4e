
/*
 * Holds a value against a schema, from the outside in.  The first failure is
 * what the client is told, so the order is that of "properties"; of "anyOf" and
 * "oneOf" the schema counts that got furthest into the value.
 *
 * All work is counted, by schemas and bytes that are looked at, and ends at a
 * limit that grows with the value's length: what goes beyond it fails.  Owns
 * nothing.  Runs in workers.
 */


#include "ngx_ess_schema_validate.h"
#include "ngx_ess_schema_judge.h"
#include "ngx_ess_schema_scalar.h"
#include "ngx_ess_schema_unique.h"
#include "ngx_ess_json_string.h"


/* steps of any value, and of each of its bytes */
#define NGX_ESS_SCHEMA_VALIDATE_STEPS     20000
#define NGX_ESS_SCHEMA_VALIDATE_PER_BYTE  8

/* schemas within each other, by the value or by the schema */
#define NGX_ESS_SCHEMA_VALIDATE_DEPTH     512

/* members that are found by going through an object once */
#define NGX_ESS_SCHEMA_VALIDATE_FOUND     16


/* Each returns NGX_OK; NGX_DECLINED, with v->error; NGX_ABORT: the steps are
   used up, with v->error; NGX_ERROR: no memory. */

static ngx_int_t ngx_ess_schema_validate_node(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_any(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_array(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_object(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_properties(
    ngx_ess_schema_judge_t *v, const ngx_ess_schema_node_t *node,
    ngx_uint_t first, const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_schema_validate_required(
    ngx_ess_schema_judge_t *v, const ngx_ess_schema_names_t *names,
    const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_schema_validate_has(ngx_ess_schema_judge_t *v,
    const ngx_ess_json_value_t *value, const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_members(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_schema_validate_member(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_in_place(
    ngx_ess_schema_judge_t *v, const ngx_ess_schema_node_t *node,
    const ngx_ess_json_value_t *value, const ngx_str_t *name);
static ngx_int_t ngx_ess_schema_validate_some(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_nodes_t *nodes, ngx_uint_t one,
    const ngx_ess_json_value_t *value, const ngx_str_t *name);


ngx_int_t
ngx_ess_schema_validate_root(const ngx_ess_schema_node_t *root,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_schema_error_t *error, ngx_log_t *log)
{
    ngx_int_t               rc;
    ngx_str_t               name;
    ngx_ess_schema_judge_t  v;

    ngx_memzero(&v, sizeof(ngx_ess_schema_judge_t));

    v.now = now;
    v.log = log;
    v.steps = NGX_ESS_SCHEMA_VALIDATE_STEPS
              + NGX_ESS_SCHEMA_VALIDATE_PER_BYTE * value->span.len;

    ngx_str_null(&name);

    rc = ngx_ess_schema_validate_node(&v, root, value, &name);

    if (rc == NGX_OK || rc == NGX_ERROR) {
        return rc;
    }

    *error = v.error;

    return NGX_DECLINED;
}


/* "name" is the member's that the value is, or is in. */

static ngx_int_t
ngx_ess_schema_validate_node(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_int_t  rc;

    if (node->never) {
        return ngx_ess_schema_judge_wrong(v, name, 0);
    }

    if (v->depth == NGX_ESS_SCHEMA_VALIDATE_DEPTH) {
        (void) ngx_ess_schema_judge_wrong(v, name, 0);
        return NGX_ABORT;
    }

    if (ngx_ess_schema_judge_charge(v, 1, NULL, name) != NGX_OK) {
        return NGX_ABORT;
    }

    v->depth++;

    rc = ngx_ess_schema_validate_any(v, node, value, name);

    if (rc == NGX_OK) {
        switch (value->type) {

        case NGX_ESS_JSON_NUMBER:
            rc = ngx_ess_schema_scalar_number(v, node, value, name);
            break;

        case NGX_ESS_JSON_STRING:
            rc = ngx_ess_schema_scalar_string(v, node, value, name);
            break;

        case NGX_ESS_JSON_ARRAY:
            rc = ngx_ess_schema_validate_array(v, node, value, name);
            break;

        case NGX_ESS_JSON_OBJECT:
            rc = ngx_ess_schema_validate_object(v, node, value, name);
            break;

        default: /* NGX_ESS_JSON_NULL, NGX_ESS_JSON_BOOLEAN */
            break;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_schema_validate_in_place(v, node, value, name);
    }

    v->depth--;

    return rc;
}


/* What is asserted of values of all types. */

static ngx_int_t
ngx_ess_schema_validate_any(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_int_t              rc;
    ngx_ess_json_number_t  number;

    if (node->types && !(node->types & ((ngx_uint_t) 1 << value->type))) {

        if (value->type != NGX_ESS_JSON_NUMBER
            || !(node->types & NGX_ESS_SCHEMA_INTEGER))
        {
            return ngx_ess_schema_judge_wrong(v, name, 0);
        }

        ngx_ess_json_number_read(&value->span, &number);

        if (!ngx_ess_json_number_integer(&number)) {
            return ngx_ess_schema_judge_wrong(v, name, 0);
        }
    }

    rc = NGX_OK;

    if (node->any_of_values.elts) {
        rc = ngx_ess_schema_scalar_values(v, &node->any_of_values, value,
                                          name);
    }

    if (rc == NGX_OK && node->value.elts) {
        rc = ngx_ess_schema_scalar_values(v, &node->value, value, name);
    }

    return rc;
}


static ngx_int_t
ngx_ess_schema_validate_array(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_int_t                     rc;
    ngx_str_t                     none;
    ngx_uint_t                    n;
    ngx_ess_json_walk_t           walk;
    ngx_ess_json_value_t          item;
    const ngx_ess_schema_node_t  *of;

    if (node->prefix.n == 0 && node->items == NULL && node->min_items == 0
        && node->max_items == NGX_ESS_SCHEMA_NONE && !node->unique)
    {
        return NGX_OK;
    }

    if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
        return NGX_ABORT;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    for (n = 0; ngx_ess_json_read_next(&walk, &none, &item) == NGX_OK; n++) {

        of = (n < node->prefix.n) ? node->prefix.elts[n] : node->items;

        if (of) {
            v->level++;
            rc = ngx_ess_schema_validate_node(v, of, &item, name);
            v->level--;

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    if (n < node->min_items || n > node->max_items) {
        return ngx_ess_schema_judge_wrong(v, name, 0);
    }

    if (!node->unique) {
        return NGX_OK;
    }

    if (ngx_ess_schema_judge_charge(v, 4 * n, value, name) != NGX_OK) {
        return NGX_ABORT;
    }

    rc = ngx_ess_schema_unique(value, n, v->log);

    return (rc == NGX_DECLINED) ? ngx_ess_schema_judge_wrong(v, name, 0)
                                : rc;
}


static ngx_int_t
ngx_ess_schema_validate_object(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_int_t   rc;
    ngx_str_t   member;
    ngx_uint_t  i, n;

    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (node->min_members || node->max_members != NGX_ESS_SCHEMA_NONE) {

        if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
            return NGX_ABORT;
        }

        (void) ngx_ess_json_read_open(&walk, value);

        for (n = 0; ngx_ess_json_read_next(&walk, &member, &item) == NGX_OK;
             n++)
        {
            /* void */
        }

        if (n < node->min_members || n > node->max_members) {
            return ngx_ess_schema_judge_wrong(v, name, 0);
        }
    }

    for (i = 0; i < node->nproperties; i += NGX_ESS_SCHEMA_VALIDATE_FOUND) {

        if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
            return NGX_ABORT;
        }

        rc = ngx_ess_schema_validate_properties(v, node, i, value);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_ess_schema_validate_required(v, &node->required, value);

    for (i = 0; i < node->ndependent && rc == NGX_OK; i++) {
        rc = ngx_ess_schema_validate_has(v, value,
                                         &node->dependent[i].name.text);

        if (rc == NGX_OK) {
            rc = ngx_ess_schema_validate_required(v,
                                        &node->dependent[i].others, value);

        } else if (rc == NGX_DECLINED) {
            rc = NGX_OK;
        }
    }

    if (rc == NGX_OK && (node->nmatched || node->additional)) {

        if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
            return NGX_ABORT;
        }

        rc = ngx_ess_schema_validate_members(v, node, value);
    }

    return rc;
}


/* A few members of "properties", in the schema's order. */

static ngx_int_t
ngx_ess_schema_validate_properties(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, ngx_uint_t first,
    const ngx_ess_json_value_t *value)
{
    ngx_int_t                         rc;
    ngx_str_t                         name;
    ngx_uint_t                        i, n;
    ngx_ess_json_walk_t               walk;
    ngx_ess_json_value_t              item;
    const ngx_ess_schema_property_t  *properties;

    ngx_str_t             names[NGX_ESS_SCHEMA_VALIDATE_FOUND];
    ngx_ess_json_value_t  found[NGX_ESS_SCHEMA_VALIDATE_FOUND];

    properties = &node->properties[first];
    n = ngx_min(node->nproperties - first, NGX_ESS_SCHEMA_VALIDATE_FOUND);

    for (i = 0; i < n; i++) {
        found[i].span.data = NULL;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        for (i = 0; i < n; i++) {
            if (ngx_ess_json_string_is(&name, &properties[i].name.text)) {
                names[i] = name;
                found[i] = item;
                break;
            }
        }
    }

    for (i = 0; i < n; i++) {

        if (found[i].span.data == NULL) {

            if (properties[i].required) {
                return ngx_ess_schema_judge_wrong(v,
                                                 &properties[i].name.raw, 1);
            }

            continue;
        }

        v->level++;
        rc = ngx_ess_schema_validate_node(v, properties[i].node, &found[i],
                                          &names[i]);
        v->level--;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_validate_required(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_names_t *names, const ngx_ess_json_value_t *value)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < names->n; i++) {
        rc = ngx_ess_schema_validate_has(v, value, &names->elts[i].text);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED)
                   ? ngx_ess_schema_judge_wrong(v, &names->elts[i].raw, 1)
                   : rc;
        }
    }

    return NGX_OK;
}


/* Is the member there?  Says nothing in v->error if it is not. */

static ngx_int_t
ngx_ess_schema_validate_has(ngx_ess_schema_judge_t *v,
    const ngx_ess_json_value_t *value, const ngx_str_t *name)
{
    ngx_str_t             member;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (ngx_ess_schema_judge_charge(v, 1, value, name) != NGX_OK) {
        return NGX_ABORT;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &member, &item) == NGX_OK) {
        if (ngx_ess_json_string_is(&member, name)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_schema_validate_members(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value)
{
    ngx_int_t             rc;
    ngx_str_t             name;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        v->level++;
        rc = ngx_ess_schema_validate_member(v, node, &item, &name);
        v->level--;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/* What "patternProperties" and "additionalProperties" have for it. */

static ngx_int_t
ngx_ess_schema_validate_member(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    u_char      buf[NGX_ESS_SCHEMA_SCALAR_TEXT], *memory;
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  i, known;

    if (ngx_ess_schema_judge_charge(v, node->nproperties / 8, NULL, name)
        != NGX_OK)
    {
        return NGX_ABORT;
    }

    for (known = 0, i = 0; i < node->nproperties && !known; i++) {
        known = ngx_ess_json_string_is(name, &node->properties[i].name.text);
    }

    if (node->nmatched) {

        memory = ngx_ess_schema_scalar_plain(v, name, buf, &text, &rc);

        if (rc == NGX_DECLINED) {
            (void) ngx_ess_schema_judge_wrong(v, name, 0);
        }

        for (i = 0; i < node->nmatched && rc == NGX_OK; i++) {

            rc = ngx_ess_schema_scalar_pattern(v, node->matched[i].pattern,
                                               &text);
            if (rc == NGX_DECLINED) {
                rc = NGX_OK;

            } else if (rc == NGX_ABORT) {
                (void) ngx_ess_schema_judge_wrong(v, name, 0);

            } else if (rc == NGX_OK) {
                known = 1;
                rc = ngx_ess_schema_validate_node(v, node->matched[i].node,
                                                  value, name);
            }
        }

        if (memory) {
            ngx_free(memory);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return (known || node->additional == NULL)
           ? NGX_OK
           : ngx_ess_schema_validate_node(v, node->additional, value, name);
}


/* Schemas that hold the same value. */

static ngx_int_t
ngx_ess_schema_validate_in_place(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    const ngx_ess_schema_node_t  *next;

    rc = node->ref ? ngx_ess_schema_validate_node(v, node->ref, value, name)
                   : NGX_OK;

    for (i = 0; i < node->all_of.n && rc == NGX_OK; i++) {
        rc = ngx_ess_schema_validate_node(v, node->all_of.elts[i], value,
                                          name);
    }

    if (rc == NGX_OK && node->if_this && (node->then_this || node->else_this)) {

        rc = ngx_ess_schema_validate_node(v, node->if_this, value, name);

        if (rc == NGX_OK || rc == NGX_DECLINED) {
            next = (rc == NGX_OK) ? node->then_this : node->else_this;
            rc = next ? ngx_ess_schema_validate_node(v, next, value, name)
                      : NGX_OK;
        }
    }

    if (rc == NGX_OK && node->any_of.n) {
        rc = ngx_ess_schema_validate_some(v, &node->any_of, 0, value, name);
    }

    if (rc == NGX_OK && node->one_of.n) {
        rc = ngx_ess_schema_validate_some(v, &node->one_of, 1, value, name);
    }

    if (rc == NGX_OK && node->not_this) {
        rc = ngx_ess_schema_validate_node(v, node->not_this, value, name);

        rc = (rc == NGX_OK) ? ngx_ess_schema_judge_wrong(v, name, 0)
                            : (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    return rc;
}


/* At least one of them, or, with "one", no more. */

static ngx_int_t
ngx_ess_schema_validate_some(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_nodes_t *nodes, ngx_uint_t one,
    const ngx_ess_json_value_t *value, const ngx_str_t *name)
{
    ngx_int_t               rc;
    ngx_uint_t              i, n, level;
    ngx_ess_schema_error_t  error;

    n = 0;
    level = v->level;
    ngx_memzero(&error, sizeof(ngx_ess_schema_error_t));

    for (i = 0; i < nodes->n; i++) {

        rc = ngx_ess_schema_validate_node(v, nodes->elts[i], value, name);

        if (rc == NGX_OK) {
            if (!one) {
                return NGX_OK;
            }

            if (++n > 1) {
                return ngx_ess_schema_judge_wrong(v, name, 0);
            }

        } else if (rc != NGX_DECLINED) {
            return rc;

        } else if (v->error_level > level) {
            level = v->error_level;
            error = v->error;
        }
    }

    if (n) {
        return NGX_OK;
    }

    if (level == v->level) {
        return ngx_ess_schema_judge_wrong(v, name, 0);
    }

    v->error = error;
    v->error_level = level;

    return NGX_DECLINED;
}
