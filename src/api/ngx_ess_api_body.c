/*
 * Parses the body that creates a stream, over cJSON.  A pure function, in a
 * worker; cJSON's tree lives during the call only.
 */


#include "ngx_ess_api_body_attr.h"
#include "ngx_ess_api_body_item.h"
#include "ngx_ess_json.h"
#include "ngx_ess_utf8.h"


/* bytes of a name that nobody knows, in the answer */
#define NGX_ESS_API_BODY_NAME  64


static ngx_int_t ngx_ess_api_body_members(cJSON *root, ngx_array_t *sources,
    ngx_ess_api_body_t *body);
static const ngx_str_t *ngx_ess_api_body_name(ngx_array_t *sources,
    ngx_uint_t n);
static ngx_int_t ngx_ess_api_body_unknown(const char *name,
    ngx_array_t *sources, ngx_ess_api_body_t *body);
static ngx_uint_t ngx_ess_api_body_listed(ngx_array_t *sources,
    ngx_uint_t n);
static ngx_int_t ngx_ess_api_body_key(cJSON *root, ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_source(cJSON *root, ngx_array_t *sources,
    ngx_uint_t number, ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_declare(cJSON *root, ngx_array_t *sources,
    ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_options(cJSON *root,
    const ngx_ess_source_option_t *options, ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_option(cJSON *item,
    const ngx_ess_source_option_t *option, ngx_ess_api_body_t *body);


/* members of any body; the sources have more */

static const ngx_str_t  ngx_ess_api_body_names[] = {
    ngx_string("routing_key"),
    ngx_string("source"),
    ngx_string("declare"),
    ngx_string("name"),
    ngx_string("key"),
    ngx_string("log")
};


ngx_int_t
ngx_ess_api_body_parse(u_char *data, size_t len, ngx_array_t *sources,
    ngx_uint_t number, ngx_ess_api_body_t *body)
{
    cJSON       *root;
    ngx_int_t    rc;
    const char  *detail;

    if (len == 0) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST,
            "the body is empty, {\"routing_key\": \"...\"} is expected");
    }

    if (len > NGX_ESS_API_MAX_BODY) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
            "the body is over the limit of 65536 bytes");
    }

    if (!ngx_ess_utf8_valid(data, len)) {
        return ngx_ess_api_body_refuse(body, 422,
            "the body is not valid UTF-8");
    }

    root = ngx_ess_json_parse(data, len, 1, &detail);
    if (root == NULL) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST, "%s",
                                       detail);
    }

    rc = ngx_ess_api_body_members(root, sources, body);

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_key(root, body);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_source(root, sources, number, body);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_declare(root, sources, body);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_attr(root, body);
    }

    cJSON_Delete(root);

    return rc;
}


/* Each has a name that means something, and is there once. */

static ngx_int_t
ngx_ess_api_body_members(cJSON *root, ngx_array_t *sources,
    ngx_ess_api_body_t *body)
{
    cJSON            *item;
    ngx_uint_t        n;
    const ngx_str_t  *name;

    if (!cJSON_IsObject(root)) {
        return ngx_ess_api_body_refuse(body, 422,
            "the body is not a JSON object");
    }

    cJSON_ArrayForEach(item, root) {

        for (n = 0; /* void */ ; n++) {
            name = ngx_ess_api_body_name(sources, n);

            if (name == NULL) {
                return ngx_ess_api_body_unknown(item->string, sources, body);
            }

            if (ngx_strcmp(item->string, name->data) == 0) {
                break;
            }
        }

        /* that finds the last one of the name */

        if (ngx_ess_api_body_member(root, item->string) != item) {
            return ngx_ess_api_body_refuse(body, 422,
                "the body has the member \"%V\" twice", name);
        }
    }

    return NGX_OK;
}


/* The member number n, from 0, null terminated; NULL: there are not so many. */

static const ngx_str_t *
ngx_ess_api_body_name(ngx_array_t *sources, ngx_uint_t n)
{
    ngx_uint_t                      i, own;
    const ngx_ess_source_t         *row;
    const ngx_ess_source_option_t  *option;

    own = sizeof(ngx_ess_api_body_names) / sizeof(ngx_str_t);

    if (n < own) {
        return &ngx_ess_api_body_names[n];
    }

    n -= own;

    for (i = 0; i < sources->nelts; i++) {
        row = ((ngx_ess_source_entry_t *) sources->elts)[i].row;

        for (option = row->options; option && option->name.len; option++) {
            if (n-- == 0) {
                return &option->name;
            }
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ess_api_body_unknown(const char *name, ngx_array_t *sources,
    ngx_ess_api_body_t *body)
{
    size_t            len;
    u_char           *p, *last;
    ngx_uint_t        n;
    const ngx_str_t  *known;

    len = ngx_strlen(name);

    if (len > NGX_ESS_API_BODY_NAME) {

        /* not within a character */

        for (len = NGX_ESS_API_BODY_NAME; (name[len] & 0xc0) == 0x80; len--) {
            /* void */
        }
    }

    p = body->detail;
    last = p + sizeof(body->detail) - 1;

    p = ngx_slprintf(p, last, "the member \"%*s%s\" is unknown; known are ",
                     len, name, name[len] ? "..." : "");

    for (n = 0; /* void */ ; n++) {
        known = ngx_ess_api_body_name(sources, n);

        if (known == NULL) {
            break;
        }

        if (!ngx_ess_api_body_listed(sources, n)) {
            p = ngx_slprintf(p, last, "%s\"%V\"", n ? ", " : "", known);
        }
    }

    *p = '\0';
    body->status = 422;

    return NGX_DECLINED;
}


/* 1: the member number n has the name of one before it. */

static ngx_uint_t
ngx_ess_api_body_listed(ngx_array_t *sources, ngx_uint_t n)
{
    ngx_uint_t        i;
    const ngx_str_t  *name;

    name = ngx_ess_api_body_name(sources, n);

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(ngx_ess_api_body_name(sources, i)->data, name->data)
            == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_ess_api_body_key(cJSON *root, ngx_ess_api_body_t *body)
{
    cJSON       *item;
    size_t       len;
    const char  *key, *detail;

    item = ngx_ess_api_body_member(root, "routing_key");
    key = cJSON_GetStringValue(item);
    len = key ? ngx_strlen(key) : 0;

    detail = NULL;

    if (item == NULL) {
        detail = "\"routing_key\" is missing in the body";

    } else if (key == NULL) {
        detail = "\"routing_key\" is not a string";

    } else if (len == 0) {
        detail = "\"routing_key\" is empty";

    } else if (strchr(key, NGX_ESS_JSON_NUL)) {
        detail = "\"routing_key\" contains a NUL character";

    } else if (len > NGX_ESS_MAX_KEY) {
        detail = "\"routing_key\" is over 255 bytes";

    } else if (!ngx_ess_utf8_valid((u_char *) key, len)) {

        /* a lone surrogate, written as an escape, comes out malformed */

        detail = "\"routing_key\" is not valid UTF-8";
    }

    if (detail) {
        return ngx_ess_api_body_refuse(body, 422, "%s", detail);
    }

    ngx_memcpy(body->key, key, len);
    body->key_len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_body_source(cJSON *root, ngx_array_t *sources, ngx_uint_t number,
    ngx_ess_api_body_t *body)
{
    cJSON                   *item;
    u_char                  *p, *last;
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    item = ngx_ess_api_body_member(root, "source");

    body->source = item ? ngx_ess_source_named(sources,
                                               cJSON_GetStringValue(item))
                        : ngx_ess_source_entry(sources, number);

    if (body->source) {
        return NGX_OK;
    }

    (void) ngx_ess_api_body_refuse(body, 422, "\"source\" is neither");

    p = body->detail + ngx_strlen(body->detail);
    last = body->detail + sizeof(body->detail) - 1;
    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        p = ngx_slprintf(p, last, "%s \"%V\"", i ? " nor" : "",
                         &entry[i].row->name);
    }

    *p = '\0';

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_api_body_declare(cJSON *root, ngx_array_t *sources,
    ngx_ess_api_body_t *body)
{
    cJSON                   *item;
    ngx_int_t                rc;
    ngx_uint_t               i;
    const ngx_ess_source_t  *row;

    item = ngx_ess_api_body_member(root, "declare");

    if (item && !cJSON_IsBool(item)) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"declare\" is neither true nor false");
    }

    body->declare = cJSON_IsTrue(item);
    ngx_memzero(&body->options, sizeof(ngx_ess_source_options_t));

    for (i = 0; i < sources->nelts; i++) {
        row = ((ngx_ess_source_entry_t *) sources->elts)[i].row;

        if (row->declare == NULL) {
            continue;
        }

        if (body->declare && body->source->row->declare == NULL) {
            return ngx_ess_api_body_refuse(body, 422, "\"declare\" is for "
                                           "\"source\": \"%V\" only",
                                           &row->name);
        }

        if (!body->declare || row == body->source->row) {
            rc = ngx_ess_api_body_options(root, row->options, body);

            if (rc != NGX_OK) {
                return rc;
            }
        }
    }

    return NGX_OK;
}


/* Takes them, or without "declare": true says that there may be none. */

static ngx_int_t
ngx_ess_api_body_options(cJSON *root, const ngx_ess_source_option_t *options,
    ngx_ess_api_body_t *body)
{
    cJSON                          *item;
    u_char                         *p, *last;
    ngx_uint_t                      given;
    const ngx_ess_source_option_t  *option;

    given = 0;
    p = body->detail;
    last = p + sizeof(body->detail);

    for (option = options; option->name.len; option++) {
        item = ngx_ess_api_body_member(root, (char *) option->name.data);

        if (item && body->declare
            && ngx_ess_api_body_option(item, option, body) != NGX_OK)
        {
            return ngx_ess_api_body_refuse(body, 422, "\"%V\" is not %s",
                                           &option->name, option->is);
        }

        given |= (item != NULL);

        p = ngx_slprintf(p, last, "%s\"%V\"",
                         option == options ? ""
                         : option[1].name.len ? ", " : " and ",
                         &option->name);
    }

    if (!given || body->declare) {
        return NGX_OK;
    }

    (void) ngx_slprintf(p, last, " need \"declare\": true%Z");

    body->status = 422;

    return NGX_DECLINED;
}


/* A number is exact as a double is.  NGX_OK or NGX_DECLINED. */

static ngx_int_t
ngx_ess_api_body_option(cJSON *item, const ngx_ess_source_option_t *option,
    ngx_ess_api_body_t *body)
{
    void    *field;
    char    *text;
    double   value;

    field = (u_char *) &body->options + option->offset;

    if (option->valid) {
        text = cJSON_GetStringValue(item);

        if (text == NULL || !option->valid(text)) {
            return NGX_DECLINED;
        }

        ngx_memcpy(field, text, ngx_strlen(text) + 1);

        return NGX_OK;
    }

    value = cJSON_IsNumber(item) ? item->valuedouble : 0;

    if (!(value >= 1 && value <= 9007199254740992.0)
        || (double) (uint64_t) value != value)
    {
        return NGX_DECLINED;
    }

    *(uint64_t *) field = (uint64_t) value;

    return NGX_OK;
}
