
/*
 * Questions about subscriptions, each a request without a client.  A question
 * has a pool of its own, for it may outlive the request that it is about.  Runs
 * in the worker that has the client.
 */


#include "ngx_ess_authorize.h"
#include "ngx_ess_authorize_cache.h"
#include "ngx_ess_authorize_json.h"
#include "ngx_ess_client.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_request.h"
#include "ngx_ess_str.h"


#define NGX_ESS_AUTHORIZE_POOL    1024

/* bytes of an answer: what a question's keys may take, and something */
#define NGX_ESS_AUTHORIZE_ANSWER  (4 * 1024 * 1024)


struct ngx_ess_authorize_s {
    ngx_pool_t                *pool;        /* it is in */
    ngx_ess_authorize_conf_t  *conf;
    ngx_ess_jwt_grant_t       *grant;       /* NULL: no token */
    ngx_str_t                  sub;         /* of the grant, as JSON */
    ngx_array_t                entries;     /* of ngx_ess_authorize_entry_t */
    ngx_uint_t                 nkeys;       /* of all of them */
    ngx_uint_t                 asked;       /* 1: about some */
    ngx_uint_t                 refused;     /* 1: some of these were */

    ngx_ess_request_conf_t     how;
    ngx_ess_request_t         *request;     /* NULL: none is under way */
    void                     (*handler)(void *data);
    void                      *data;
};


static ngx_int_t ngx_ess_authorize_keys(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_str_t *keys, ngx_uint_t nkeys);
static ngx_int_t ngx_ess_authorize_text(ngx_ess_authorize_t *a, ngx_str_t *to,
    u_char *data, size_t len);
static ngx_uint_t ngx_ess_authorize_known(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_ess_authorize_key_t *key);
static ngx_int_t ngx_ess_authorize_body(ngx_ess_authorize_t *a,
    ngx_connection_t *c, ngx_str_t *query, ngx_str_t *body);
static ngx_int_t ngx_ess_authorize_request(ngx_ess_authorize_t *a,
    ngx_connection_t *c, ngx_str_t *query);
static void ngx_ess_authorize_answered(ngx_ess_request_t *req);
static ngx_int_t ngx_ess_authorize_read(ngx_ess_authorize_t *a,
    ngx_ess_request_t *req);
static void ngx_ess_authorize_keep(ngx_ess_authorize_t *a,
    ngx_uint_t refused);
static void ngx_ess_authorize_keep_key(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_ess_authorize_key_t *key,
    ngx_uint_t refused);
static void ngx_ess_authorize_counted(ngx_ess_authorized_e how);
static void ngx_ess_authorize_log(ngx_ess_authorize_t *a, const char *fmt,
    ...);


ngx_ess_authorize_t *
ngx_ess_authorize_create(ngx_ess_authorize_conf_t *conf,
    ngx_ess_jwt_grant_t *grant)
{
    ngx_pool_t           *pool;
    ngx_ess_authorize_t  *a;

    pool = ngx_create_pool(NGX_ESS_AUTHORIZE_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    a = ngx_pcalloc(pool, sizeof(ngx_ess_authorize_t));

    if (a == NULL
        || ngx_array_init(&a->entries, pool, 1,
                          sizeof(ngx_ess_authorize_entry_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    a->pool = pool;
    a->conf = conf;
    a->grant = ngx_ess_jwt_grant_hold(grant);
    a->sub = ngx_ess_jwt_grant_sub(grant);

    return a;
}


ngx_int_t
ngx_ess_authorize_skip(ngx_ess_authorize_t *a)
{
    ngx_ess_authorize_entry_t  *entry;

    entry = ngx_array_push(&a->entries);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(entry, sizeof(ngx_ess_authorize_entry_t));

    return NGX_OK;
}


ngx_int_t
ngx_ess_authorize_add(ngx_ess_authorize_t *a, ngx_ess_stream_info_t *info,
    ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_str_t                   uuid;
    ngx_uint_t                  i, known;
    ngx_ess_authorize_entry_t   entry;
    ngx_ess_authorize_entry_t  *e;

    ngx_memzero(&entry, sizeof(ngx_ess_authorize_entry_t));

    if (ngx_ess_authorize_text(a, &uuid, info->uuid, NGX_ESS_UUID_LEN)
        != NGX_OK
        || ngx_ess_authorize_text(a, &entry.name, info->name, info->name_len)
           != NGX_OK
        || ngx_ess_authorize_text(a, &entry.routing_key, info->key,
                                  info->key_len)
           != NGX_OK
        || ngx_ess_authorize_keys(a, &entry, keys, nkeys) != NGX_OK)
    {
        return NGX_ERROR;
    }

    entry.uuid = uuid.data;

    if (nkeys == 0) {
        known = ngx_ess_authorize_known(a, &entry, &entry.all);

    } else {
        entry.all.known = 1;
        entry.all.allowed = 1;
        known = 1;

        for (i = 0; i < entry.nkeys; i++) {
            known &= ngx_ess_authorize_known(a, &entry, &entry.keys[i]);
        }
    }

    entry.asked = !known;

    a->asked |= entry.asked;
    a->nkeys += entry.nkeys;

    e = ngx_array_push(&a->entries);
    if (e == NULL) {
        return NGX_ERROR;
    }

    *e = entry;

    return NGX_OK;
}


/* In an order in which one is found, each once. */

static ngx_int_t
ngx_ess_authorize_keys(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_str_t *keys, ngx_uint_t nkeys)
{
    ngx_uint_t                i, n;
    ngx_ess_authorize_key_t  *k;

    if (nkeys == 0) {
        return NGX_OK;
    }

    k = ngx_pcalloc(a->pool, nkeys * sizeof(ngx_ess_authorize_key_t));
    if (k == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < nkeys; i++) {
        if (ngx_ess_authorize_text(a, &k[i].key, keys[i].data, keys[i].len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_qsort(k, nkeys, sizeof(ngx_ess_authorize_key_t), ngx_ess_str_cmp);

    for (i = 1, n = 1; i < nkeys; i++) {
        if (ngx_ess_str_cmp(&k[i], &k[n - 1]) != 0) {
            k[n++] = k[i];
        }
    }

    entry->keys = k;
    entry->nkeys = n;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_authorize_text(ngx_ess_authorize_t *a, ngx_str_t *to, u_char *data,
    size_t len)
{
    ngx_str_null(to);

    if (len == 0) {
        return NGX_OK;
    }

    to->data = ngx_pnalloc(a->pool, len);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    to->len = len;
    ngx_memcpy(to->data, data, len);

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_authorize_known(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_ess_authorize_key_t *key)
{
    ngx_uint_t  allowed;

    if (ngx_ess_authorize_cache_find(a->conf, &a->sub, entry->uuid, &key->key,
                                     &allowed)
        != NGX_OK)
    {
        return 0;
    }

    key->known = 1;
    key->allowed = allowed;

    return 1;
}


ngx_uint_t
ngx_ess_authorize_n(ngx_ess_authorize_t *a)
{
    return a->entries.nelts;
}


ngx_uint_t
ngx_ess_authorize_full(ngx_ess_authorize_t *a)
{
    return a->entries.nelts >= NGX_ESS_AUTHORIZE_STREAMS
           || a->nkeys >= NGX_ESS_AUTHORIZE_KEYS;
}


ngx_int_t
ngx_ess_authorize_ask(ngx_ess_authorize_t *a, ngx_http_conf_ctx_t *ctx,
    ngx_connection_t *c, ngx_str_t *query, void (*handler)(void *data),
    void *data)
{
    if (!a->asked) {
        return NGX_OK;
    }

    a->handler = handler;
    a->data = data;

    a->how.handler = ngx_ess_authorize_answered;
    a->how.data = a;
    a->how.ctx = ctx;
    a->how.timeout = a->conf->timeout;
    a->how.max = NGX_ESS_AUTHORIZE_ANSWER;

    if (ngx_ess_authorize_request(a, c, query) != NGX_OK) {

        if (a->request) {
            ngx_ess_request_abort(a->request, NULL);
            a->request = NULL;
        }

        ngx_ess_authorize_counted(NGX_ESS_AUTHORIZED_FAILED);

        return NGX_OK;
    }

    ngx_ess_request_run(a->request);

    return NGX_AGAIN;
}


/* In the memory of nginx's request, which may use it a little longer than the
   question is there. */

static ngx_int_t
ngx_ess_authorize_body(ngx_ess_authorize_t *a, ngx_connection_t *c,
    ngx_str_t *query, ngx_str_t *body)
{
    size_t                 len;
    ngx_str_t              claims;
    const char            *detail;
    ngx_ess_json_value_t   value;

    claims = ngx_ess_jwt_grant_claims(a->grant);

    if (claims.len && ngx_ess_json_read(&claims, &value, &detail) != NGX_OK) {
        ngx_ess_authorize_log(a, "is not asked about a token whose claims are "
                              "no JSON as they should be: %s", detail);
        return NGX_ERROR;
    }

    len = ngx_ess_authorize_json_question(NULL, a->entries.elts,
                                          a->entries.nelts, &c->addr_text,
                                          &claims, query);

    body->data = ngx_pnalloc(a->request->request->pool, len);
    if (body->data == NULL) {
        return NGX_ERROR;
    }

    body->len = ngx_ess_authorize_json_question(body->data, a->entries.elts,
                                                a->entries.nelts,
                                                &c->addr_text, &claims,
                                                query);
    return NGX_OK;
}


static ngx_int_t
ngx_ess_authorize_request(ngx_ess_authorize_t *a, ngx_connection_t *c,
    ngx_str_t *query)
{
    ngx_str_t  body;

    static ngx_str_t  post = ngx_string("POST");
    static ngx_str_t  json = ngx_string("application/json");

    if (!ngx_ess_request_room()) {
        ngx_ess_authorize_log(a, "cannot be asked: the worker has no "
                              "connections left");
        return NGX_ERROR;
    }

    a->request = ngx_ess_request_create(&a->how, ngx_cycle->log);

    if (a->request == NULL
        || ngx_ess_request_target(a->request, &post, &a->conf->uri) != NGX_OK
        || ngx_ess_authorize_body(a, c, query, &body) != NGX_OK
        || ngx_ess_request_body(a->request, &json, &body) != NGX_OK
        || ngx_ess_request_client(a->request, c) != NGX_OK)
    {
        ngx_ess_authorize_log(a, "cannot be asked: its address is unsafe, or "
                              "there is no memory");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_ess_authorize_answered(ngx_ess_request_t *req)
{
    ngx_ess_authorize_t  *a;

    a = req->conf->data;
    a->request = NULL;

    if (ngx_ess_authorize_read(a, req) == NGX_OK) {
        ngx_ess_authorize_keep(a, req->status == NGX_HTTP_FORBIDDEN);
        ngx_ess_authorize_counted(a->refused ? NGX_ESS_AUTHORIZED_REFUSED
                                             : NGX_ESS_AUTHORIZED_ALLOWED);

    } else {
        ngx_ess_authorize_counted(NGX_ESS_AUTHORIZED_FAILED);
    }

    /* it may free the question */

    a->handler(a->data);
}


/* NGX_OK: it is an answer. */

static ngx_int_t
ngx_ess_authorize_read(ngx_ess_authorize_t *a, ngx_ess_request_t *req)
{
    const char  *wrong;

    switch (req->end) {

    case NGX_ESS_REQUEST_DONE:
        break;

    case NGX_ESS_REQUEST_TIMEOUT:
        ngx_ess_authorize_log(a, "did not answer within %M ms",
                              a->conf->timeout);
        return NGX_ERROR;

    case NGX_ESS_REQUEST_TOO_LARGE:
        ngx_ess_authorize_log(a, "answered more than %d bytes",
                              NGX_ESS_AUTHORIZE_ANSWER);
        return NGX_ERROR;

    default:
        ngx_ess_authorize_log(a, "broke off its answer");
        return NGX_ERROR;
    }

    if (req->status == NGX_HTTP_FORBIDDEN) {
        return NGX_OK;
    }

    if (req->status != NGX_HTTP_OK) {
        ngx_ess_authorize_log(a, "answered %ui", req->status);
        return NGX_ERROR;
    }

    if (ngx_ess_authorize_json_answer(&req->body, a->entries.elts,
                                      a->entries.nelts, &wrong)
        != NGX_OK)
    {
        ngx_ess_authorize_log(a, "gave an answer that does not fit: %s",
                              wrong);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_ess_authorize_keep(ngx_ess_authorize_t *a, ngx_uint_t refused)
{
    ngx_uint_t                  i, k;
    ngx_ess_authorize_entry_t  *entry;

    entry = a->entries.elts;

    for (i = 0; i < a->entries.nelts; i++, entry++) {

        if (!entry->asked) {
            continue;
        }

        ngx_ess_authorize_keep_key(a, entry, &entry->all, refused);

        for (k = 0; k < entry->nkeys; k++) {
            ngx_ess_authorize_keep_key(a, entry, &entry->keys[k], refused);
        }
    }
}


static void
ngx_ess_authorize_keep_key(ngx_ess_authorize_t *a,
    ngx_ess_authorize_entry_t *entry, ngx_ess_authorize_key_t *key,
    ngx_uint_t refused)
{
    if (key->known) {
        return;
    }

    if (refused) {
        key->allowed = 0;
    }

    if (!key->allowed) {
        a->refused = 1;
    }

    key->known = 1;

    ngx_ess_authorize_cache_add(a->conf, &a->sub, entry->uuid, &key->key,
                                key->allowed);
}


/* One for the request, whatever it was about; what was known is in none. */

static void
ngx_ess_authorize_counted(ngx_ess_authorized_e how)
{
    ngx_ess_counter_add(ngx_ess_client_zone, NGX_ESS_C_AUTHORIZED + how, 1);
}


/* Once a second: a back end that is down is asked by each client. */

static void
ngx_ess_authorize_log(ngx_ess_authorize_t *a, const char *fmt, ...)
{
    u_char   buf[256], *p;
    va_list  args;

    static time_t  last;

    if (last == ngx_time()) {
        return;
    }

    last = ngx_time();

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "\"ess_authorize\": \"%V\" %*s", &a->conf->uri,
                  (size_t) (p - buf), buf);
}


ngx_ess_authorize_e
ngx_ess_authorize_verdict(ngx_ess_authorize_t *a, ngx_uint_t n,
    ngx_str_t *key)
{
    ngx_uint_t                  i, known;
    ngx_ess_authorize_entry_t  *entry;

    ngx_str_null(key);

    entry = (ngx_ess_authorize_entry_t *) a->entries.elts + n;
    known = entry->all.known;

    if (known && !entry->all.allowed) {
        return NGX_ESS_AUTHORIZE_REFUSED;
    }

    for (i = 0; i < entry->nkeys; i++) {

        if (entry->keys[i].known && !entry->keys[i].allowed) {
            *key = entry->keys[i].key;
            return NGX_ESS_AUTHORIZE_REFUSED;
        }

        known &= entry->keys[i].known;
    }

    return known ? NGX_ESS_AUTHORIZE_ALLOWED : NGX_ESS_AUTHORIZE_UNKNOWN;
}


ngx_uint_t
ngx_ess_authorize_is(ngx_ess_authorize_t *a, ngx_uint_t n, const u_char *uuid)
{
    ngx_ess_authorize_entry_t  *entry;

    entry = (ngx_ess_authorize_entry_t *) a->entries.elts + n;

    return entry->uuid
           && ngx_memcmp(entry->uuid, uuid, NGX_ESS_UUID_LEN) == 0;
}


void
ngx_ess_authorize_free(ngx_ess_authorize_t *a)
{
    if (a->request) {
        ngx_ess_request_abort(a->request, NULL);
        ngx_ess_authorize_counted(NGX_ESS_AUTHORIZED_ABANDONED);
    }

    ngx_ess_jwt_grant_release(a->grant);
    ngx_destroy_pool(a->pool);
}
