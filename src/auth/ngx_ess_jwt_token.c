
/*
 * Checks a token: first its signature, with a key that is for one algorithm
 * only, then its claims.  cJSON's trees live during a call only; so do the
 * decoded parts, in static buffers, but for the claims, which are copied.
 */


#include "ngx_ess_json.h"
#include "ngx_ess_str.h"
#include "ngx_ess_jwt_token.h"
#include <math.h>


/* s since 1970; beyond, a double is no exact number */
#define NGX_ESS_JWT_TOKEN_LAST   9007199254740992.0


static ngx_int_t ngx_ess_jwt_token_split(ngx_str_t *token, ngx_str_t *parts,
    ngx_str_t *text);
static cJSON *ngx_ess_jwt_token_parse(ngx_str_t *text);
static ngx_int_t ngx_ess_jwt_token_signed(ngx_array_t *keys, cJSON *header,
    ngx_str_t *text, ngx_str_t *signature, const char **reason);
static ngx_int_t ngx_ess_jwt_token_valid(ngx_ess_jwt_policy_t *policy,
    cJSON *claims, time_t now, time_t *expires, const char **reason);
static ngx_int_t ngx_ess_jwt_token_time(cJSON *claims, const char *name,
    double *when);
static ngx_uint_t ngx_ess_jwt_token_has(cJSON *item, ngx_str_t *text);
static ngx_uint_t ngx_ess_jwt_token_is(cJSON *item, ngx_str_t *text);
static ngx_uint_t ngx_ess_jwt_token_is_unique(cJSON *object);
static int ngx_libc_cdecl ngx_ess_jwt_token_cmp_names(const void *one,
    const void *two);


ngx_int_t
ngx_ess_jwt_token_verify(ngx_ess_jwt_policy_t *policy, ngx_str_t *token,
    time_t now, ngx_pool_t *pool, ngx_str_t *claims, time_t *expires,
    const char **reason)
{
    cJSON      *root;
    ngx_int_t   rc;
    ngx_str_t   parts[3], text, header, payload, signature;

    static u_char  buf[3][ngx_base64_decoded_length(NGX_ESS_JWT_TOKEN_MAX)];

    if (token->len > NGX_ESS_JWT_TOKEN_MAX) {
        *reason = "it is too long";
        return NGX_DECLINED;
    }

    header.data = buf[0];
    payload.data = buf[1];
    signature.data = buf[2];

    if (ngx_ess_jwt_token_split(token, parts, &text) != NGX_OK
        || ngx_ess_jwt_base64url(&header, &parts[0]) != NGX_OK
        || ngx_ess_jwt_base64url(&payload, &parts[1]) != NGX_OK
        || ngx_ess_jwt_base64url(&signature, &parts[2]) != NGX_OK)
    {
        *reason = "it is not three parts in base64url";
        return NGX_DECLINED;
    }

    root = ngx_ess_jwt_token_parse(&header);
    if (root == NULL) {
        *reason = "its header is no JSON object, or has a member twice";
        return NGX_DECLINED;
    }

    rc = ngx_ess_jwt_token_signed(policy->keys, root, &text, &signature,
                                  reason);
    cJSON_Delete(root);

    if (rc != NGX_OK) {
        return rc;
    }

    root = ngx_ess_jwt_token_parse(&payload);
    if (root == NULL) {
        *reason = "its payload is no JSON object, or has a member twice";
        return NGX_DECLINED;
    }

    rc = ngx_ess_jwt_token_valid(policy, root, now, expires, reason);

    cJSON_Delete(root);

    if (rc != NGX_OK) {
        return rc;
    }

    claims->len = payload.len;
    claims->data = ngx_pnalloc(pool, payload.len);
    if (claims->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(claims->data, payload.data, payload.len);

    return NGX_OK;
}


/* text: what is signed, the first two parts with the dot between them */

static ngx_int_t
ngx_ess_jwt_token_split(ngx_str_t *token, ngx_str_t *parts, ngx_str_t *text)
{
    ngx_str_t  rest;

    rest = *token;

    if (!ngx_ess_str_cut(&rest, '.', &parts[0])
        || !ngx_ess_str_cut(&rest, '.', &parts[1])
        || ngx_ess_str_cut(&rest, '.', &parts[2]))
    {
        return NGX_DECLINED;
    }

    text->data = token->data;
    text->len = parts[2].data - 1 - token->data;

    return NGX_OK;
}


/*
 * An object whose members have different names (RFC 7519, 4; RFC 7515, 4), so
 * that two programs read the same ones, and nothing around it.  cJSON takes a
 * byte order mark for a blank, and cuts strings at a NUL.
 */

static cJSON *
ngx_ess_jwt_token_parse(ngx_str_t *text)
{
    cJSON       *root;
    const char  *detail;

    if (text->data[0] >= 0x80
        || ngx_strnstr(text->data, "\\u0000", text->len))
    {
        return NULL;
    }

    root = ngx_ess_json_parse(text->data, text->len, 0, &detail);

    if (!cJSON_IsObject(root) || !ngx_ess_jwt_token_is_unique(root)) {
        cJSON_Delete(root);
        return NULL;
    }

    return root;
}


/* Sorted, for who sends a token that is not signed chooses their number. */

static ngx_uint_t
ngx_ess_jwt_token_is_unique(cJSON *object)
{
    cJSON        *item;
    size_t        i, n;
    const char  **names;

    n = cJSON_GetArraySize(object);

    if (n < 2) {
        return 1;
    }

    names = cJSON_malloc(n * sizeof(char *));
    if (names == NULL) {
        return 0;
    }

    i = 0;

    cJSON_ArrayForEach(item, object) {
        names[i++] = item->string;
    }

    ngx_qsort(names, n, sizeof(char *), ngx_ess_jwt_token_cmp_names);

    for (i = 1; i < n; i++) {
        if (ngx_strcmp(names[i - 1], names[i]) == 0) {
            break;
        }
    }

    cJSON_free(names);

    return i == n;
}


static int ngx_libc_cdecl
ngx_ess_jwt_token_cmp_names(const void *one, const void *two)
{
    return ngx_strcmp(*(const char *const *) one, *(const char *const *) two);
}


/*
 * A key is for one algorithm, so the token's word on that only chooses among
 * the keys; "none" is the name of no algorithm.
 */

static ngx_int_t
ngx_ess_jwt_token_signed(ngx_array_t *keys, cJSON *header, ngx_str_t *text,
    ngx_str_t *signature, const char **reason)
{
    cJSON              *alg, *kid;
    ngx_uint_t          i, found;
    ngx_ess_jwt_key_t  *key;
    ngx_ess_jwt_alg_e   named;

    alg = cJSON_GetObjectItemCaseSensitive(header, "alg");
    kid = cJSON_GetObjectItemCaseSensitive(header, "kid");

    if (!cJSON_IsString(alg) || (kid && !cJSON_IsString(kid))) {
        *reason = "its \"alg\" or \"kid\" is missing or no string";
        return NGX_DECLINED;
    }

    /* RFC 7515, 4.1.11: none of them is understood */

    if (cJSON_GetObjectItemCaseSensitive(header, "crit")) {
        *reason = "it has \"crit\"";
        return NGX_DECLINED;
    }

    found = 0;
    key = keys->elts;
    named = ngx_ess_jwt_alg((u_char *) alg->valuestring,
                            ngx_strlen(alg->valuestring));

    for (i = 0; i < keys->nelts; i++) {

        if (key[i].alg != named
            || (kid && key[i].kid.data
                && ngx_strcmp(kid->valuestring, key[i].kid.data) != 0))
        {
            continue;
        }

        found = 1;

        if (ngx_ess_jwt_key_verify(&key[i], text, signature)) {
            return NGX_OK;
        }
    }

    *reason = found ? "its signature is wrong"
                    : "there is no key for its \"alg\" and \"kid\"";

    return NGX_DECLINED;
}


/* RFC 7519, 4.1. */

static ngx_int_t
ngx_ess_jwt_token_valid(ngx_ess_jwt_policy_t *policy, cJSON *claims,
    time_t now, time_t *expires, const char **reason)
{
    cJSON      *aud, *iss;
    double      exp, nbf;
    ngx_int_t   rc, early;

    exp = 0;
    nbf = 0;

    rc = ngx_ess_jwt_token_time(claims, "exp", &exp);
    early = ngx_ess_jwt_token_time(claims, "nbf", &nbf);
    iss = cJSON_GetObjectItemCaseSensitive(claims, "iss");
    aud = cJSON_GetObjectItemCaseSensitive(claims, "aud");

    *expires = (rc == NGX_OK) ? (time_t) exp + (time_t) policy->leeway : 0;

    if (rc == NGX_ERROR || (rc == NGX_DECLINED && !policy->endless)) {
        *reason = "its \"exp\" is missing or no time";

    } else if (rc == NGX_OK && now >= *expires) {
        *reason = "it has expired";

    } else if (early == NGX_ERROR) {
        *reason = "its \"nbf\" is no time";

    } else if (early == NGX_OK
               && (double) now < nbf - (double) policy->leeway)
    {
        *reason = "it is not valid yet";

    } else if (policy->iss.data && !ngx_ess_jwt_token_is(iss, &policy->iss)) {
        *reason = "its \"iss\" is not that of \"ess_jwt\"";

    } else if (policy->aud.data == NULL && aud) {

        /* 4.1.3: who is not meant must refuse it */

        *reason = "it has an \"aud\", and \"ess_jwt\" has none";

    } else if (policy->aud.data && !ngx_ess_jwt_token_has(aud, &policy->aud)) {
        *reason = "its \"aud\" is not that of \"ess_jwt\"";

    } else {
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* NGX_OK; NGX_DECLINED: there is none; NGX_ERROR: it is no time. */

static ngx_int_t
ngx_ess_jwt_token_time(cJSON *claims, const char *name, double *when)
{
    cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(claims, name);

    if (item == NULL) {
        return NGX_DECLINED;
    }

    if (!cJSON_IsNumber(item)
        || !isfinite(item->valuedouble)
        || item->valuedouble < 0
        || item->valuedouble > NGX_ESS_JWT_TOKEN_LAST)
    {
        return NGX_ERROR;
    }

    *when = item->valuedouble;

    return NGX_OK;
}


ngx_int_t
ngx_ess_jwt_token_claim(ngx_str_t *claims, ngx_str_t *name, ngx_pool_t *pool,
    ngx_str_t *value)
{
    char       *text, *json;
    u_char     *key;
    cJSON      *root, *item;
    ngx_int_t   rc;

    key = ngx_pnalloc(pool, name->len + 1);
    if (key == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(key, name->data, name->len + 1);

    root = cJSON_ParseWithLength((char *) claims->data, claims->len);
    item = cJSON_GetObjectItemCaseSensitive(root, (char *) key);

    if (item == NULL) {
        cJSON_Delete(root);
        return NGX_DECLINED;
    }

    json = NULL;
    text = cJSON_GetStringValue(item);

    if (text == NULL) {
        json = cJSON_PrintUnformatted(item);
        text = json;
    }

    rc = NGX_ERROR;

    if (text) {
        value->len = ngx_strlen(text);
        value->data = ngx_pnalloc(pool, value->len);

        if (value->data) {
            ngx_memcpy(value->data, text, value->len);
            rc = NGX_OK;
        }
    }

    cJSON_free(json);
    cJSON_Delete(root);

    return rc;
}


/* Is it the text, or a list with the text? */

static ngx_uint_t
ngx_ess_jwt_token_has(cJSON *item, ngx_str_t *text)
{
    cJSON  *member;

    if (!cJSON_IsArray(item)) {
        return ngx_ess_jwt_token_is(item, text);
    }

    cJSON_ArrayForEach(member, item) {
        if (ngx_ess_jwt_token_is(member, text)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_ess_jwt_token_is(cJSON *item, ngx_str_t *text)
{
    return cJSON_IsString(item)
           && ngx_strlen(item->valuestring) == text->len
           && ngx_memcmp(item->valuestring, text->data, text->len) == 0;
}
