
/*
 * A JSON array, taken apart.  cJSON says whether it is one, and decodes the
 * strings; the other elements are cut out of the text, for numbers would not
 * survive cJSON.  Runs in a worker.
 */


#include "ngx_ess_publish_batch.h"
#include "ngx_ess_json.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


static ngx_int_t ngx_ess_publish_batch_split(ngx_str_t *text, ngx_uint_t max,
    ngx_array_t *elements);
static ngx_int_t ngx_ess_publish_batch_element(u_char *p, u_char *last,
    ngx_array_t *elements);
static ngx_int_t ngx_ess_publish_batch_strings(ngx_pool_t *pool, cJSON *root,
    ngx_str_t *bodies, const char **detail);
static ngx_int_t ngx_ess_publish_batch_string(ngx_pool_t *pool, cJSON *item,
    ngx_str_t *body, const char **detail);


ngx_int_t
ngx_ess_publish_batch(ngx_pool_t *pool, ngx_str_t *text, ngx_uint_t max,
    ngx_str_t **bodies, ngx_uint_t *n, const char **detail)
{
    cJSON        *root;
    ngx_int_t     rc;
    ngx_array_t   elements;

    if (!ngx_ess_utf8_valid(text->data, text->len)) {
        *detail = "the body is not valid UTF-8";
        return NGX_DECLINED;
    }

    if (ngx_array_init(&elements, pool, 16, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    /* before cJSON, which takes 64 bytes for each element */

    rc = ngx_ess_publish_batch_split(text, max, &elements);

    if (rc != NGX_OK) {
        return rc;
    }

    root = ngx_ess_json_parse(text->data, text->len, 0, detail);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    *bodies = elements.elts;
    *n = elements.nelts;

    if (cJSON_IsArray(root)) {
        rc = ngx_ess_publish_batch_strings(pool, root, *bodies, detail);

    } else {
        *detail = "the body is not a JSON array";
        rc = NGX_DECLINED;
    }

    cJSON_Delete(root);

    return rc;
}


/* Of text that may be no JSON.  NGX_OK; NGX_ABORT: there are more elements than
   may be; NGX_ERROR: no memory. */

static ngx_int_t
ngx_ess_publish_batch_split(ngx_str_t *text, ngx_uint_t max,
    ngx_array_t *elements)
{
    u_char      *p, *last, *start;
    ngx_uint_t   depth, quoted;

    last = text->data + text->len;
    start = NULL;
    depth = 0;
    quoted = 0;

    for (p = text->data; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted) {
            p += (*p == '\\');

        } else if (*p == '[' || *p == '{') {

            if (depth++ == 0) {
                start = p + 1;
            }

        } else if (depth == 1 && (*p == ',' || *p == ']' || *p == '}')) {

            if (ngx_ess_publish_batch_element(start, p, elements) != NGX_OK) {
                return NGX_ERROR;
            }

            if (*p != ',') {
                return NGX_OK;
            }

            if (elements->nelts == max) {
                return NGX_ABORT;
            }

            start = p + 1;

        } else if (depth && (*p == ']' || *p == '}')) {
            depth--;
        }
    }

    return NGX_OK;
}


/* Nothing is one only where there is another one. */

static ngx_int_t
ngx_ess_publish_batch_element(u_char *p, u_char *last, ngx_array_t *elements)
{
    ngx_str_t  *element;

    p = ngx_ess_str_space(p, last);

    while (last > p && last[-1] <= ' ') {
        last--;
    }

    if (last == p && elements->nelts == 0) {
        return NGX_OK;
    }

    element = ngx_array_push(elements);
    if (element == NULL) {
        return NGX_ERROR;
    }

    element->data = p;
    element->len = last - p;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_batch_strings(ngx_pool_t *pool, cJSON *root, ngx_str_t *bodies,
    const char **detail)
{
    cJSON      *item;
    ngx_int_t   rc;

    cJSON_ArrayForEach(item, root) {

        if (cJSON_IsString(item)) {
            rc = ngx_ess_publish_batch_string(pool, item, bodies, detail);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        bodies++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_batch_string(ngx_pool_t *pool, cJSON *item, ngx_str_t *body,
    const char **detail)
{
    u_char  *p, *last;

    last = body->data + body->len;

    /* at which cJSON's strings would end */

    for (p = body->data; p < last; p++) {

        if (*p != '\\') {
            continue;
        }

        p++;

        if (last - p >= 5 && ngx_memcmp(p, "u0000", 5) == 0) {
            *detail = "a string contains a NUL character; publish it by "
                      "itself";
            return NGX_DECLINED;
        }
    }

    body->len = ngx_strlen(item->valuestring);
    body->data = ngx_pnalloc(pool, body->len + 1);

    if (body->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(body->data, item->valuestring, body->len);

    return NGX_OK;
}
