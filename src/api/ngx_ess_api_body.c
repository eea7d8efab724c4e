/*
 * Parses the body that creates a stream, over cJSON.  A pure function, in a
 * worker; cJSON's tree lives during the call only.
 *
 * cJSON hands strings out null terminated and is lax about control
 * characters and UTF-8, so the bytes are checked first.
 */


#include "ngx_ess_api_body.h"
#include <cjson/cJSON.h>


/* no byte of UTF-8; marks a \u0000 after the check for UTF-8 */
#define NGX_ESS_API_BODY_NUL  0xff


static size_t ngx_ess_api_body_utf8_char(const u_char *p, size_t len);
static ngx_int_t ngx_ess_api_body_scan(u_char *p, u_char *last,
    ngx_uint_t mark);
static ngx_int_t ngx_ess_api_body_key(cJSON *root, ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_refuse(ngx_ess_api_body_t *body,
    ngx_uint_t status, const char *detail);


ngx_int_t
ngx_ess_api_body_parse(u_char *data, size_t len, ngx_ess_api_body_t *body)
{
    cJSON       *root;
    ngx_int_t    rc;
    const char  *end, *last;

    if (len == 0) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST,
            "the body is empty, {\"routing_key\": \"...\"} is expected");
    }

    if (len > NGX_ESS_API_MAX_BODY) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
            "the body is over the limit of 65536 bytes");
    }

    if (!ngx_ess_api_body_utf8(data, len)) {
        return ngx_ess_api_body_refuse(body, 422,
            "the body is not valid UTF-8");
    }

    if (ngx_ess_api_body_scan(data, data + len, 1) != NGX_OK) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST,
            "the body is not JSON: it contains a control character");
    }

    end = NULL;
    last = (const char *) data + len;

    root = cJSON_ParseWithLengthOpts((const char *) data, len, &end, 0);
    if (root == NULL) {
        return ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST,
            "the body is not JSON");
    }

    while (end < last
           && (*end == ' ' || *end == '\t' || *end == '\r' || *end == '\n'))
    {
        end++;
    }

    if (end < last) {
        rc = ngx_ess_api_body_refuse(body, NGX_HTTP_BAD_REQUEST,
            "the body is not JSON: something follows the value");

    } else {
        rc = ngx_ess_api_body_key(root, body);
    }

    cJSON_Delete(root);

    return rc;
}


ngx_int_t
ngx_ess_api_body_text(u_char *data, size_t len, const char **detail)
{
    if (!ngx_ess_api_body_utf8(data, len)) {
        *detail = "the body is not valid UTF-8";
        return NGX_DECLINED;
    }

    if (ngx_ess_api_body_scan(data, data + len, 0) != NGX_OK) {
        *detail = "the body is not JSON: it contains a control character";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


ngx_uint_t
ngx_ess_api_body_utf8(const u_char *p, size_t len)
{
    size_t  n;

    while (len) {
        n = ngx_ess_api_body_utf8_char(p, len);

        if (n == 0) {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


/* Length of the character at p (len > 0), 0 when it is not well-formed. */

static size_t
ngx_ess_api_body_utf8_char(const u_char *p, size_t len)
{
    u_char  lo, hi;
    size_t  i, n;

    if (p[0] < 0x80) {
        return 1;
    }

    /* RFC 3629, section 4: only the second byte's range varies */

    lo = 0x80;
    hi = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        lo = (p[0] == 0xe0) ? 0xa0 : 0x80;
        hi = (p[0] == 0xed) ? 0x9f : 0xbf;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        lo = (p[0] == 0xf0) ? 0x90 : 0x80;
        hi = (p[0] == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if (len < n || p[1] < lo || p[1] > hi) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if (p[i] < 0x80 || p[i] > 0xbf) {
            return 0;
        }
    }

    return n;
}


/*
 * Finds control characters where JSON allows none, and with "mark" puts a mark
 * in place of each \u0000, at which cJSON's strings would end unnoticed.
 */

static ngx_int_t
ngx_ess_api_body_scan(u_char *p, u_char *last, ngx_uint_t mark)
{
    ngx_uint_t  quoted;

    quoted = 0;

    while (p < last) {

        if (*p < 0x20
            && (quoted || (*p != '\t' && *p != '\r' && *p != '\n')))
        {
            return NGX_ERROR;
        }

        if (*p == '"') {
            quoted = !quoted;

        } else if (*p == '\\' && quoted) {

            if (mark && last - p >= 6 && ngx_memcmp(p + 1, "u0000", 5) == 0) {
                ngx_memset(p, NGX_ESS_API_BODY_NUL, 6);
                p += 5;

            } else if (last - p >= 2 && p[1] >= 0x20) {
                p++;
            }
        }

        p++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_body_key(cJSON *root, ngx_ess_api_body_t *body)
{
    cJSON   *item, *key;
    size_t   len;

    if (!cJSON_IsObject(root)) {
        return ngx_ess_api_body_refuse(body, 422,
            "the body is not a JSON object");
    }

    key = NULL;

    cJSON_ArrayForEach(item, root) {
        if (item->string && ngx_strcmp(item->string, "routing_key") == 0) {
            key = item;
        }
    }

    if (key == NULL) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" is missing in the body");
    }

    if (!cJSON_IsString(key) || key->valuestring == NULL) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" is not a string");
    }

    len = ngx_strlen(key->valuestring);

    if (len == 0) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" is empty");
    }

    if (strchr(key->valuestring, NGX_ESS_API_BODY_NUL) != NULL) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" contains a NUL character");
    }

    if (len > NGX_ESS_MAX_KEY) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" is over 255 bytes");
    }

    /* a lone surrogate, written as an escape, would come out malformed */

    if (!ngx_ess_api_body_utf8((u_char *) key->valuestring, len)) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"routing_key\" is not valid UTF-8");
    }

    ngx_memcpy(body->key, key->valuestring, len);
    body->key_len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_api_body_refuse(ngx_ess_api_body_t *body, ngx_uint_t status,
    const char *detail)
{
    body->status = status;
    body->detail = detail;

    return NGX_DECLINED;
}
