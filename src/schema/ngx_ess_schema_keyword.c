
/*
 * Assertions without schemas in them, by a table.  Their values are checked as
 * the draft's metaschema has it.  Nodes are the pool's.  Runs where the
 * configuration is read.
 */


#include "ngx_ess_schema_keyword.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_str.h"


/* digits of "multipleOf", so that it is exact */
#define NGX_ESS_SCHEMA_KEYWORD_DIGITS  18


typedef struct {
    ngx_str_t                  name;
    ngx_ess_schema_keyword_pt  set;
    size_t                     offset;
} ngx_ess_schema_keyword_row_t;


static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_note;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_id;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_draft;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_type;
static ngx_uint_t ngx_ess_schema_keyword_type_of(
    const ngx_ess_json_value_t *value);
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_enum;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_const;
static ngx_int_t ngx_ess_schema_keyword_value(ngx_ess_schema_text_t *text,
    ngx_ess_schema_values_t *values, const ngx_ess_json_value_t *value,
    const ngx_ess_schema_place_t *place);
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_number;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_multiple;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_size;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_unique;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_required;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_dependent;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_pattern;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_format;
static ngx_ess_schema_keyword_f  ngx_ess_schema_keyword_time;


#define ngx_ess_schema_keyword_at(name)                                       \
    offsetof(ngx_ess_schema_node_t, name)

static const ngx_ess_schema_keyword_row_t  ngx_ess_schema_keyword_rows[] = {

    /* annotations, and what organizes a schema */

    { ngx_string("title"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("description"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("$comment"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("default"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("examples"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("deprecated"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("readOnly"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("writeOnly"), ngx_ess_schema_keyword_note, 0 },
    { ngx_string("$schema"), ngx_ess_schema_keyword_draft, 0 },
    { ngx_string("$id"), ngx_ess_schema_keyword_id, 0 },

    /* of any value */

    { ngx_string("type"), ngx_ess_schema_keyword_type, 0 },
    { ngx_string("enum"), ngx_ess_schema_keyword_enum, 0 },
    { ngx_string("const"), ngx_ess_schema_keyword_const, 0 },

    /* of numbers */

    { ngx_string("minimum"), ngx_ess_schema_keyword_number,
      ngx_ess_schema_keyword_at(minimum) },
    { ngx_string("maximum"), ngx_ess_schema_keyword_number,
      ngx_ess_schema_keyword_at(maximum) },
    { ngx_string("exclusiveMinimum"), ngx_ess_schema_keyword_number,
      ngx_ess_schema_keyword_at(above) },
    { ngx_string("exclusiveMaximum"), ngx_ess_schema_keyword_number,
      ngx_ess_schema_keyword_at(below) },
    { ngx_string("multipleOf"), ngx_ess_schema_keyword_multiple,
      ngx_ess_schema_keyword_at(multiple_of) },

    /* of strings */

    { ngx_string("minLength"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(min_length) },
    { ngx_string("maxLength"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(max_length) },
    { ngx_string("pattern"), ngx_ess_schema_keyword_pattern, 0 },
    { ngx_string("format"), ngx_ess_schema_keyword_format, 0 },
    { ngx_string("x-ess-time"), ngx_ess_schema_keyword_time, 0 },

    /* of arrays */

    { ngx_string("minItems"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(min_items) },
    { ngx_string("maxItems"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(max_items) },
    { ngx_string("uniqueItems"), ngx_ess_schema_keyword_unique, 0 },

    /* of objects */

    { ngx_string("minProperties"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(min_members) },
    { ngx_string("maxProperties"), ngx_ess_schema_keyword_size,
      ngx_ess_schema_keyword_at(max_members) },
    { ngx_string("required"), ngx_ess_schema_keyword_required, 0 },
    { ngx_string("dependentRequired"), ngx_ess_schema_keyword_dependent, 0 },

    { ngx_null_string, NULL, 0 }
};


static const ngx_str_t  ngx_ess_schema_keyword_types[] = {
    /* in the order of ngx_ess_json_type_e */
    ngx_string("null"),
    ngx_string("boolean"),
    ngx_string("number"),
    ngx_string("string"),
    ngx_string("array"),
    ngx_string("object"),
    ngx_string("integer"),
    ngx_null_string
};


ngx_ess_schema_keyword_pt
ngx_ess_schema_keyword(const ngx_str_t *name, size_t *offset)
{
    const ngx_ess_schema_keyword_row_t  *row;

    for (row = ngx_ess_schema_keyword_rows; row->set; row++) {
        if (ngx_ess_str_equal(&row->name, name)) {
            *offset = row->offset;
            return row->set;
        }
    }

    return NULL;
}


void *
ngx_ess_schema_keyword_memory(ngx_ess_schema_text_t *text, size_t size,
    const ngx_ess_schema_place_t *place)
{
    void  *p;

    p = ngx_palloc(text->pool, size ? size : 1);

    if (p == NULL) {
        (void) ngx_ess_schema_place_wrong(text->wrong, place, "no memory");
        return NULL;
    }

    ngx_memzero(p, size);

    return p;
}


void *
ngx_ess_schema_keyword_array(ngx_ess_schema_text_t *text,
    const ngx_ess_json_value_t *value, ngx_ess_json_type_e type,
    ngx_uint_t min, const char *what, size_t size,
    const ngx_ess_schema_place_t *place)
{
    ngx_str_t             name;
    ngx_uint_t            n;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    n = 0;

    if (value->type == type) {
        (void) ngx_ess_json_read_open(&walk, value);

        while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {
            n++;
        }
    }

    if (value->type != type || n < min) {
        (void) ngx_ess_schema_place_wrong(text->wrong, place, "%s", what);
        return NULL;
    }

    return ngx_ess_schema_keyword_memory(text, n * size, place);
}


ngx_int_t
ngx_ess_schema_keyword_text(ngx_ess_schema_text_t *text, const ngx_str_t *raw,
    ngx_str_t *to, const ngx_ess_schema_place_t *place)
{
    u_char  *buf;

    buf = ngx_ess_schema_keyword_memory(text, raw->len, place);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_json_string_text(raw, buf, to) != NGX_OK) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                              "there is half of a surrogate pair in a string");
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_schema_keyword_names(ngx_ess_schema_text_t *text,
    const ngx_ess_json_value_t *value, ngx_ess_schema_names_t *names,
    const ngx_ess_schema_place_t *place)
{
    ngx_str_t               none;
    ngx_uint_t              i;
    ngx_ess_json_walk_t     walk;
    ngx_ess_json_value_t    item;
    ngx_ess_schema_name_t  *name;

    names->elts = ngx_ess_schema_keyword_array(text, value,
                                        NGX_ESS_JSON_ARRAY, 0,
                                        "it must be a list of strings",
                                        sizeof(ngx_ess_schema_name_t), place);
    if (names->elts == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &none, &item) == NGX_OK) {

        if (item.type != NGX_ESS_JSON_STRING) {
            return ngx_ess_schema_place_wrong(text->wrong, place,
                                              "it must be a list of strings");
        }

        name = &names->elts[names->n];

        name->raw.data = item.span.data + 1;
        name->raw.len = item.span.len - 2;

        if (ngx_ess_schema_keyword_text(text, &name->raw, &name->text, place)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < names->n; i++) {
            if (ngx_ess_str_equal(&names->elts[i].text, &name->text)) {
                return ngx_ess_schema_place_wrong(text->wrong, place,
                                           "\"%V\" is there twice", &name->raw);
            }
        }

        names->n++;
    }

    return NGX_OK;
}


/* An annotation: what it says is for people. */

static ngx_int_t
ngx_ess_schema_keyword_note(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    return NGX_OK;
}


/* Of the whole it is a name; elsewhere it would change what a "$ref" means. */

static ngx_int_t
ngx_ess_schema_keyword_id(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    if (node->text != text->root.span.data
        || value->type != NGX_ESS_JSON_STRING)
    {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                     "\"$id\" must be a string at the top of the file: what is "
                     "within a schema has no name of its own");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_draft(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t  raw, name;

    ngx_str_set(&name, "https://json-schema.org/draft/2020-12/schema");

    raw.data = value->span.data + 1;
    raw.len = value->span.len - 2;

    if (raw.len == name.len + 1 && raw.data[name.len] == '#') {
        raw.len--;
    }

    if (value->type != NGX_ESS_JSON_STRING
        || !ngx_ess_json_string_is(&raw, &name))
    {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                          "it must be \"%V\"", &name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_type(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t             name;
    ngx_uint_t            bit;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (value->type == NGX_ESS_JSON_STRING) {
        node->types = ngx_ess_schema_keyword_type_of(value);

    } else if (ngx_ess_json_read_open(&walk, value) == NGX_OK
               && value->type == NGX_ESS_JSON_ARRAY)
    {
        while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {
            bit = ngx_ess_schema_keyword_type_of(&item);

            if (bit == 0 || (node->types & bit)) {
                node->types = 0;
                break;
            }

            node->types |= bit;
        }
    }

    if (node->types == 0) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                     "it must be one of \"null\", \"boolean\", \"object\", "
                     "\"array\", \"number\", \"integer\" and \"string\", or a "
                     "list of some of them");
    }

    return NGX_OK;
}


/* A bit; 0: it names no type. */

static ngx_uint_t
ngx_ess_schema_keyword_type_of(const ngx_ess_json_value_t *value)
{
    ngx_str_t   raw;
    ngx_uint_t  i;

    if (value->type != NGX_ESS_JSON_STRING) {
        return 0;
    }

    raw.data = value->span.data + 1;
    raw.len = value->span.len - 2;

    for (i = 0; ngx_ess_schema_keyword_types[i].len; i++) {
        if (ngx_ess_json_string_is(&raw, &ngx_ess_schema_keyword_types[i])) {
            return 1 << i;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ess_schema_keyword_enum(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t                 name;
    ngx_ess_json_walk_t       walk;
    ngx_ess_json_value_t      item;
    ngx_ess_schema_values_t  *values;

    values = &node->any_of_values;
    values->elts = ngx_ess_schema_keyword_array(text, value,
                                        NGX_ESS_JSON_ARRAY, 0,
                                        "it must be a list of values",
                                        sizeof(ngx_ess_schema_value_t), place);
    if (values->elts == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK) {
        if (ngx_ess_schema_keyword_value(text, values, &item, place)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_const(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    node->value.elts = ngx_ess_schema_keyword_memory(text,
                                       sizeof(ngx_ess_schema_value_t), place);
    if (node->value.elts == NULL) {
        return NGX_ERROR;
    }

    return ngx_ess_schema_keyword_value(text, &node->value, value, place);
}


static ngx_int_t
ngx_ess_schema_keyword_value(ngx_ess_schema_text_t *text,
    ngx_ess_schema_values_t *values, const ngx_ess_json_value_t *value,
    const ngx_ess_schema_place_t *place)
{
    ngx_ess_schema_value_t  *to;

    to = &values->elts[values->n++];

    to->value = *value;
    values->types |= (ngx_uint_t) 1 << value->type;

    if (value->type >= NGX_ESS_JSON_ARRAY
        && ngx_ess_json_canonical_hash(value, to->hash, text->log) != NGX_OK)
    {
        return ngx_ess_schema_place_wrong(text->wrong, place, "no memory");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_number(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_ess_json_number_t  *number;

    if (value->type != NGX_ESS_JSON_NUMBER) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                          "it must be a number");
    }

    number = ngx_ess_schema_keyword_memory(text, sizeof(ngx_ess_json_number_t),
                                           place);
    if (number == NULL) {
        return NGX_ERROR;
    }

    ngx_ess_json_number_read(&value->span, number);

    *(ngx_ess_json_number_t **) ((u_char *) node + offset) = number;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_multiple(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    if (ngx_ess_schema_keyword_number(text, node, value, offset, place)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (node->multiple_of->negative || node->multiple_of->huge
        || node->multiple_of->n == 0
        || node->multiple_of->n > NGX_ESS_SCHEMA_KEYWORD_DIGITS)
    {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                     "it must be a number greater than 0 of at most 18 digits");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_size(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    size_t                  size, i;
    const u_char           *p;
    ngx_ess_json_number_t   number;

    size = 0;

    if (value->type == NGX_ESS_JSON_NUMBER) {
        ngx_ess_json_number_read(&value->span, &number);

        if (number.n == 0) {
            *(size_t *) ((u_char *) node + offset) = 0;
            return NGX_OK;
        }

        if (ngx_ess_json_number_integer(&number) && !number.negative
            && !number.huge && number.n + number.exp < 16)
        {
            for (p = number.digits, i = 0; i < number.n; p++) {
                if (*p != '.') {
                    size = size * 10 + (*p - '0');
                    i++;
                }
            }

            while (number.exp--) {
                size *= 10;
            }
        }
    }

    if (size == 0) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                      "it must be an integer from 0 on, of at most 15 digits");
    }

    *(size_t *) ((u_char *) node + offset) = size;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_unique(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    if (value->type != NGX_ESS_JSON_BOOLEAN) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                          "it must be true or false");
    }

    node->unique = (*value->span.data == 't');

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_required(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    return ngx_ess_schema_keyword_names(text, value, &node->required, place);
}


static ngx_int_t
ngx_ess_schema_keyword_dependent(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_ess_json_walk_t          walk;
    ngx_ess_json_value_t         item;
    ngx_ess_schema_place_t       here;
    ngx_ess_schema_dependent_t  *one;

    node->dependent = ngx_ess_schema_keyword_array(text, value,
                                    NGX_ESS_JSON_OBJECT, 0,
                                    "it must be an object of lists of strings",
                                    sizeof(ngx_ess_schema_dependent_t), place);
    if (node->dependent == NULL) {
        return NGX_ERROR;
    }

    here.above = place;
    here.index = NGX_ESS_SCHEMA_NO_INDEX;

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &here.name, &item) == NGX_OK) {

        one = &node->dependent[node->ndependent++];
        one->name.raw = here.name;

        if (ngx_ess_schema_keyword_text(text, &here.name, &one->name.text,
                                        &here)
            != NGX_OK
            || ngx_ess_schema_keyword_names(text, &item, &one->others, &here)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_pattern(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t  raw, pattern, detail;

    if (value->type != NGX_ESS_JSON_STRING) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                          "it must be a regular expression");
    }

    raw.data = value->span.data + 1;
    raw.len = value->span.len - 2;

    if (ngx_ess_schema_keyword_text(text, &raw, &pattern, place) != NGX_OK) {
        return NGX_ERROR;
    }

    node->pattern = ngx_ess_schema_pattern_compile(text->pool, &pattern,
                                                   &detail);
    if (node->pattern == NULL) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                            "it must be a regular expression: %V", &detail);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_format(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    ngx_str_t  raw, name;

    if (value->type == NGX_ESS_JSON_STRING) {
        raw.data = value->span.data + 1;
        raw.len = value->span.len - 2;

        if (ngx_ess_schema_keyword_text(text, &raw, &name, place) != NGX_OK) {
            return NGX_ERROR;
        }

        node->format = ngx_ess_schema_format(&name);
    }

    if (node->format == NULL) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                 "it must be one of " NGX_ESS_SCHEMA_FORMATS);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_schema_keyword_time(ngx_ess_schema_text_t *text,
    ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    size_t offset, const ngx_ess_schema_place_t *place)
{
    if (value->type == NGX_ESS_JSON_STRING) {
        node->time = (value->span.len == 6
                      && ngx_memcmp(value->span.data, "\"past\"", 6) == 0)
                     ? -1
                     : (value->span.len == 8
                        && ngx_memcmp(value->span.data, "\"future\"", 8) == 0);
    }

    if (node->time == 0) {
        return ngx_ess_schema_place_wrong(text->wrong, place,
                                        "it must be \"past\" or \"future\"");
    }

    return NGX_OK;
}
