
/*
 * Grants.  What a claim lists lies behind the grant, in one block: it is looked
 * through for each subscription, and lists are short.  Runs in the worker that
 * has the client.
 */


#include "ngx_ess_jwt_conf.h"
#include "ngx_ess_jwt_grant.h"
#include "ngx_ess_json.h"
#include "ngx_ess_str.h"


/* bytes of a reason why a token is refused */
#define NGX_ESS_JWT_GRANT_REASON  256

/* of the memory that checking one takes */
#define NGX_ESS_JWT_GRANT_POOL    4096


/* one entry of the claim; taken apart, for it is looked at for each key */

typedef struct {
    ngx_str_t                stream;        /* uuid or name */
    ngx_str_t                key;           /* data NULL: all of the stream */
    ngx_uint_t               prefix;        /* 1: what begins with the key */
} ngx_ess_jwt_listed_t;


struct ngx_ess_jwt_grant_s {
    ngx_uint_t               refs;
    ngx_ess_jwt_conf_t      *conf;          /* of the location, which is there
                                               as long as its clients */
    time_t                   expires;       /* s since 1970; 0: never */
    ngx_str_t                sub;           /* whose token it is, as JSON; data
                                               NULL: nobody's */
    ngx_str_t                claims;        /* as JSON; data NULL: they are
                                               not kept */
    ngx_uint_t               any;           /* 1: all streams */
    ngx_ess_jwt_listed_t    *listed;        /* else these, behind the grant */
    ngx_uint_t               nlisted;
};


static ngx_ess_jwt_grant_t *ngx_ess_jwt_grant_fill(ngx_ess_jwt_conf_t *conf,
    cJSON *list, const char *sub, ngx_str_t *claims, ngx_log_t *log);
static cJSON *ngx_ess_jwt_grant_item(cJSON *list, cJSON *item);
static u_char *ngx_ess_jwt_grant_text(ngx_str_t *copy, u_char *p,
    const char *text);
static void ngx_ess_jwt_grant_entry(ngx_ess_jwt_listed_t *entry,
    ngx_str_t *text);
static ngx_uint_t ngx_ess_jwt_grant_lists(ngx_ess_jwt_listed_t *entry,
    ngx_str_t *stream, ngx_str_t *key);
static ngx_uint_t ngx_ess_jwt_grant_same(ngx_ess_jwt_grant_t *one,
    ngx_ess_jwt_grant_t *two);
static ngx_int_t ngx_ess_jwt_grant_refuse(ngx_str_t *reason, ngx_int_t rc,
    const char *fmt, ...);


ngx_ess_jwt_grant_t *
ngx_ess_jwt_grant_create(ngx_ess_jwt_conf_t *conf, ngx_str_t *claims,
    time_t expires, ngx_log_t *log)
{
    char                 *text;
    cJSON                *root, *list, *sub;
    ngx_str_t             none;
    ngx_ess_jwt_grant_t  *grant;

    root = cJSON_ParseWithLength((char *) claims->data, claims->len);
    if (root == NULL) {
        return NULL;
    }

    list = NULL;
    text = NULL;
    grant = NULL;

    if (conf->streams.data) {
        list = cJSON_GetObjectItemCaseSensitive(root,
                                                (char *) conf->streams.data);
    }

    sub = cJSON_GetObjectItemCaseSensitive(root, "sub");

    if (sub) {
        text = cJSON_PrintUnformatted(sub);
    }

    ngx_str_null(&none);

    if (sub == NULL || text) {
        grant = ngx_ess_jwt_grant_fill(conf, list, text,
                                       conf->keep ? claims : &none, log);
    }

    if (grant) {
        grant->expires = expires;
    }

    cJSON_free(text);
    cJSON_Delete(root);

    return grant;
}


/* list: the claim; NULL: it is missing */

static ngx_ess_jwt_grant_t *
ngx_ess_jwt_grant_fill(ngx_ess_jwt_conf_t *conf, cJSON *list, const char *sub,
    ngx_str_t *claims, ngx_log_t *log)
{
    cJSON                *item;
    size_t                size;
    u_char               *p;
    ngx_str_t             text;
    ngx_uint_t            n;
    ngx_ess_jwt_grant_t  *grant;

    n = 0;
    item = NULL;
    size = claims->len + (sub ? ngx_strlen(sub) : 0);

    while ((item = ngx_ess_jwt_grant_item(list, item)) != NULL) {
        size += sizeof(ngx_ess_jwt_listed_t) + ngx_strlen(item->valuestring);
        n++;
    }

    grant = ngx_alloc(sizeof(ngx_ess_jwt_grant_t) + size, log);
    if (grant == NULL) {
        return NULL;
    }

    grant->refs = 1;
    grant->conf = conf;
    grant->any = (conf->streams.data == NULL);
    grant->listed = (ngx_ess_jwt_listed_t *) (grant + 1);
    grant->nlisted = 0;

    p = (u_char *) (grant->listed + n);

    ngx_str_null(&grant->sub);

    if (sub) {
        p = ngx_ess_jwt_grant_text(&grant->sub, p, sub);
    }

    ngx_str_null(&grant->claims);

    if (claims->len) {
        grant->claims.data = p;
        grant->claims.len = claims->len;
        p = ngx_cpymem(p, claims->data, claims->len);
    }

    while ((item = ngx_ess_jwt_grant_item(list, item)) != NULL) {
        p = ngx_ess_jwt_grant_text(&text, p, item->valuestring);

        grant->any |= ngx_ess_str_is(&text, "*");
        ngx_ess_jwt_grant_entry(&grant->listed[grant->nlisted++], &text);
    }

    return grant;
}


/* The next string of the claim, which is one or an array; the first one after
   NULL.  What is no string lists nothing. */

static cJSON *
ngx_ess_jwt_grant_item(cJSON *list, cJSON *item)
{
    if (!cJSON_IsArray(list)) {
        return (item == NULL && cJSON_IsString(list)) ? list : NULL;
    }

    item = item ? item->next : list->child;

    while (item && !cJSON_IsString(item)) {
        item = item->next;
    }

    return item;
}


static u_char *
ngx_ess_jwt_grant_text(ngx_str_t *copy, u_char *p, const char *text)
{
    copy->data = p;
    copy->len = ngx_strlen(text);

    return ngx_cpymem(p, text, copy->len);
}


/* Neither a uuid nor a name has a "#", so what is behind the first one is a
   key, or with "*" at its end what one begins with. */

static void
ngx_ess_jwt_grant_entry(ngx_ess_jwt_listed_t *entry, ngx_str_t *text)
{
    entry->key = *text;
    entry->prefix = 0;

    if (!ngx_ess_str_cut(&entry->key, '#', &entry->stream)) {
        ngx_str_null(&entry->key);
        return;
    }

    if (entry->key.len && entry->key.data[entry->key.len - 1] == '*') {
        entry->key.len--;
        entry->prefix = 1;
    }
}


ngx_uint_t
ngx_ess_jwt_grant_allows(ngx_ess_jwt_grant_t *grant, ngx_str_t *uuid,
    ngx_str_t *name, ngx_str_t *key)
{
    ngx_uint_t  i;

    if (grant == NULL || grant->any) {
        return 1;
    }

    for (i = 0; i < grant->nlisted; i++) {
        if (ngx_ess_jwt_grant_lists(&grant->listed[i], uuid, key)
            || ngx_ess_jwt_grant_lists(&grant->listed[i], name, key))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_ess_jwt_grant_lists(ngx_ess_jwt_listed_t *entry, ngx_str_t *stream,
    ngx_str_t *key)
{
    if (stream == NULL || stream->len == 0
        || !ngx_ess_str_equal(&entry->stream, stream))
    {
        return 0;
    }

    if (entry->key.data == NULL) {
        return 1;
    }

    if (key == NULL) {
        return 0;
    }

    return entry->prefix ? (key->len >= entry->key.len
                            && ngx_memcmp(key->data, entry->key.data,
                                          entry->key.len) == 0)
                         : ngx_ess_str_equal(&entry->key, key);
}


ngx_str_t
ngx_ess_jwt_grant_sub(ngx_ess_jwt_grant_t *grant)
{
    static ngx_str_t  none = ngx_null_string;

    return grant ? grant->sub : none;
}


ngx_str_t
ngx_ess_jwt_grant_claims(ngx_ess_jwt_grant_t *grant)
{
    static ngx_str_t  none = ngx_null_string;

    return grant ? grant->claims : none;
}


time_t
ngx_ess_jwt_grant_expires(ngx_ess_jwt_grant_t *grant)
{
    return grant ? grant->expires : 0;
}


ngx_int_t
ngx_ess_jwt_grant_renew(ngx_ess_jwt_grant_t *old, ngx_str_t *token,
    ngx_log_t *log, ngx_ess_jwt_grant_t **grant, ngx_str_t *reason)
{
    time_t       expires;
    ngx_int_t    rc;
    ngx_str_t    claims;
    ngx_pool_t  *pool;
    const char  *wrong;

    if (old == NULL) {
        return ngx_ess_jwt_grant_refuse(reason, NGX_HTTP_UNAUTHORIZED,
                   "the connection was let in without a token, so that there "
                   "is none to renew");
    }

    *grant = NULL;

    pool = ngx_create_pool(NGX_ESS_JWT_GRANT_POOL, log);

    if (pool) {
        rc = ngx_ess_jwt_token_verify(&old->conf->policy, token, ngx_time(),
                                      pool, &claims, &expires, &wrong);
        if (rc == NGX_OK) {
            *grant = ngx_ess_jwt_grant_create(old->conf, &claims, expires,
                                              log);
        }

        ngx_destroy_pool(pool);

        if (rc == NGX_DECLINED) {
            return ngx_ess_jwt_grant_refuse(reason, NGX_HTTP_UNAUTHORIZED,
                                            "the token was refused: %s",
                                            wrong);
        }
    }

    if (*grant == NULL) {
        return ngx_ess_jwt_grant_refuse(reason, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                        "no memory to check the token");
    }

    if (ngx_ess_jwt_grant_same(old, *grant)) {
        return NGX_OK;
    }

    ngx_ess_jwt_grant_release(*grant);
    *grant = NULL;

    return ngx_ess_jwt_grant_refuse(reason, NGX_HTTP_FORBIDDEN,
               "the token is somebody else's: its \"sub\" is not that of the "
               "token before");
}


/* Nobody's token is for nobody's only. */

static ngx_uint_t
ngx_ess_jwt_grant_same(ngx_ess_jwt_grant_t *one, ngx_ess_jwt_grant_t *two)
{
    if (one->sub.data == NULL || two->sub.data == NULL) {
        return one->sub.data == two->sub.data;
    }

    return ngx_ess_str_equal(&one->sub, &two->sub);
}


static ngx_int_t
ngx_ess_jwt_grant_refuse(ngx_str_t *reason, ngx_int_t rc, const char *fmt, ...)
{
    u_char   *last;
    va_list   args;

    static u_char  buf[NGX_ESS_JWT_GRANT_REASON];

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    reason->data = buf;
    reason->len = last - buf;

    return rc;
}


ngx_ess_jwt_grant_t *
ngx_ess_jwt_grant_hold(ngx_ess_jwt_grant_t *grant)
{
    if (grant) {
        grant->refs++;
    }

    return grant;
}


void
ngx_ess_jwt_grant_release(ngx_ess_jwt_grant_t *grant)
{
    if (grant && --grant->refs == 0) {
        ngx_free(grant);
    }
}
