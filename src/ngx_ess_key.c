
/*
 * Keys of events, by rules.  Compiled rules belong to the process, each with a
 * pool of its own; one that shares a place with another takes it.  Runs in
 * workers; rules are compiled where the configuration is read, too.
 */


#include "ngx_ess_key.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


/* places for compiled rules, a power of two */
#define NGX_ESS_KEY_CACHE     64

/* bytes at first, of each one's pool */
#define NGX_ESS_KEY_POOL      1024

/* of a text that is longer, with escapes, no key is made */
#define NGX_ESS_KEY_RAW       (6 * NGX_ESS_MAX_KEY)


typedef struct {
    ngx_pool_t              *pool;          /* NULL: it is free */
    ngx_str_t                text;
    ngx_ess_key_rule_t       rule;
} ngx_ess_key_place_t;


static ngx_ess_key_rule_t *ngx_ess_key_rule(ngx_str_t *text);
static ngx_int_t ngx_ess_key_keep(ngx_ess_key_place_t *place,
    ngx_str_t *text);
static ngx_int_t ngx_ess_key_header(ngx_ess_event_t *event, ngx_str_t *name,
    ngx_str_t *key);
static ngx_int_t ngx_ess_key_json(ngx_ess_event_t *event,
    ngx_ess_json_pointer_t *pointer, ngx_str_t *key);
static ngx_int_t ngx_ess_key_take(ngx_str_t *text, ngx_str_t *key);


static ngx_ess_key_place_t  ngx_ess_key_cache[NGX_ESS_KEY_CACHE];


ngx_int_t
ngx_ess_key_compile(ngx_ess_key_rule_t *rule, ngx_pool_t *pool,
    ngx_str_t *text, const char **detail)
{
    ngx_str_t  rest;

    static ngx_str_t  none = ngx_string("none");
    static ngx_str_t  routing_key = ngx_string("routing_key");

    ngx_memzero(rule, sizeof(ngx_ess_key_rule_t));

    if (text->len > NGX_ESS_MAX_RULE) {
        *detail = "a rule for keys has at most 255 bytes";
        return NGX_DECLINED;
    }

    if (ngx_ess_str_equal(text, &none)) {
        return NGX_OK;
    }

    if (ngx_ess_str_equal(text, &routing_key)) {
        rule->type = NGX_ESS_KEY_ROUTING_KEY;
        return NGX_OK;
    }

    if (text->len >= 7 && ngx_strncmp(text->data, "header:", 7) == 0) {
        rule->type = NGX_ESS_KEY_HEADER;
        rule->name.data = text->data + 7;
        rule->name.len = text->len - 7;

        if (rule->name.len == 0) {
            *detail = "\"header:\" is followed by the header's name";
            return NGX_DECLINED;
        }

        return NGX_OK;
    }

    if (text->len >= 5 && ngx_strncmp(text->data, "json:", 5) == 0) {
        rule->type = NGX_ESS_KEY_JSON;
        rest.data = text->data + 5;
        rest.len = text->len - 5;

        return ngx_ess_json_pointer_compile(&rule->pointer, pool, &rest,
                                            detail);
    }

    *detail = "a rule for keys is \"routing_key\", \"header:NAME\", "
              "\"json:/pointer\" or \"none\"";

    return NGX_DECLINED;
}


const char *
ngx_ess_key_wrong(ngx_str_t *text, ngx_uint_t *none)
{
    ngx_int_t            rc;
    ngx_pool_t          *pool;
    const char          *detail;
    ngx_ess_key_rule_t   rule;

    detail = "there is no memory";

    pool = ngx_create_pool(NGX_ESS_KEY_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return detail;
    }

    rc = ngx_ess_key_compile(&rule, pool, text, &detail);

    ngx_destroy_pool(pool);

    *none = (rule.type == NGX_ESS_KEY_NONE);

    return (rc == NGX_OK) ? NULL : detail;
}


ngx_int_t
ngx_ess_key_find(ngx_ess_event_t *event, ngx_str_t *rule, ngx_str_t *key)
{
    ngx_ess_key_rule_t  *r;

    r = ngx_ess_key_rule(rule);

    if (r == NULL) {
        return NGX_DECLINED;
    }

    switch (r->type) {

    case NGX_ESS_KEY_ROUTING_KEY:
        return ngx_ess_key_take(&event->routing_key, key);

    case NGX_ESS_KEY_HEADER:
        return ngx_ess_key_header(event, &r->name, key);

    case NGX_ESS_KEY_JSON:
        return ngx_ess_key_json(event, &r->pointer, key);

    default: /* NGX_ESS_KEY_NONE */
        return NGX_DECLINED;
    }
}


/* NULL: it is none, or there is no memory. */

static ngx_ess_key_rule_t *
ngx_ess_key_rule(ngx_str_t *text)
{
    ngx_ess_key_place_t  *place;

    place = &ngx_ess_key_cache[ngx_crc32_short(text->data, text->len)
                               % NGX_ESS_KEY_CACHE];

    if (place->pool && ngx_ess_str_equal(&place->text, text)) {
        return &place->rule;
    }

    if (place->pool) {
        ngx_destroy_pool(place->pool);
    }

    place->pool = ngx_create_pool(NGX_ESS_KEY_POOL, ngx_cycle->log);

    if (place->pool && ngx_ess_key_keep(place, text) != NGX_OK) {
        ngx_destroy_pool(place->pool);
        place->pool = NULL;
    }

    return place->pool ? &place->rule : NULL;
}


static ngx_int_t
ngx_ess_key_keep(ngx_ess_key_place_t *place, ngx_str_t *text)
{
    const char  *detail;

    place->text.len = text->len;
    place->text.data = ngx_pnalloc(place->pool, text->len);
    if (place->text.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(place->text.data, text->data, text->len);

    return ngx_ess_key_compile(&place->rule, place->pool, &place->text,
                               &detail);
}


static ngx_int_t
ngx_ess_key_header(ngx_ess_event_t *event, ngx_str_t *name, ngx_str_t *key)
{
    ngx_str_t  text;
    u_char     buf[NGX_INT64_LEN + 4];

    if (event->header == NULL
        || event->header(&event->headers, name, buf, &text) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_ess_key_take(&text, key);
}


static ngx_int_t
ngx_ess_key_json(ngx_ess_event_t *event, ngx_ess_json_pointer_t *pointer,
    ngx_str_t *key)
{
    ngx_str_t              text;
    ngx_ess_json_value_t   value;
    u_char                 buf[NGX_ESS_KEY_RAW];

    if (ngx_ess_json_pointer_find(&event->body, pointer, &value) != NGX_OK) {
        return NGX_DECLINED;
    }

    text = value.span;

    switch (value.type) {

    case NGX_ESS_JSON_NUMBER:
    case NGX_ESS_JSON_BOOLEAN:
        break;

    case NGX_ESS_JSON_STRING:
        text.data++;
        text.len -= 2;

        if (text.len > NGX_ESS_KEY_RAW
            || ngx_ess_json_string_text(&text, buf, &text) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        break;

    default:
        return NGX_DECLINED;
    }

    return ngx_ess_key_take(&text, key);
}


static ngx_int_t
ngx_ess_key_take(ngx_str_t *text, ngx_str_t *key)
{
    if (!ngx_ess_key_valid(text)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(key->data, text->data, text->len);
    key->len = text->len;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_key_valid(ngx_str_t *key)
{
    return key->len > 0 && key->len <= NGX_ESS_MAX_KEY
           && ngx_ess_utf8_valid(key->data, key->len);
}
