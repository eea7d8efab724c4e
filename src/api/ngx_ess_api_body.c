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
static ngx_int_t ngx_ess_api_body_source(cJSON *root,
    ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_declare(cJSON *root,
    ngx_ess_api_body_t *body);
static ngx_int_t ngx_ess_api_body_bytes(cJSON *root, const char *name,
    uint64_t *bytes);
static ngx_uint_t ngx_ess_api_body_is_age(const char *age);
static cJSON *ngx_ess_api_body_member(cJSON *root, const char *name);
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

        if (rc == NGX_OK) {
            rc = ngx_ess_api_body_source(root, body);
        }

        if (rc == NGX_OK) {
            rc = ngx_ess_api_body_declare(root, body);
        }
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
    cJSON   *key;
    size_t   len;

    if (!cJSON_IsObject(root)) {
        return ngx_ess_api_body_refuse(body, 422,
            "the body is not a JSON object");
    }

    key = ngx_ess_api_body_member(root, "routing_key");

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
ngx_ess_api_body_source(cJSON *root, ngx_ess_api_body_t *body)
{
    cJSON  *source;

    source = ngx_ess_api_body_member(root, "source");

    body->has_source = (source != NULL);
    body->source = NGX_ESS_SOURCE_EXCHANGE;

    if (source == NULL) {
        return NGX_OK;
    }

    if (cJSON_IsString(source) && source->valuestring) {

        if (ngx_strcmp(source->valuestring, "exchange") == 0) {
            return NGX_OK;
        }

        if (ngx_strcmp(source->valuestring, "stream") == 0) {
            body->source = NGX_ESS_SOURCE_STREAM;
            return NGX_OK;
        }
    }

    return ngx_ess_api_body_refuse(body, 422,
        "\"source\" is neither \"exchange\" nor \"stream\"");
}


static ngx_int_t
ngx_ess_api_body_declare(cJSON *root, ngx_ess_api_body_t *body)
{
    cJSON  *declare, *age;

    body->declare = 0;
    ngx_memzero(&body->stream, sizeof(ngx_ess_source_stream_t));

    declare = ngx_ess_api_body_member(root, "declare");

    if (declare && !cJSON_IsBool(declare)) {
        return ngx_ess_api_body_refuse(body, 422,
            "\"declare\" is neither true nor false");
    }

    if (declare == NULL || cJSON_IsFalse(declare)) {

        if (ngx_ess_api_body_member(root, "max_length_bytes")
            || ngx_ess_api_body_member(root, "max_age")
            || ngx_ess_api_body_member(root, "stream_max_segment_size_bytes"))
        {
            return ngx_ess_api_body_refuse(body, 422,
                "\"max_length_bytes\", \"max_age\" and "
                "\"stream_max_segment_size_bytes\" need \"declare\": true");
        }

        return NGX_OK;
    }

    body->declare = 1;

    if (ngx_ess_api_body_bytes(root, "max_length_bytes",
                               &body->stream.max_length)
        != NGX_OK)
    {
        return ngx_ess_api_body_refuse(body, 422,
            "\"max_length_bytes\" is not a number of bytes");
    }

    if (ngx_ess_api_body_bytes(root, "stream_max_segment_size_bytes",
                               &body->stream.max_segment)
        != NGX_OK)
    {
        return ngx_ess_api_body_refuse(body, 422,
            "\"stream_max_segment_size_bytes\" is not a number of bytes");
    }

    age = ngx_ess_api_body_member(root, "max_age");

    if (age == NULL) {
        return NGX_OK;
    }

    if (!cJSON_IsString(age) || age->valuestring == NULL
        || !ngx_ess_api_body_is_age(age->valuestring))
    {
        return ngx_ess_api_body_refuse(body, 422,
            "\"max_age\" is not a number with a unit of Y, M, D, h, m or s, "
            "such as \"7D\"");
    }

    ngx_memcpy(body->stream.max_age, age->valuestring,
               ngx_strlen(age->valuestring));

    return NGX_OK;
}


/* From 1, and exact as a double is.  NGX_OK, also without it, or
   NGX_DECLINED. */

static ngx_int_t
ngx_ess_api_body_bytes(cJSON *root, const char *name, uint64_t *bytes)
{
    cJSON   *number;
    double   value;

    number = ngx_ess_api_body_member(root, name);

    if (number == NULL) {
        return NGX_OK;
    }

    value = cJSON_IsNumber(number) ? number->valuedouble : 0;

    if (!(value >= 1 && value <= 9007199254740992.0)) {
        return NGX_DECLINED;
    }

    *bytes = (uint64_t) value;

    return ((double) *bytes == value) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_ess_api_body_is_age(const char *age)
{
    size_t  len;

    len = strspn(age, "0123456789");

    return len >= 1 && len <= 9
           && age[len] != '\0' && strchr("YMDhms", age[len]) != NULL
           && age[len + 1] == '\0';
}


/* The last one of that name, or NULL. */

static cJSON *
ngx_ess_api_body_member(cJSON *root, const char *name)
{
    cJSON  *item, *member;

    member = NULL;

    cJSON_ArrayForEach(item, root) {
        if (item->string && ngx_strcmp(item->string, name) == 0) {
            member = item;
        }
    }

    return member;
}


static ngx_int_t
ngx_ess_api_body_refuse(ngx_ess_api_body_t *body, ngx_uint_t status,
    const char *detail)
{
    body->status = status;
    body->detail = detail;

    return NGX_DECLINED;
}
