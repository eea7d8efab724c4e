
/*
 * The members of a body that are a stream's attributes, over cJSON: its name,
 * its rule for keys, the bounds of its log.  A pure function, in a worker.
 */


#include "ngx_ess_api_body_attr.h"
#include "ngx_ess_api_body_item.h"
#include "ngx_ess_key.h"
#include "ngx_ess_name.h"
#include "ngx_ess_utf8.h"


/* a member of "log" */

typedef struct {
    const char              *name;
    const char              *is;            /* what it has to be */
    size_t                   offset;        /* of its field in the attributes */
    size_t                   size;          /* of that */
    int64_t                  unit;          /* of a number */
    int64_t                  max;           /* in the field's unit */
    ssize_t                (*parse)(ngx_str_t *text);
                                            /* of a text; NULL: it takes none */
} ngx_ess_api_body_attr_bound_t;


static ngx_int_t ngx_ess_api_body_attr_name(cJSON *root,
    ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_attr_rule(cJSON *root,
    ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_attr_text(cJSON *root, const char *name,
    ngx_str_t *text, ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_attr_log(cJSON *log,
    ngx_ess_api_body_t *body);
static ngx_uint_t ngx_ess_api_body_attr_bound(cJSON *item,
    const ngx_ess_api_body_attr_bound_t *bound, ngx_ess_stream_attr_t *attr);


static ssize_t
ngx_ess_api_body_attr_time(ngx_str_t *text)
{
    return ngx_parse_time(text, 0);
}


static const ngx_ess_api_body_attr_bound_t  ngx_ess_api_body_attr_bounds[] = {

    { "size", "a number of bytes from 1 on, or a text such as \"64k\"",
      offsetof(ngx_ess_stream_attr_t, log_size), sizeof(uint64_t), 1,
      (int64_t) 1 << 53, ngx_parse_size },

    { "count", "a number of events from 1 to 4294967295",
      offsetof(ngx_ess_stream_attr_t, log_count), sizeof(uint32_t), 1,
      NGX_MAX_UINT32_VALUE, NULL },

    { "age", "a number of seconds from 1 on, or a text such as \"1h\", of at "
      "most 180 days",
      offsetof(ngx_ess_stream_attr_t, log_age), sizeof(uint64_t), 1000,
      (int64_t) 180 * 24 * 3600 * 1000, ngx_ess_api_body_attr_time },

    { NULL, NULL, 0, 0, 0, 0, NULL }
};


ngx_int_t
ngx_ess_api_body_attr(cJSON *root, ngx_ess_api_body_t *body)
{
    ngx_int_t  rc;

    ngx_memzero(&body->attr, sizeof(ngx_ess_stream_attr_t));

    rc = ngx_ess_api_body_attr_name(root, body);

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_attr_rule(root, body);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_api_body_attr_log(ngx_ess_api_body_member(root, "log"),
                                       body);
    }

    return rc;
}


static ngx_int_t
ngx_ess_api_body_attr_name(cJSON *root, ngx_ess_api_body_t *body)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    const char  *wrong;

    rc = ngx_ess_api_body_attr_text(root, "name", &text, body);

    if (rc != NGX_OK || text.data == NULL) {
        return rc;
    }

    wrong = ngx_ess_name_wrong(&text);

    if (wrong) {
        return ngx_ess_api_body_refuse(body, 422, "\"name\" must be %s", wrong);
    }

    ngx_memcpy(body->name, text.data, text.len);

    body->attr.name.data = body->name;
    body->attr.name.len = text.len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_body_attr_rule(cJSON *root, ngx_ess_api_body_t *body)
{
    ngx_int_t    rc;
    ngx_str_t    text;
    ngx_uint_t   none;
    const char  *wrong;

    rc = ngx_ess_api_body_attr_text(root, "key", &text, body);

    if (rc != NGX_OK || text.data == NULL) {
        return rc;
    }

    wrong = ngx_ess_key_wrong(&text, &none);

    if (wrong) {
        return ngx_ess_api_body_refuse(body, 422, "\"key\" is no rule: %s",
                                       wrong);
    }

    if (!none) {
        ngx_memcpy(body->rule, text.data, text.len);

        body->attr.rule.data = body->rule;
        body->attr.rule.len = text.len;
    }

    return NGX_OK;
}


/* One that may be missing: then text->data is NULL. */

static ngx_int_t
ngx_ess_api_body_attr_text(cJSON *root, const char *name, ngx_str_t *text,
    ngx_ess_api_body_t *body)
{
    cJSON  *item;

    ngx_str_null(text);

    item = ngx_ess_api_body_member(root, name);

    if (item == NULL) {
        return NGX_OK;
    }

    text->data = (u_char *) cJSON_GetStringValue(item);

    if (text->data == NULL) {
        return ngx_ess_api_body_refuse(body, 422, "\"%s\" is not a string",
                                       name);
    }

    text->len = ngx_strlen(text->data);

    if (strchr((char *) text->data, NGX_ESS_JSON_NUL)
        || !ngx_ess_utf8_valid(text->data, text->len))
    {
        return ngx_ess_api_body_refuse(body, 422, "\"%s\" has a NUL, or is no "
                                       "valid UTF-8", name);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_body_attr_log(cJSON *log, ngx_ess_api_body_t *body)
{
    cJSON                           *item;
    const ngx_ess_api_body_attr_bound_t  *bound;

    if (log == NULL) {
        return NGX_OK;
    }

    cJSON_ArrayForEach(item, log) {

        for (bound = ngx_ess_api_body_attr_bounds; bound->name; bound++) {
            if (item->string && ngx_strcmp(item->string, bound->name) == 0) {
                break;
            }
        }

        if (bound->name == NULL
            || ngx_ess_api_body_member(log, item->string) != item)
        {
            break;
        }

        if (!ngx_ess_api_body_attr_bound(item, bound, &body->attr)) {
            return ngx_ess_api_body_refuse(body, 422, "\"%s\" of \"log\" must "
                                           "be %s", bound->name, bound->is);
        }
    }

    if (!cJSON_IsObject(log) || log->child == NULL || item) {
        return ngx_ess_api_body_refuse(body, 422, "\"log\" must be an object "
                                       "with \"size\", \"count\" or \"age\", "
                                       "each once");
    }

    return NGX_OK;
}


/* 1: it is one, and set. */

static ngx_uint_t
ngx_ess_api_body_attr_bound(cJSON *item,
    const ngx_ess_api_body_attr_bound_t *bound, ngx_ess_stream_attr_t *attr)
{
    double     value;
    int64_t    n;
    ngx_str_t  text;

    text.data = (u_char *) cJSON_GetStringValue(item);

    if (cJSON_IsNumber(item)) {
        value = item->valuedouble * (double) bound->unit;
        n = (value >= 1 && value <= (double) bound->max) ? (int64_t) value : 0;

        if ((double) (n / bound->unit) != item->valuedouble) {
            return 0;
        }

    } else if (text.data && bound->parse) {
        text.len = ngx_strlen(text.data);
        n = bound->parse(&text);

    } else {
        return 0;
    }

    if (n < bound->unit || n > bound->max) {
        return 0;
    }

    if (bound->size == sizeof(uint32_t)) {
        *(uint32_t *) ((u_char *) attr + bound->offset) = (uint32_t) n;

    } else {
        *(uint64_t *) ((u_char *) attr + bound->offset) = (uint64_t) n;
    }

    return 1;
}
