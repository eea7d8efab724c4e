
/*
 * What is asserted of strings and numbers, and of any value by "enum" and
 * "const".  Owns nothing but what a string without its escapes needs.  Runs in
 * workers.
 */


#include "ngx_ess_schema_scalar.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_date.h"


static ngx_uint_t ngx_ess_schema_scalar_length(const ngx_str_t *raw,
    size_t min, size_t max);
static ngx_int_t ngx_ess_schema_scalar_text(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_str_t *text);


ngx_int_t
ngx_ess_schema_scalar_values(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_values_t *values, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    u_char                         hash[NGX_ESS_JSON_CANONICAL_HASH];
    ngx_uint_t                     i;
    const ngx_ess_schema_value_t  *one;

    if (!(values->types & ((ngx_uint_t) 1 << value->type))) {
        return ngx_ess_schema_judge_wrong(v, name, 0);
    }

    if (ngx_ess_schema_judge_charge(v, values->n / 8, value, name)
        != NGX_OK)
    {
        return NGX_ABORT;
    }

    if (value->type >= NGX_ESS_JSON_ARRAY
        && ngx_ess_json_canonical_hash(value, hash, v->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < values->n; i++) {
        one = &values->elts[i];

        if (value->type < NGX_ESS_JSON_ARRAY
            ? ngx_ess_json_canonical_same(&one->value, value)
            : one->value.type == value->type
              && ngx_memcmp(one->hash, hash, NGX_ESS_JSON_CANONICAL_HASH) == 0)
        {
            return NGX_OK;
        }
    }

    return ngx_ess_schema_judge_wrong(v, name, 0);
}


ngx_int_t
ngx_ess_schema_scalar_number(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    ngx_ess_json_number_t  number;

    if (node->minimum == NULL && node->maximum == NULL && node->above == NULL
        && node->below == NULL && node->multiple_of == NULL)
    {
        return NGX_OK;
    }

    if (ngx_ess_schema_judge_charge(v, value->span.len / 8, value, name)
        != NGX_OK)
    {
        return NGX_ABORT;
    }

    ngx_ess_json_number_read(&value->span, &number);

    if ((node->minimum && ngx_ess_json_number_cmp(&number, node->minimum) < 0)
        || (node->maximum
            && ngx_ess_json_number_cmp(&number, node->maximum) > 0)
        || (node->above && ngx_ess_json_number_cmp(&number, node->above) <= 0)
        || (node->below && ngx_ess_json_number_cmp(&number, node->below) >= 0)
        || (node->multiple_of
            && !ngx_ess_json_number_multiple(&number, node->multiple_of)))
    {
        return ngx_ess_schema_judge_wrong(v, name, 0);
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_schema_scalar_string(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_ess_json_value_t *value,
    const ngx_str_t *name)
{
    u_char     buf[NGX_ESS_SCHEMA_SCALAR_TEXT], *memory;
    ngx_int_t  rc;
    ngx_str_t  raw, text;

    raw.data = value->span.data + 1;
    raw.len = value->span.len - 2;

    if (node->min_length || node->max_length != NGX_ESS_SCHEMA_NONE) {

        if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
            return NGX_ABORT;
        }

        if (!ngx_ess_schema_scalar_length(&raw, node->min_length,
                                          node->max_length))
        {
            return ngx_ess_schema_judge_wrong(v, name, 0);
        }
    }

    if (node->pattern == NULL && node->format == NULL && node->time == 0) {
        return NGX_OK;
    }

    if (ngx_ess_schema_judge_charge(v, 0, value, name) != NGX_OK) {
        return NGX_ABORT;
    }

    memory = ngx_ess_schema_scalar_plain(v, &raw, buf, &text, &rc);

    if (rc == NGX_OK) {
        rc = ngx_ess_schema_scalar_text(v, node, &text);
    }

    if (memory) {
        ngx_free(memory);
    }

    if (rc == NGX_DECLINED || rc == NGX_ABORT) {
        (void) ngx_ess_schema_judge_wrong(v, name, 0);
    }

    return rc;
}


/* Has it so many characters? */

static ngx_uint_t
ngx_ess_schema_scalar_length(const ngx_str_t *raw, size_t min, size_t max)
{
    u_char         ch[4];
    size_t         n;
    const u_char  *p, *last;

    p = raw->data;
    last = p + raw->len;

    for (n = 0; p < last; /* void */ ) {

        if (*p == '\\') {
            (void) ngx_ess_json_string_next(&p, last, ch);
            n++;

        } else {
            n += ((*p++ & 0xc0) != 0x80);
        }
    }

    return n >= min && n <= max;
}


static ngx_int_t
ngx_ess_schema_scalar_text(ngx_ess_schema_judge_t *v,
    const ngx_ess_schema_node_t *node, const ngx_str_t *text)
{
    int64_t  ms;

    if (node->format && !node->format(text)) {
        return NGX_DECLINED;
    }

    if (node->time
        && (ngx_ess_date_parse(text->data, text->len, &ms) != NGX_OK
            || (node->time < 0 ? ms > v->now : ms <= v->now)))
    {
        return NGX_DECLINED;
    }

    return node->pattern
           ? ngx_ess_schema_scalar_pattern(v, node->pattern, text) : NGX_OK;
}


ngx_int_t
ngx_ess_schema_scalar_pattern(ngx_ess_schema_judge_t *v,
    ngx_ess_schema_pattern_t *pattern, const ngx_str_t *text)
{
    ngx_uint_t  cost;

    cost = ngx_ess_schema_pattern_cost(text);

    if (cost > v->steps) {
        v->steps = 0;
        return NGX_ABORT;
    }

    v->steps -= cost;

    return ngx_ess_schema_pattern_match(pattern, text);
}


u_char *
ngx_ess_schema_scalar_plain(ngx_ess_schema_judge_t *v,
    const ngx_str_t *raw, u_char *buf, ngx_str_t *text, ngx_int_t *rc)
{
    u_char  *memory;

    *rc = NGX_OK;

    if (memchr(raw->data, '\\', raw->len) == NULL) {
        *text = *raw;
        return NULL;
    }

    memory = NULL;

    if (raw->len > NGX_ESS_SCHEMA_SCALAR_TEXT) {
        memory = ngx_alloc(raw->len, v->log);

        if (memory == NULL) {
            *rc = NGX_ERROR;
            return NULL;
        }
    }

    *rc = ngx_ess_json_string_text(raw, memory ? memory : buf, text);

    return memory;
}
