
/*
 * Compiles a schema: each schema in it becomes a node; then each "$ref" is
 * found, and loops of schemas that hold one value against themselves are looked
 * for.  Nodes are the pool's.  Runs where the configuration is read.
 */


#include "ngx_ess_schema_build.h"
#include "ngx_ess_schema_keyword.h"
#include "ngx_ess_json_pointer.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_str.h"


/* how many schemas may hold the same value against each other */
#define NGX_ESS_SCHEMA_BUILD_CHAIN  64


typedef struct {
    ngx_str_t                 name;
    ngx_ess_schema_keyword_f *set;
    size_t                    offset;
} ngx_ess_schema_build_row_t;


static ngx_ess_schema_node_t *ngx_ess_schema_build_node(
    ngx_ess_schema_text_t *text, const ngx_ess_json_value_t *value,
    const ngx_ess_schema_place_t *place);
static ngx_int_t ngx_ess_schema_build_keyword(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_ess_schema_place_t *place);
static void ngx_ess_schema_build_required(ngx_ess_schema_node_t *node);
static const ngx_ess_schema_place_t *ngx_ess_schema_build_place(
    ngx_ess_schema_text_t *text, const ngx_ess_schema_place_t *above,
    const ngx_str_t *name, ngx_uint_t index);
static ngx_int_t ngx_ess_schema_build_find(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node);
static ngx_int_t ngx_ess_schema_build_loops(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, ngx_uint_t *chain);
static ngx_int_t ngx_ess_schema_build_loops_of(ngx_ess_schema_text_t *text,
    const ngx_ess_schema_nodes_t *nodes, ngx_uint_t *chain);

static ngx_ess_schema_keyword_f  ngx_ess_schema_build_one;
static ngx_ess_schema_keyword_f  ngx_ess_schema_build_list;
static ngx_ess_schema_keyword_f  ngx_ess_schema_build_properties;
static ngx_ess_schema_keyword_f  ngx_ess_schema_build_matched;
static ngx_ess_schema_keyword_f  ngx_ess_schema_build_defs;
static ngx_ess_schema_keyword_f  ngx_ess_schema_build_ref;


#define ngx_ess_schema_build_at(name)  offsetof(ngx_ess_schema_node_t, name)

static const ngx_ess_schema_build_row_t  ngx_ess_schema_build_rows[] = {

    { ngx_string("properties"), ngx_ess_schema_build_properties, 0 },
    { ngx_string("patternProperties"), ngx_ess_schema_build_matched, 0 },
    { ngx_string("additionalProperties"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(additional) },
    { ngx_string("prefixItems"), ngx_ess_schema_build_list,
      ngx_ess_schema_build_at(prefix) },
    { ngx_string("items"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(items) },

    { ngx_string("allOf"), ngx_ess_schema_build_list,
      ngx_ess_schema_build_at(all_of) },
    { ngx_string("anyOf"), ngx_ess_schema_build_list,
      ngx_ess_schema_build_at(any_of) },
    { ngx_string("oneOf"), ngx_ess_schema_build_list,
      ngx_ess_schema_build_at(one_of) },
    { ngx_string("not"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(not_this) },
    { ngx_string("if"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(if_this) },
    { ngx_string("then"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(then_this) },
    { ngx_string("else"), ngx_ess_schema_build_one,
      ngx_ess_schema_build_at(else_this) },

    { ngx_string("$ref"), ngx_ess_schema_build_ref, 0 },
    { ngx_string("$defs"), ngx_ess_schema_build_defs, 0 },

    { ngx_null_string, NULL, 0 }
};


ngx_ess_schema_node_t *
ngx_ess_schema_build(ngx_pool_t *pool, ngx_log_t *log, const ngx_str_t *text,
    ngx_ess_schema_wrong_t *wrong)
{
    ngx_uint_t                     chain;
    const char                    *detail;
    ngx_ess_schema_node_t         *node, *root;
    ngx_ess_schema_text_t          t;
    const ngx_ess_schema_place_t  *place;

    ngx_memzero(&t, sizeof(ngx_ess_schema_text_t));

    t.pool = pool;
    t.log = log;
    t.wrong = wrong;

    place = ngx_ess_schema_build_place(&t, NULL, NULL,
                                       NGX_ESS_SCHEMA_NO_INDEX);
    if (place == NULL) {
        return NULL;
    }

    if (ngx_ess_json_read(text, &t.root, &detail) != NGX_OK) {
        (void) ngx_ess_schema_place_wrong(wrong, place, "%s", detail);
        return NULL;
    }

    root = ngx_ess_schema_build_node(&t, &t.root, place);
    if (root == NULL) {
        return NULL;
    }

    for (node = t.nodes; node; node = node->next) {
        if (node->ref_text.data
            && ngx_ess_schema_build_find(&t, node) != NGX_OK)
        {
            return NULL;
        }
    }

    for (node = t.nodes; node; node = node->next) {
        chain = 0;

        if (ngx_ess_schema_build_loops(&t, node, &chain) != NGX_OK) {
            return NULL;
        }
    }

    return root;
}


static ngx_ess_schema_node_t *
ngx_ess_schema_build_node(ngx_ess_schema_text_t *text,
    const ngx_ess_json_value_t *value, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                      name;
    ngx_ess_json_walk_t            walk;
    ngx_ess_json_value_t           item;
    ngx_ess_schema_node_t         *node;
    const ngx_ess_schema_place_t  *here;

    if (value->type != NGX_ESS_JSON_OBJECT
        && value->type != NGX_ESS_JSON_BOOLEAN)
    {
        (void) ngx_ess_schema_place_wrong(text->wrong, place,
                          "a schema is an object, or true, or false");
        return NULL;
    }

    if (++text->nnodes > NGX_ESS_SCHEMA_BUILD_MAX) {
        (void) ngx_ess_schema_place_wrong(text->wrong, place,
                          "there are more than %ui schemas",
                          (ngx_uint_t) NGX_ESS_SCHEMA_BUILD_MAX);
        return NULL;
    }

    node = ngx_ess_schema_keyword_memory(text, sizeof(ngx_ess_schema_node_t),
                                         place);
    if (node == NULL) {
        return NULL;
    }

    node->text = value->span.data;
    node->place = place;
    node->next = text->nodes;
    text->nodes = node;

    node->max_length = NGX_ESS_SCHEMA_NONE;
    node->max_items = NGX_ESS_SCHEMA_NONE;
    node->max_members = NGX_ESS_SCHEMA_NONE;

    if (value->type == NGX_ESS_JSON_BOOLEAN) {
        node->never = (*value->span.data == 'f');
        return node;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        here = ngx_ess_schema_build_place(text, place, &name,
                                          NGX_ESS_SCHEMA_NO_INDEX);
        if (here == NULL
            || ngx_ess_schema_build_keyword(text, node, &item, here) != NGX_OK)
        {
            return NULL;
        }
    }

    ngx_ess_schema_build_required(node);

    return node;
}


static ngx_int_t
ngx_ess_schema_build_keyword(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_ess_schema_place_t *place)
{
    size_t                             offset;
    ngx_str_t                          name;
    ngx_ess_schema_keyword_pt          set;
    const ngx_ess_schema_build_row_t  *row;

    if (ngx_ess_schema_keyword_text(text, &place->name, &name, place)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (row = ngx_ess_schema_build_rows; row->set; row++) {
        if (ngx_ess_str_equal(&row->name, &name)) {
            return row->set(text, node, value, row->offset, place);
        }
    }

    set = ngx_ess_schema_keyword(&name, &offset);

    if (set) {
        return set(text, node, value, offset, place);
    }

    return ngx_ess_schema_place_wrong(text->wrong, place,
                     "the keyword \"%V\" is not supported; what is not to be "
                     "asserted can stand in \"$comment\"", &place->name);
}


/* Members that "properties" has and "required" wants are told of in the order
   of the former. */

static void
ngx_ess_schema_build_required(ngx_ess_schema_node_t *node)
{
    ngx_uint_t              i, k, n;
    ngx_ess_schema_name_t  *name;

    for (i = 0, n = 0; i < node->required.n; i++) {
        name = &node->required.elts[i];

        for (k = 0; k < node->nproperties; k++) {
            if (ngx_ess_str_equal(&node->properties[k].name.text,
                                  &name->text))
            {
                node->properties[k].required = 1;
                break;
            }
        }

        if (k == node->nproperties) {
            node->required.elts[n++] = *name;
        }
    }

    node->required.n = n;
}


static const ngx_ess_schema_place_t *
ngx_ess_schema_build_place(ngx_ess_schema_text_t *text,
    const ngx_ess_schema_place_t *above, const ngx_str_t *name,
    ngx_uint_t index)
{
    ngx_ess_schema_place_t  *place, root;

    ngx_memzero(&root, sizeof(ngx_ess_schema_place_t));

    place = ngx_ess_schema_keyword_memory(text, sizeof(ngx_ess_schema_place_t),
                                          above ? above : &root);
    if (place == NULL) {
        return NULL;
    }

    place->above = above;
    place->index = index;

    if (name) {
        place->name = *name;
    }

    return place;
}


static ngx_int_t
ngx_ess_schema_build_one(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_ess_schema_node_t  *one;

    one = ngx_ess_schema_build_node(text, value, place);

    *(ngx_ess_schema_node_t **) ((u_char *) node + offset) = one;

    return one ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_ess_schema_build_list(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                      name;
    ngx_ess_json_walk_t            walk;
    ngx_ess_json_value_t           item;
    ngx_ess_schema_nodes_t        *nodes;
    const ngx_ess_schema_place_t  *here;

    nodes = (ngx_ess_schema_nodes_t *) ((u_char *) node + offset);

    nodes->elts = ngx_ess_schema_keyword_array(text, value,
                                     NGX_ESS_JSON_ARRAY, 1,
                                     "it must be a list of one schema or more",
                                     sizeof(ngx_ess_schema_node_t *), place);
    if (nodes->elts == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        here = ngx_ess_schema_build_place(text, place, NULL, nodes->n);
        if (here == NULL) {
            return NGX_ERROR;
        }

        nodes->elts[nodes->n] = ngx_ess_schema_build_node(text, &item, here);

        if (nodes->elts[nodes->n++] == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_build_properties(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                      name;
    ngx_ess_json_walk_t            walk;
    ngx_ess_json_value_t           item;
    ngx_ess_schema_property_t     *one;
    const ngx_ess_schema_place_t  *here;

    node->properties = ngx_ess_schema_keyword_array(text, value,
                                        NGX_ESS_JSON_OBJECT, 0,
                                        "it must be an object of schemas",
                                        sizeof(ngx_ess_schema_property_t),
                                        place);
    if (node->properties == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        one = &node->properties[node->nproperties++];
        one->name.raw = name;

        here = ngx_ess_schema_build_place(text, place, &name,
                                          NGX_ESS_SCHEMA_NO_INDEX);
        if (here == NULL
            || ngx_ess_schema_keyword_text(text, &name, &one->name.text, here)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        one->node = ngx_ess_schema_build_node(text, &item, here);
        if (one->node == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_build_matched(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                      name, pattern, detail;
    ngx_ess_json_walk_t            walk;
    ngx_ess_json_value_t           item;
    ngx_ess_schema_matched_t      *one;
    const ngx_ess_schema_place_t  *here;

    node->matched = ngx_ess_schema_keyword_array(text, value,
                                        NGX_ESS_JSON_OBJECT, 0,
                                        "it must be an object of schemas",
                                        sizeof(ngx_ess_schema_matched_t),
                                        place);
    if (node->matched == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        here = ngx_ess_schema_build_place(text, place, &name,
                                          NGX_ESS_SCHEMA_NO_INDEX);
        if (here == NULL
            || ngx_ess_schema_keyword_text(text, &name, &pattern, here)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        one = &node->matched[node->nmatched++];

        one->pattern = ngx_ess_schema_pattern_compile(text->pool, &pattern,
                                                      &detail);
        if (one->pattern == NULL) {
            return ngx_ess_schema_place_wrong(text->wrong, here,
                          "its name must be a regular expression: %V", &detail);
        }

        one->node = ngx_ess_schema_build_node(text, &item, here);
        if (one->node == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_build_defs(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                      name;
    ngx_ess_json_walk_t            walk;
    ngx_ess_json_value_t           item;
    const ngx_ess_schema_place_t  *here;

    if (value->type != NGX_ESS_JSON_OBJECT) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                          "it must be an object of schemas");
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {

        here = ngx_ess_schema_build_place(text, place, &name,
                                          NGX_ESS_SCHEMA_NO_INDEX);
        if (here == NULL
            || ngx_ess_schema_build_node(text, &item, here) == NULL)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_build_ref(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t  raw;

    if (value->type == NGX_ESS_JSON_STRING) {
        raw.data = value->span.data + 1;
        raw.len = value->span.len - 2;

        if (ngx_ess_schema_keyword_text(text, &raw, &node->ref_text, place)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (node->ref_text.len && node->ref_text.data[0] == '#') {
            return NGX_OK;
        }
    }

    return ngx_ess_schema_place_wrong(text->wrong, place,
                         "it must be a place in this file, \"#/$defs/name\"");
}


static ngx_int_t
ngx_ess_schema_build_find(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node)
{
    u_char                  *buf;
    ngx_str_t                fragment, path;
    const char              *detail;
    ngx_ess_json_value_t     value;
    ngx_ess_schema_node_t   *one;
    ngx_ess_json_pointer_t   pointer;

    fragment.data = node->ref_text.data + 1;
    fragment.len = node->ref_text.len - 1;

    buf = ngx_ess_schema_keyword_memory(text, fragment.len, node->place);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_percent_decode(&path, buf, fragment.len, &fragment, 0)
        == NGX_OK
        && ngx_ess_json_pointer_compile(&pointer, text->pool, &path, &detail)
           == NGX_OK
        && ngx_ess_json_pointer_find(&text->root.span, &pointer, &value)
           == NGX_OK)
    {
        for (one = text->nodes; one; one = one->next) {
            if (one->text == value.span.data) {
                node->ref = one;
                return NGX_OK;
            }
        }
    }

    return ngx_ess_schema_place_wrong(text->wrong, node->place,
                              "\"$ref\" is \"%V\", and there is no schema",
                              &node->ref_text);
}


/* Schemas that lead to themselves without going down into the value would never
   end, and long chains of them would use up what a validation may do.  "chain"
   grows to that of the node. */

static ngx_int_t
ngx_ess_schema_build_loops(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, ngx_uint_t *chain)
{
    ngx_uint_t              i, longest;
    ngx_ess_schema_node_t  *ones[5];

    if (node == NULL) {
        return NGX_OK;
    }

    if (node->chain == 0) {

        if (node->entered) {
            return ngx_ess_schema_place_wrong(text->wrong, node->place,
                          "it leads to itself by \"$ref\", for the same value");
        }

        node->entered = 1;
        longest = 0;

        ones[0] = node->ref;
        ones[1] = node->not_this;
        ones[2] = node->if_this;
        ones[3] = node->then_this;
        ones[4] = node->else_this;

        for (i = 0; i < 5; i++) {
            if (ngx_ess_schema_build_loops(text, ones[i], &longest)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }

        if (ngx_ess_schema_build_loops_of(text, &node->all_of, &longest)
            != NGX_OK
            || ngx_ess_schema_build_loops_of(text, &node->any_of, &longest)
               != NGX_OK
            || ngx_ess_schema_build_loops_of(text, &node->one_of, &longest)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        node->chain = longest + 1;

        if (node->chain > NGX_ESS_SCHEMA_BUILD_CHAIN) {
            return ngx_ess_schema_place_wrong(text->wrong, node->place,
                          "more than %ui schemas lead to each other for one "
                          "value", (ngx_uint_t) NGX_ESS_SCHEMA_BUILD_CHAIN);
        }
    }

    *chain = ngx_max(*chain, node->chain);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_build_loops_of(ngx_ess_schema_text_t *text,
    const ngx_ess_schema_nodes_t *nodes, ngx_uint_t *chain)
{
    ngx_uint_t  i;

    for (i = 0; i < nodes->n; i++) {
        if (ngx_ess_schema_build_loops(text, nodes->elts[i], chain)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
