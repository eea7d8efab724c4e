
/*
 * A JSON array, taken apart.  cJSON says whether it is one, and decodes the
 * strings; the other elements are cut out of the text, for numbers would not
 * survive cJSON.  Runs in a worker.
 */


#include "ngx_ess_publish_batch.h"
#include "ngx_ess_json.h"
#include "ngx_ess_utf8.h"


static ngx_uint_t ngx_ess_publish_batch_exceeds(ngx_str_t *text,
    ngx_uint_t max);
static ngx_int_t ngx_ess_publish_batch_elements(ngx_pool_t *pool,
    ngx_str_t *text, cJSON *root, ngx_str_t *bodies, const char **detail);
static u_char *ngx_ess_publish_batch_begin(ngx_str_t *text);
static ngx_int_t ngx_ess_publish_batch_string(ngx_pool_t *pool, cJSON *item,
    ngx_str_t *body, const char **detail);
static u_char *ngx_ess_publish_batch_value(u_char *p, u_char *last);
static u_char *ngx_ess_publish_batch_quoted(u_char *p, u_char *last);


ngx_int_t
ngx_ess_publish_batch(ngx_pool_t *pool, ngx_str_t *text, ngx_uint_t max,
    ngx_str_t **bodies, ngx_uint_t *n, const char **detail)
{
    cJSON      *root;
    ngx_int_t   rc;

    if (!ngx_ess_utf8_valid(text->data, text->len)) {
        *detail = "the body is not valid UTF-8";
        return NGX_DECLINED;
    }

    /* before cJSON, which takes 64 bytes for each element */

    if (ngx_ess_publish_batch_exceeds(text, max)) {
        return NGX_ABORT;
    }

    root = ngx_ess_json_parse(text->data, text->len, 0, detail);
    if (root == NULL) {
        return NGX_DECLINED;
    }

    if (!cJSON_IsArray(root)) {
        *detail = "the body is not a JSON array";
        rc = NGX_DECLINED;

    } else {
        *n = cJSON_GetArraySize(root);
        *bodies = ngx_palloc(pool, (*n + 1) * sizeof(ngx_str_t));

        rc = (*bodies == NULL)
             ? NGX_ERROR
             : ngx_ess_publish_batch_elements(pool, text, root, *bodies,
                                              detail);
    }

    cJSON_Delete(root);

    return rc;
}


/* Of text that may be no JSON: counts the commas of the array. */

static ngx_uint_t
ngx_ess_publish_batch_exceeds(ngx_str_t *text, ngx_uint_t max)
{
    u_char      *p, *last;
    ngx_uint_t   n, depth;

    last = text->data + text->len;
    n = 1;
    depth = 0;

    for (p = ngx_ess_publish_batch_begin(text); p < last && n <= max; p++) {

        switch (*p) {

        case '"':
            p = ngx_ess_publish_batch_quoted(p + 1, last) - 1;
            break;

        case '[':
        case '{':
            depth++;
            break;

        case ']':
        case '}':

            if (depth <= 1) {
                return 0;
            }

            depth--;
            break;

        case ',':
            n += (depth == 1);
            break;
        }
    }

    return n > max;
}


static ngx_int_t
ngx_ess_publish_batch_elements(ngx_pool_t *pool, ngx_str_t *text, cJSON *root,
    ngx_str_t *bodies, const char **detail)
{
    u_char     *p, *last;
    cJSON      *item;
    ngx_int_t   rc;
    ngx_str_t  *body;

    p = ngx_ess_publish_batch_begin(text);
    last = text->data + text->len;
    body = bodies;

    cJSON_ArrayForEach(item, root) {

        /* a bracket before the first one, a comma before the others */

        p = ngx_ess_json_space(p + 1, last);

        body->data = p;
        p = ngx_ess_publish_batch_value(p, last);
        body->len = p - body->data;

        if (cJSON_IsString(item)) {
            rc = ngx_ess_publish_batch_string(pool, item, body, detail);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        body++;
        p = ngx_ess_json_space(p, last);
    }

    return NGX_OK;
}


/* The first character that counts. */

static u_char *
ngx_ess_publish_batch_begin(ngx_str_t *text)
{
    u_char  *p;

    p = text->data;

    /* cJSON takes a mark at the start of the text for white space */

    if (text->len >= 3 && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    return ngx_ess_json_space(p, text->data + text->len);
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


/* The end of the value at p, of text that is JSON. */

static u_char *
ngx_ess_publish_batch_value(u_char *p, u_char *last)
{
    ngx_uint_t  depth;

    depth = 0;

    while (p < last) {

        switch (*p) {

        case '"':
            p = ngx_ess_publish_batch_quoted(p + 1, last);

            if (depth == 0) {
                return p;
            }

            continue;

        case '[':
        case '{':
            depth++;
            break;

        case ']':
        case '}':

            if (depth == 0) {
                return p;
            }

            if (--depth == 0) {
                return p + 1;
            }

            break;

        default:

            if (depth == 0 && (*p == ',' || *p <= ' ')) {
                return p;
            }
        }

        p++;
    }

    return p;
}


/* Behind the string whose first character is at p. */

static u_char *
ngx_ess_publish_batch_quoted(u_char *p, u_char *last)
{
    while (p < last && *p != '"') {
        p += (*p == '\\' && last - p > 1) ? 2 : 1;
    }

    return (p < last) ? p + 1 : p;
}
