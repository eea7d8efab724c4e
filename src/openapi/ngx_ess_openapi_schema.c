
/*
 * Copies a schema, with other references.  Owns nothing.  Runs where the
 * configuration is read.
 */


#include "ngx_ess_openapi_schema.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_openapi_text.h"


typedef enum {
    NGX_ESS_OPENAPI_SCHEMA_NONE = 0,        /* there is no schema in it */
    NGX_ESS_OPENAPI_SCHEMA_ONE,             /* a schema, or a list of them */
    NGX_ESS_OPENAPI_SCHEMA_NAMED            /* an object of schemas */
} ngx_ess_openapi_schema_e;


static ngx_int_t ngx_ess_openapi_schema_copy(ngx_array_t *out,
    const ngx_ess_json_value_t *value, ngx_ess_openapi_schema_e what,
    const ngx_str_t *place);
static ngx_ess_openapi_schema_e ngx_ess_openapi_schema_what(
    const ngx_str_t *name);
static ngx_uint_t ngx_ess_openapi_schema_is(const ngx_str_t *name,
    const char *text);


ngx_int_t
ngx_ess_openapi_schema(ngx_array_t *out, const ngx_str_t *text,
    const ngx_str_t *place)
{
    ngx_ess_json_value_t  value;

    if (ngx_ess_json_read(text, &value, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_ess_openapi_schema_copy(out, &value, NGX_ESS_OPENAPI_SCHEMA_ONE,
                                       place);
}


/* As deep as the reader of the schema allowed. */

static ngx_int_t
ngx_ess_openapi_schema_copy(ngx_array_t *out,
    const ngx_ess_json_value_t *value, ngx_ess_openapi_schema_e what,
    const ngx_str_t *place)
{
    ngx_int_t                  rc;
    ngx_str_t                  name, rest;
    ngx_uint_t                 n, object;
    ngx_ess_json_walk_t        walk;
    ngx_ess_json_value_t       item;
    ngx_ess_openapi_schema_e   next;

    if (what == NGX_ESS_OPENAPI_SCHEMA_NONE
        || ngx_ess_json_read_open(&walk, value) != NGX_OK)
    {
        return ngx_ess_openapi_text(out, &value->span);
    }

    object = (value->type == NGX_ESS_JSON_OBJECT);
    rc = ngx_ess_openapi_text_put(out, object ? "{" : "[");

    for (n = 0;
         rc == NGX_OK && ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK;
         /* void */ )
    {
        next = NGX_ESS_OPENAPI_SCHEMA_ONE;

        if (object && what == NGX_ESS_OPENAPI_SCHEMA_ONE) {

            if (ngx_ess_openapi_schema_is(&name, "$id")
                || ngx_ess_openapi_schema_is(&name, "$schema"))
            {
                continue;
            }

            next = ngx_ess_openapi_schema_what(&name);
        }

        if (n++ && ngx_ess_openapi_text_put(out, ",") != NGX_OK) {
            return NGX_ERROR;
        }

        if (object
            && (ngx_ess_openapi_text_put(out, "\"") != NGX_OK
                || ngx_ess_openapi_text(out, &name) != NGX_OK
                || ngx_ess_openapi_text_put(out, "\":") != NGX_OK))
        {
            return NGX_ERROR;
        }

        if (object && what == NGX_ESS_OPENAPI_SCHEMA_ONE
            && ngx_ess_openapi_schema_is(&name, "$ref")
            && item.span.len > 2 && item.span.data[1] == '#')
        {
            /* what is behind the "#", and its quote */

            rest.data = item.span.data + 2;
            rest.len = item.span.len - 2;

            if (ngx_ess_openapi_text_put(out, "\"") != NGX_OK
                || ngx_ess_openapi_text(out, place) != NGX_OK)
            {
                return NGX_ERROR;
            }

            rc = ngx_ess_openapi_text(out, &rest);

        } else {
            rc = ngx_ess_openapi_schema_copy(out, &item, next, place);
        }
    }

    return (rc == NGX_OK) ? ngx_ess_openapi_text_put(out, object ? "}" : "]")
                          : rc;
}


static ngx_ess_openapi_schema_e
ngx_ess_openapi_schema_what(const ngx_str_t *name)
{
    if (ngx_ess_openapi_schema_is(name, "properties")
        || ngx_ess_openapi_schema_is(name, "patternProperties")
        || ngx_ess_openapi_schema_is(name, "$defs"))
    {
        return NGX_ESS_OPENAPI_SCHEMA_NAMED;
    }

    if (ngx_ess_openapi_schema_is(name, "const")
        || ngx_ess_openapi_schema_is(name, "enum")
        || ngx_ess_openapi_schema_is(name, "default")
        || ngx_ess_openapi_schema_is(name, "examples")
        || ngx_ess_openapi_schema_is(name, "dependentRequired"))
    {
        return NGX_ESS_OPENAPI_SCHEMA_NONE;
    }

    return NGX_ESS_OPENAPI_SCHEMA_ONE;
}


static ngx_uint_t
ngx_ess_openapi_schema_is(const ngx_str_t *name, const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    return ngx_ess_json_string_is(name, &s);
}
