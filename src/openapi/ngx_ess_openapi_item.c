
/*
 * Copies an item of a document's part for one location: which methods it has,
 * and what they answer, is its configuration's.  Owns nothing.  Runs where that
 * is read, behind all of it.
 */


#include "ngx_ess_openapi_item.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_openapi_location.h"
#include "ngx_ess_openapi_text.h"
#include "ngx_ess_str.h"


/* beside its doors */
#define NGX_ESS_OPENAPI_ITEM_FOLLOW  0x10
#define NGX_ESS_OPENAPI_ITEM_ALONE   0x20
#define NGX_ESS_OPENAPI_ITEM_STRICT  0x40


typedef struct {
    ngx_str_t                name;
    ngx_uint_t               value;
} ngx_ess_openapi_item_word_t;


/* what is copied, and where to */

typedef struct {
    ngx_array_t             *out;
    const ngx_str_t         *schema;
    ngx_uint_t               holds;         /* NGX_ESS_OPENAPI_… */
} ngx_ess_openapi_item_t;


static ngx_uint_t ngx_ess_openapi_item_method(const ngx_str_t *name);
static ngx_uint_t ngx_ess_openapi_item_holds(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served);
static ngx_uint_t ngx_ess_openapi_item_find(
    const ngx_ess_openapi_item_word_t *word, const ngx_str_t *name);
static ngx_uint_t ngx_ess_openapi_item_is_if(const ngx_str_t *name);
static ngx_uint_t ngx_ess_openapi_item_wanted(
    const ngx_ess_json_value_t *value, ngx_uint_t holds);
static ngx_int_t ngx_ess_openapi_item_member(ngx_ess_openapi_item_t *copy,
    ngx_uint_t n, ngx_uint_t object, const ngx_str_t *name);
static ngx_int_t ngx_ess_openapi_item_copy(ngx_ess_openapi_item_t *copy,
    const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_openapi_item_scalar(ngx_ess_openapi_item_t *copy,
    const ngx_str_t *text);


static const ngx_ess_openapi_item_word_t  ngx_ess_openapi_item_methods[] = {
    { ngx_string("get"), NGX_HTTP_GET },
    { ngx_string("head"), NGX_HTTP_HEAD },
    { ngx_string("post"), NGX_HTTP_POST },
    { ngx_string("put"), NGX_HTTP_PUT },
    { ngx_string("patch"), NGX_HTTP_PATCH },
    { ngx_string("delete"), NGX_HTTP_DELETE },
    { ngx_string("options"), NGX_HTTP_OPTIONS },
    { ngx_null_string, 0 }
};


static const ngx_ess_openapi_item_word_t  ngx_ess_openapi_item_words[] = {
    { ngx_string("follow"), NGX_ESS_OPENAPI_ITEM_FOLLOW },
    { ngx_string("alone"), NGX_ESS_OPENAPI_ITEM_ALONE },
    { ngx_string("strict"), NGX_ESS_OPENAPI_ITEM_STRICT },
    { ngx_string("401"), NGX_ESS_OPENAPI_UNAUTHORIZED },
    { ngx_string("403"), NGX_ESS_OPENAPI_FORBIDDEN },
    { ngx_null_string, 0 }
};


ngx_uint_t
ngx_ess_openapi_item_doors(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served, const ngx_ess_json_value_t *item)
{
    ngx_str_t             name;
    ngx_uint_t            all, doors, open, method;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  value;

    all = 0;
    open = 0;

    if (ngx_ess_json_read_open(&walk, item) != NGX_OK) {
        return NGX_ESS_OPENAPI_CLOSED;
    }

    while (ngx_ess_json_read_next(&walk, &name, &value) == NGX_OK) {

        method = ngx_ess_openapi_item_method(&name);

        if (method == 0) {
            continue;
        }

        doors = ngx_ess_openapi_location_doors(cf, served->location, method);

        if (!(doors & NGX_ESS_OPENAPI_CLOSED)) {
            all |= doors;
            open = 1;
        }
    }

    return open ? all : NGX_ESS_OPENAPI_CLOSED;
}


/* 0: it is no method. */

static ngx_uint_t
ngx_ess_openapi_item_method(const ngx_str_t *name)
{
    return ngx_ess_openapi_item_find(ngx_ess_openapi_item_methods, name);
}


static ngx_uint_t
ngx_ess_openapi_item_find(const ngx_ess_openapi_item_word_t *word,
    const ngx_str_t *name)
{
    while (word->value && !ngx_ess_str_equal(name, &word->name)) {
        word++;
    }

    return word->value;
}


ngx_int_t
ngx_ess_openapi_item(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_ess_conf_served_t *served, const ngx_ess_json_value_t *item,
    const ngx_str_t *schema)
{
    ngx_str_t               name;
    ngx_uint_t              n, holds, doors, method;
    ngx_ess_json_walk_t     walk;
    ngx_ess_json_value_t    value;
    ngx_ess_openapi_item_t  copy;

    copy.out = out;
    copy.schema = schema;

    holds = ngx_ess_openapi_item_holds(cf, served);

    if (ngx_ess_json_read_open(&walk, item) != NGX_OK
        || ngx_ess_openapi_text_put(out, "{") != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (n = 0; ngx_ess_json_read_next(&walk, &name, &value) == NGX_OK; ) {

        method = ngx_ess_openapi_item_method(&name);
        doors = method ? ngx_ess_openapi_location_doors(cf, served->location,
                                                        method)
                       : 0;

        if (doors & NGX_ESS_OPENAPI_CLOSED) {
            continue;
        }

        copy.holds = holds | doors;

        if (ngx_ess_openapi_item_member(&copy, n++, 1, &name) != NGX_OK
            || ngx_ess_openapi_item_copy(&copy, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ess_openapi_text_put(out, "}");
}


/* of all its methods */

static ngx_uint_t
ngx_ess_openapi_item_holds(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served)
{
    ngx_uint_t            holds;
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_main_conf_t  *mcf;

    lcf = served->location->loc_conf[ngx_ess_module.ctx_index];
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (lcf->events == NULL) {
        return 0;
    }

    holds = (mcf->zone && lcf->events->no_name == NULL)
            ? NGX_ESS_OPENAPI_ITEM_FOLLOW : NGX_ESS_OPENAPI_ITEM_ALONE;

    if (lcf->events->strict) {
        holds |= NGX_ESS_OPENAPI_ITEM_STRICT;
    }

    return holds;
}


static ngx_uint_t
ngx_ess_openapi_item_is_if(const ngx_str_t *name)
{
    return name->len == 3 && ngx_memcmp(name->data, "%if", 3) == 0;
}


static ngx_uint_t
ngx_ess_openapi_item_wanted(const ngx_ess_json_value_t *value,
    ngx_uint_t holds)
{
    ngx_str_t             name, words, word;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  first;

    if (value->type != NGX_ESS_JSON_OBJECT
        || ngx_ess_json_read_open(&walk, value) != NGX_OK
        || ngx_ess_json_read_next(&walk, &name, &first) != NGX_OK
        || !ngx_ess_openapi_item_is_if(&name))
    {
        return 1;
    }

    /* without its quotes */

    words.data = first.span.data + 1;
    words.len = first.span.len - 2;

    while (words.len) {
        (void) ngx_ess_str_cut(&words, ' ', &word);

        if (holds & ngx_ess_openapi_item_find(ngx_ess_openapi_item_words,
                                              &word))
        {
            return 1;
        }
    }

    return 0;
}


/* What stands before a value. */

static ngx_int_t
ngx_ess_openapi_item_member(ngx_ess_openapi_item_t *copy, ngx_uint_t n,
    ngx_uint_t object, const ngx_str_t *name)
{
    if (n && ngx_ess_openapi_text_put(copy->out, ",") != NGX_OK) {
        return NGX_ERROR;
    }

    if (!object) {
        return NGX_OK;
    }

    return (ngx_ess_openapi_text_put(copy->out, "\"") == NGX_OK
            && ngx_ess_openapi_text(copy->out, name) == NGX_OK
            && ngx_ess_openapi_text_put(copy->out, "\":") == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


/* As deep as the parts are. */

static ngx_int_t
ngx_ess_openapi_item_copy(ngx_ess_openapi_item_t *copy,
    const ngx_ess_json_value_t *value)
{
    ngx_str_t             name;
    ngx_uint_t            n, object;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (ngx_ess_json_read_open(&walk, value) != NGX_OK) {
        return ngx_ess_openapi_item_scalar(copy, &value->span);
    }

    object = (value->type == NGX_ESS_JSON_OBJECT);

    if (ngx_ess_openapi_text_put(copy->out, object ? "{" : "[") != NGX_OK) {
        return NGX_ERROR;
    }

    for (n = 0; ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK; ) {

        if ((object && ngx_ess_openapi_item_is_if(&name))
            || !ngx_ess_openapi_item_wanted(&item, copy->holds))
        {
            continue;
        }

        if (ngx_ess_openapi_item_member(copy, n++, object, &name) != NGX_OK
            || ngx_ess_openapi_item_copy(copy, &item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_ess_openapi_text_put(copy->out, object ? "}" : "]");
}


static ngx_int_t
ngx_ess_openapi_item_scalar(ngx_ess_openapi_item_t *copy,
    const ngx_str_t *text)
{
    u_char     *p, *last, *stop;
    ngx_str_t   piece;

    p = text->data;
    last = p + text->len;

    for ( ;; ) {
        stop = ngx_strlcasestrn(p, last, (u_char *) "%S", 2 - 1);

        piece.data = p;
        piece.len = (stop ? stop : last) - p;

        if (ngx_ess_openapi_text(copy->out, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        if (stop == NULL) {
            return NGX_OK;
        }

        if (ngx_ess_openapi_text(copy->out, copy->schema) != NGX_OK) {
            return NGX_ERROR;
        }

        p = stop + 2;
    }
}
