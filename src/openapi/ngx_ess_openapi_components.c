
/*
 * Components of a document: a client that is generated of it shall have the
 * types of what the server serves, and no others.  Owns nothing.  Runs where
 * the configuration is read.
 */


#include "ngx_ess_openapi_components.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_openapi_files.h"
#include "ngx_ess_openapi_text.h"
#include "ngx_ess_str.h"


/* bytes of a reference: names are those of components.json */
#define NGX_ESS_OPENAPI_COMPONENTS_REF  128


typedef struct {
    ngx_str_t                section;
    ngx_str_t                name;
    ngx_ess_json_value_t     value;
    ngx_uint_t               used;
} ngx_ess_openapi_component_t;


static ngx_int_t ngx_ess_openapi_components_read(ngx_array_t *all,
    const ngx_ess_json_value_t *value);
static void ngx_ess_openapi_components_use(ngx_array_t *all, u_char *text,
    size_t len);
static ngx_int_t ngx_ess_openapi_components_section(ngx_array_t *out,
    const ngx_array_t *all, const ngx_str_t *section, ngx_uint_t *n);


ngx_int_t
ngx_ess_openapi_components(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_array_t *schemas)
{
    ngx_str_t                     part, own;
    ngx_uint_t                    i, n, sections;
    ngx_array_t                   all;
    ngx_ess_json_value_t          value;
    ngx_ess_openapi_component_t  *c;

    (void) ngx_ess_openapi_file("components", &part);

    if (ngx_ess_json_read(&part, &value, NULL) != NGX_OK
        || ngx_array_init(&all, cf->temp_pool, 64,
                          sizeof(ngx_ess_openapi_component_t))
           != NGX_OK
        || ngx_ess_openapi_components_read(&all, &value) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_openapi_components_use(&all, out->elts, out->nelts);

    if (ngx_ess_openapi_text_put(out, "{") != NGX_OK) {
        return NGX_ERROR;
    }

    c = all.elts;
    sections = 0;
    n = 0;

    for (i = 0; i < all.nelts; i++) {

        if (i && ngx_ess_str_equal(&c[i].section, &c[i - 1].section)) {
            continue;
        }

        n = 0;

        if ((sections++ && ngx_ess_openapi_text_put(out, ",") != NGX_OK)
            || ngx_ess_openapi_components_section(out, &all, &c[i].section, &n)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* the last one are the schemas, whose brace is missing yet */

    own.data = schemas->elts;
    own.len = schemas->nelts;

    if (n == 0 && own.len) {
        own.data++;
        own.len--;
    }

    return (ngx_ess_openapi_text(out, &own) == NGX_OK)
           ? ngx_ess_openapi_text_put(out, "}}") : NGX_ERROR;
}


static ngx_int_t
ngx_ess_openapi_components_read(ngx_array_t *all,
    const ngx_ess_json_value_t *value)
{
    ngx_str_t                     section, name;
    ngx_ess_json_walk_t           sections, names;
    ngx_ess_json_value_t          of, one;
    ngx_ess_openapi_component_t  *c;

    if (ngx_ess_json_read_open(&sections, value) != NGX_OK) {
        return NGX_ERROR;
    }

    while (ngx_ess_json_read_next(&sections, &section, &of) == NGX_OK) {

        if (ngx_ess_json_read_open(&names, &of) != NGX_OK) {
            return NGX_ERROR;
        }

        while (ngx_ess_json_read_next(&names, &name, &one) == NGX_OK) {

            c = ngx_array_push(all);
            if (c == NULL) {
                return NGX_ERROR;
            }

            c->section = section;
            c->name = name;
            c->value = one;
            c->used = 0;
        }
    }

    return NGX_OK;
}


/* Those that a text refers to, and so on: each is gone through once. */

static void
ngx_ess_openapi_components_use(ngx_array_t *all, u_char *text, size_t len)
{
    u_char                       *last;
    u_char                        ref[NGX_ESS_OPENAPI_COMPONENTS_REF];
    ngx_uint_t                    i;
    ngx_ess_openapi_component_t  *c;

    c = all->elts;

    for (i = 0; i < all->nelts; i++) {

        if (c[i].used) {
            continue;
        }

        last = ngx_slprintf(ref, ref + sizeof(ref) - 1, "#/components/%V/%V\"",
                            &c[i].section, &c[i].name);
        *last = '\0';

        if (ngx_strnstr(text, (char *) ref, len)) {
            c[i].used = 1;
            ngx_ess_openapi_components_use(all, c[i].value.span.data,
                                           c[i].value.span.len);
        }
    }
}


/* "n": how many there are in it. */

static ngx_int_t
ngx_ess_openapi_components_section(ngx_array_t *out, const ngx_array_t *all,
    const ngx_str_t *section, ngx_uint_t *n)
{
    ngx_uint_t                    i;
    ngx_ess_openapi_component_t  *c;

    c = all->elts;

    if (ngx_ess_openapi_text_put(out, "\n\"") != NGX_OK
        || ngx_ess_openapi_text(out, section) != NGX_OK
        || ngx_ess_openapi_text_put(out, "\":{") != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < all->nelts; i++) {

        if (!c[i].used || !ngx_ess_str_equal(&c[i].section, section)) {
            continue;
        }

        if (ngx_ess_openapi_text_put(out, (*n)++ ? ",\n\"" : "\n\"") != NGX_OK
            || ngx_ess_openapi_text(out, &c[i].name) != NGX_OK
            || ngx_ess_openapi_text_put(out, "\":") != NGX_OK
            || ngx_ess_openapi_text(out, &c[i].value.span) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return (i && ngx_ess_str_equal(section, &c[all->nelts - 1].section))
           ? NGX_OK : ngx_ess_openapi_text_put(out, "}");
}
