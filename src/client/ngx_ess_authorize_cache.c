
/*
 * Answers that are kept: a table of a bounded number of entries from the heap,
 * which a worker has from the first one on until it exits.
 */


#include "ngx_ess_authorize_cache.h"
#include "ngx_ess_hash.h"
#include "ngx_ess_str.h"


#define NGX_ESS_AUTHORIZE_CACHE_BUCKETS  8192


typedef struct ngx_ess_authorize_kept_s  ngx_ess_authorize_kept_t;

struct ngx_ess_authorize_kept_s {
    ngx_ess_authorize_kept_t  *next;        /* of its bucket */
    ngx_queue_t                queue;       /* the oldest one first */
    ngx_ess_authorize_conf_t  *conf;        /* who was asked */
    ngx_msec_t                 until;       /* of ngx_current_msec */
    uint32_t                   hash;
    ngx_uint_t                 allowed;
    u_char                     uuid[NGX_ESS_UUID_LEN];
    ngx_str_t                  sub;         /* behind it, as the key */
    ngx_str_t                  key;
};


static uint32_t ngx_ess_authorize_cache_hash(ngx_str_t *sub, u_char *uuid,
    ngx_str_t *key);
static ngx_ess_authorize_kept_t *ngx_ess_authorize_cache_get(
    ngx_ess_authorize_conf_t *conf, ngx_str_t *sub, u_char *uuid,
    ngx_str_t *key, uint32_t hash);
static void ngx_ess_authorize_cache_drop(ngx_ess_authorize_kept_t *kept);


static ngx_ess_authorize_kept_t  **ngx_ess_authorize_cache;    /* buckets */
static ngx_queue_t                 ngx_ess_authorize_cache_queue;
static ngx_uint_t                  ngx_ess_authorize_cache_n;
static uint64_t                    ngx_ess_authorize_cache_factor;


ngx_int_t
ngx_ess_authorize_cache_find(ngx_ess_authorize_conf_t *conf, ngx_str_t *sub,
    u_char *uuid, ngx_str_t *key, ngx_uint_t *allowed)
{
    ngx_ess_authorize_kept_t  *kept;

    if (ngx_ess_authorize_cache == NULL || conf->cache == 0 || sub->len == 0) {
        return NGX_DECLINED;
    }

    kept = ngx_ess_authorize_cache_get(conf, sub, uuid, key,
                              ngx_ess_authorize_cache_hash(sub, uuid, key));

    if (kept == NULL) {
        return NGX_DECLINED;
    }

    if ((ngx_msec_int_t) (kept->until - ngx_current_msec) <= 0) {
        ngx_ess_authorize_cache_drop(kept);
        return NGX_DECLINED;
    }

    *allowed = kept->allowed;

    return NGX_OK;
}


void
ngx_ess_authorize_cache_add(ngx_ess_authorize_conf_t *conf, ngx_str_t *sub,
    u_char *uuid, ngx_str_t *key, ngx_uint_t allowed)
{
    size_t                      size;
    uint32_t                    hash;
    ngx_queue_t                *q;
    ngx_ess_authorize_kept_t   *kept, **bucket;

    if (conf->cache == 0
        || sub->len == 0 || sub->len > NGX_ESS_AUTHORIZE_CACHE_SUBJECT)
    {
        return;
    }

    if (ngx_ess_authorize_cache == NULL) {

        size = NGX_ESS_AUTHORIZE_CACHE_BUCKETS
               * sizeof(ngx_ess_authorize_kept_t *);

        ngx_ess_authorize_cache = ngx_calloc(size, ngx_cycle->log);
        if (ngx_ess_authorize_cache == NULL) {
            return;
        }

        ngx_queue_init(&ngx_ess_authorize_cache_queue);
        ngx_ess_authorize_cache_factor = (uint64_t) ngx_random();
    }

    hash = ngx_ess_authorize_cache_hash(sub, uuid, key);

    kept = ngx_ess_authorize_cache_get(conf, sub, uuid, key, hash);

    if (kept) {
        ngx_ess_authorize_cache_drop(kept);
    }

    if (ngx_ess_authorize_cache_n == NGX_ESS_AUTHORIZE_CACHE_MAX) {
        q = ngx_queue_head(&ngx_ess_authorize_cache_queue);
        kept = ngx_queue_data(q, ngx_ess_authorize_kept_t, queue);
        ngx_ess_authorize_cache_drop(kept);
    }

    kept = ngx_alloc(sizeof(ngx_ess_authorize_kept_t) + sub->len + key->len,
                     ngx_cycle->log);
    if (kept == NULL) {
        return;
    }

    kept->conf = conf;
    kept->until = ngx_current_msec + conf->cache;
    kept->hash = hash;
    kept->allowed = allowed;
    ngx_memcpy(kept->uuid, uuid, NGX_ESS_UUID_LEN);

    kept->sub.data = (u_char *) (kept + 1);
    kept->sub.len = sub->len;
    kept->key.data = ngx_cpymem(kept->sub.data, sub->data, sub->len);
    kept->key.len = key->len;

    if (key->len) {
        ngx_memcpy(kept->key.data, key->data, key->len);
    }

    bucket = &ngx_ess_authorize_cache[hash % NGX_ESS_AUTHORIZE_CACHE_BUCKETS];

    kept->next = *bucket;
    *bucket = kept;

    ngx_queue_insert_tail(&ngx_ess_authorize_cache_queue, &kept->queue);
    ngx_ess_authorize_cache_n++;
}


static uint32_t
ngx_ess_authorize_cache_hash(ngx_str_t *sub, u_char *uuid, ngx_str_t *key)
{
    uint64_t  factor;

    factor = ngx_ess_authorize_cache_factor;

    return ngx_ess_hash(factor, sub->data, sub->len)
           ^ ngx_ess_hash(factor, uuid, NGX_ESS_UUID_LEN) * 31
           ^ ngx_ess_hash(factor, key->data, key->len) * 961;
}


static ngx_ess_authorize_kept_t *
ngx_ess_authorize_cache_get(ngx_ess_authorize_conf_t *conf, ngx_str_t *sub,
    u_char *uuid, ngx_str_t *key, uint32_t hash)
{
    ngx_ess_authorize_kept_t  *kept;

    kept = ngx_ess_authorize_cache[hash % NGX_ESS_AUTHORIZE_CACHE_BUCKETS];

    while (kept) {

        if (kept->hash == hash
            && kept->conf == conf
            && ngx_memcmp(kept->uuid, uuid, NGX_ESS_UUID_LEN) == 0
            && ngx_ess_str_equal(&kept->sub, sub)
            && kept->key.len == key->len
            && (key->len == 0 || ngx_ess_str_equal(&kept->key, key)))
        {
            return kept;
        }

        kept = kept->next;
    }

    return NULL;
}


static void
ngx_ess_authorize_cache_drop(ngx_ess_authorize_kept_t *kept)
{
    ngx_ess_authorize_kept_t  **p;

    p = &ngx_ess_authorize_cache[kept->hash % NGX_ESS_AUTHORIZE_CACHE_BUCKETS];

    while (*p != kept) {
        p = &(*p)->next;
    }

    *p = kept->next;

    ngx_queue_remove(&kept->queue);
    ngx_ess_authorize_cache_n--;

    ngx_free(kept);
}


void
ngx_ess_authorize_cache_exit(void)
{
    ngx_queue_t               *q;
    ngx_ess_authorize_kept_t  *kept;

    if (ngx_ess_authorize_cache == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_ess_authorize_cache_queue)) {
        q = ngx_queue_head(&ngx_ess_authorize_cache_queue);
        kept = ngx_queue_data(q, ngx_ess_authorize_kept_t, queue);
        ngx_ess_authorize_cache_drop(kept);
    }

    ngx_free(ngx_ess_authorize_cache);
    ngx_ess_authorize_cache = NULL;
}
