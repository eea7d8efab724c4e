
/*
 * Lanes by key: a hash that is there while a feed has subscribers of keys, and
 * grows and shrinks with them.  Clients choose keys, so their hash is one that
 * nobody can foresee.  Runs in workers.
 */


#include "ngx_ess_lane.h"
#include "ngx_ess_hash.h"
#include "ngx_ess_zone.h"


#define NGX_ESS_LANE_BUCKETS  8             /* at first */


static ngx_ess_lane_t **ngx_ess_lane_bucket(ngx_ess_lanes_t *lanes,
    u_char *key, size_t len);
static ngx_ess_lanes_t *ngx_ess_lane_create(ngx_log_t *log);
static void ngx_ess_lane_resize(ngx_ess_lanes_t *lanes, ngx_uint_t n,
    ngx_log_t *log);
static void ngx_ess_lane_destroy(ngx_ess_lanes_t **lanes);


static uint64_t  ngx_ess_lane_factor;       /* random, of this worker */


ngx_int_t
ngx_ess_lane_seed(ngx_log_t *log)
{
    return ngx_ess_zone_random(&ngx_ess_lane_factor, sizeof(uint64_t), log);
}


uint32_t
ngx_ess_lane_hash(u_char *key, size_t len)
{
    return ngx_ess_hash(ngx_ess_lane_factor, key, len);
}


void
ngx_ess_lane_init(ngx_ess_lane_t *lane, ngx_ess_feed_t *feed)
{
    ngx_memzero(lane, sizeof(ngx_ess_lane_t));

    lane->feed = feed;
    ngx_queue_init(&lane->idle);
}


ngx_ess_lane_t *
ngx_ess_lane_find(ngx_ess_lanes_t *lanes, ngx_str_t *key)
{
    ngx_ess_lane_t  *lane;

    if (lanes == NULL || key->len == 0) {
        return NULL;
    }

    lane = *ngx_ess_lane_bucket(lanes, key->data, key->len);

    while (lane
           && (lane->key_len != key->len
               || ngx_memcmp(ngx_ess_lane_key(lane), key->data, key->len) != 0))
    {
        lane = lane->next;
    }

    return lane;
}


ngx_ess_lane_t *
ngx_ess_lane_get(ngx_ess_lanes_t **lanes, ngx_ess_feed_t *feed, ngx_str_t *key,
    ngx_log_t *log)
{
    ngx_ess_lane_t  *lane, **bucket;

    lane = ngx_ess_lane_find(*lanes, key);
    if (lane) {
        ngx_ess_lane_hold(lane);
        return lane;
    }

    lane = ngx_alloc(sizeof(ngx_ess_lane_t) + key->len, log);
    if (lane == NULL) {
        return NULL;
    }

    if (*lanes == NULL) {
        *lanes = ngx_ess_lane_create(log);
        if (*lanes == NULL) {
            ngx_free(lane);
            return NULL;
        }
    }

    ngx_ess_lane_init(lane, feed);

    lane->refs = 1;
    lane->key_len = (uint32_t) key->len;
    ngx_memcpy(ngx_ess_lane_key(lane), key->data, key->len);

    /* not while they are walked: that makes none */

    if (++(*lanes)->n > (*lanes)->nbuckets) {
        ngx_ess_lane_resize(*lanes, (*lanes)->nbuckets * 2, log);

    } else if ((*lanes)->n < (*lanes)->nbuckets / 16) {
        ngx_ess_lane_resize(*lanes, (*lanes)->nbuckets / 8, log);
    }

    bucket = ngx_ess_lane_bucket(*lanes, key->data, key->len);
    lane->next = *bucket;
    *bucket = lane;

    return lane;
}


static ngx_ess_lane_t **
ngx_ess_lane_bucket(ngx_ess_lanes_t *lanes, u_char *key, size_t len)
{
    return &lanes->buckets[ngx_ess_lane_hash(key, len)
                           & (lanes->nbuckets - 1)];
}


static ngx_ess_lanes_t *
ngx_ess_lane_create(ngx_log_t *log)
{
    ngx_ess_lanes_t  *lanes;

    lanes = ngx_calloc(sizeof(ngx_ess_lanes_t), log);
    if (lanes == NULL) {
        return NULL;
    }

    ngx_ess_lane_resize(lanes, NGX_ESS_LANE_BUCKETS, log);

    if (lanes->buckets == NULL) {
        ngx_free(lanes);
        return NULL;
    }

    return lanes;
}


/* Without memory for it, longer chains stay, or more buckets. */

static void
ngx_ess_lane_resize(ngx_ess_lanes_t *lanes, ngx_uint_t n, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_ess_lane_t   *lane, *next, **bucket;
    ngx_ess_lanes_t   old;

    old = *lanes;

    bucket = ngx_calloc(n * sizeof(ngx_ess_lane_t *), log);
    if (bucket == NULL) {
        return;
    }

    lanes->buckets = bucket;
    lanes->nbuckets = n;

    for (i = 0; i < old.nbuckets; i++) {

        for (lane = old.buckets[i]; lane; lane = next) {
            next = lane->next;

            bucket = ngx_ess_lane_bucket(lanes, ngx_ess_lane_key(lane),
                                         lane->key_len);
            lane->next = *bucket;
            *bucket = lane;
        }
    }

    ngx_free(old.buckets);
}


void
ngx_ess_lane_release(ngx_ess_lanes_t **lanes, ngx_ess_lane_t *lane)
{
    ngx_ess_lane_t  **p;

    if (--lane->refs || lane->key_len == 0) {
        return;
    }

    for (p = ngx_ess_lane_bucket(*lanes, ngx_ess_lane_key(lane), lane->key_len);
         *p != lane;
         p = &(*p)->next)
    {
        /* void */
    }

    *p = lane->next;
    ngx_free(lane);

    if (--(*lanes)->n == 0) {
        ngx_ess_lane_destroy(lanes);
    }
}


static void
ngx_ess_lane_destroy(ngx_ess_lanes_t **lanes)
{
    ngx_free((*lanes)->buckets);
    ngx_free(*lanes);

    *lanes = NULL;
}


ngx_ess_lane_t *
ngx_ess_lane_any(ngx_ess_lanes_t *lanes)
{
    ngx_uint_t       i;
    ngx_ess_lane_t  *lane;

    for (i = 0; lanes && i < lanes->nbuckets; i++) {

        for (lane = lanes->buckets[lanes->at & (lanes->nbuckets - 1)];
             lane;
             lane = lane->next)
        {
            if (!ngx_queue_empty(&lane->idle)) {
                return lane;
            }
        }

        lanes->at++;
    }

    return NULL;
}


void
ngx_ess_lane_each(ngx_ess_lanes_t **lanes, ngx_ess_lane_visit_pt visit,
    void *data)
{
    ngx_uint_t       i;
    ngx_ess_lane_t  *lane, *next;

    /* they may go with the last lane */

    for (i = 0; *lanes && i < (*lanes)->nbuckets; i++) {

        for (lane = (*lanes)->buckets[i]; lane; lane = next) {

            ngx_ess_lane_hold(lane);
            visit(lane, data);

            next = lane->next;
            ngx_ess_lane_release(lanes, lane);
        }
    }
}
