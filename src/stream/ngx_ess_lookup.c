
/*
 * Streams looked up by id, uuid and routing key, and walked.  All data is in
 * the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_lookup.h"
#include "ngx_ess_zone_hook.h"
#include "ngx_ess_zone_layout.h"


/* buckets and streams looked at in a search for one */
#define NGX_ESS_LOOKUP_BUCKETS  2048


static ngx_ess_seg_t ngx_ess_lookup_key_id_locked(ngx_ess_zone_sh_t *sh,
    ngx_str_t *key, uint32_t hash, uint64_t id);
static ngx_uint_t ngx_ess_lookup_has_key_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_str_t *key, uint32_t hash);


uint32_t
ngx_ess_lookup_key_hash(ngx_str_t *key)
{
    return ngx_crc32_long(key->data, key->len);
}


uint32_t
ngx_ess_lookup_uuid_hash(const u_char *uuid)
{
    uint32_t  hash;

    /* random bits as they are */

    ngx_memcpy(&hash, uuid, sizeof(uint32_t));

    return hash;
}


ngx_ess_seg_t
ngx_ess_lookup_ref_locked(ngx_ess_zone_sh_t *sh, uint64_t id, uint64_t epoch)
{
    ngx_ess_seg_t  i;

    /* the index in a reference is not looked at: what was a stream there may
       be the body of an event by now */

    i = ngx_ess_lookup_id_locked(sh, id);

    return (i && ngx_ess_zone_stream(sh, i)->epoch == epoch) ? i : 0;
}


ngx_ess_seg_t
ngx_ess_lookup_id_locked(ngx_ess_zone_sh_t *sh, uint64_t id)
{
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    for (i = *ngx_ess_zone_bucket(sh, ids, id); i; i = s->id_next) {
        s = ngx_ess_zone_stream(sh, i);

        if (s->id == id) {
            return i;
        }
    }

    return 0;
}


ngx_ess_seg_t
ngx_ess_lookup_uuid_locked(ngx_ess_zone_sh_t *sh, const u_char *uuid)
{
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    for (i = *ngx_ess_zone_bucket(sh, uuids, ngx_ess_lookup_uuid_hash(uuid));
         i;
         i = s->uuid_next)
    {
        s = ngx_ess_zone_stream(sh, i);

        if (ngx_memcmp(s->uuid, uuid, NGX_ESS_UUID_LEN) == 0) {
            return i;
        }
    }

    return 0;
}


ngx_int_t
ngx_ess_lookup_after_locked(ngx_ess_zone_sh_t *sh, ngx_ess_lookup_cursor_t *c,
    ngx_ess_seg_t *found)
{
    uint64_t           id;
    ngx_uint_t         looks;
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    *found = 0;

    if (sh->streams_tail == 0
        || ngx_ess_zone_stream(sh, sh->streams_tail)->id <= c->id)
    {
        c->buckets = 0;
        return NGX_OK;
    }

    if (ngx_ess_zone_stream(sh, sh->streams_head)->id > c->id) {
        c->buckets = 0;
        *found = sh->streams_head;
        return NGX_OK;
    }

    if (c->buckets == 0) {
        c->least = ngx_ess_zone_stream(sh, sh->streams_tail)->id;
    }

    /*
     * The stream may be gone, but ids that follow each other are in buckets
     * that follow each other: mostly a step or two, and never more than once
     * around.
     */

    for (looks = 0; c->buckets < sh->geo.nbuckets; c->buckets++) {

        if (looks >= NGX_ESS_LOOKUP_BUCKETS) {
            return NGX_AGAIN;
        }

        looks++;
        ngx_ess_zone_look();

        id = c->id + c->buckets;

        for (i = *ngx_ess_zone_bucket(sh, ids, id); i; i = s->id_next) {
            looks++;
            ngx_ess_zone_look();

            s = ngx_ess_zone_stream(sh, i);

            if (s->id == id) {
                *found = c->buckets ? i : s->next;
                c->buckets = 0;
                return NGX_OK;
            }

            if (s->id > c->id && s->id < c->least) {
                c->least = s->id;
            }
        }
    }

    c->buckets = 0;

    *found = ngx_ess_lookup_id_locked(sh, c->least);

    if (*found == 0) {

        /* it went meanwhile; there was none between */

        c->id = c->least;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


ngx_ess_seg_t
ngx_ess_lookup_key_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *key,
    uint32_t hash, ngx_ess_seg_t i)
{
    ngx_ess_seg_t      tail;
    ngx_ess_stream_t  *s;

    tail = *ngx_ess_zone_key_bucket(sh, hash);

    if (tail == 0 || i == tail) {
        return 0;
    }

    /* a ring: behind the last one is the first */

    i = i ? i : tail;

    do {
        ngx_ess_zone_look();

        i = ngx_ess_zone_stream(sh, i)->key_next;
        s = ngx_ess_zone_stream(sh, i);

        if (ngx_ess_lookup_has_key_locked(sh, s, key, hash)) {
            return i;
        }

    } while (i != tail);

    return 0;
}


ngx_int_t
ngx_ess_lookup_key_after_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *key,
    uint32_t hash, uint64_t id, uint64_t *sought, ngx_uint_t *looks,
    ngx_ess_seg_t *found)
{
    ngx_ess_seg_t  i;

    i = ngx_ess_lookup_key_id_locked(sh, key, hash, id);

    if (i) {
        *found = ngx_ess_lookup_key_locked(sh, key, hash, i);
        return NGX_OK;
    }

    i = ngx_ess_lookup_key_id_locked(sh, key, hash, *sought);

    if (i && *sought > id) {
        *found = i;
        return NGX_OK;
    }

    for ( /* void */ ; *looks; (*looks)--) {

        i = ngx_ess_lookup_key_locked(sh, key, hash, i);

        if (i == 0 || ngx_ess_zone_stream(sh, i)->id > id) {
            *found = i;
            return NGX_OK;
        }

        *sought = ngx_ess_zone_stream(sh, i)->id;
    }

    return NGX_AGAIN;
}


/* The one with that id, if it is on the key's ring. */

static ngx_ess_seg_t
ngx_ess_lookup_key_id_locked(ngx_ess_zone_sh_t *sh, ngx_str_t *key,
    uint32_t hash, uint64_t id)
{
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    i = id ? ngx_ess_lookup_id_locked(sh, id) : 0;

    if (i == 0) {
        return 0;
    }

    s = ngx_ess_zone_stream(sh, i);

    return (ngx_ess_lookup_keyed(s)
            && ngx_ess_lookup_has_key_locked(sh, s, key, hash))
           ? i : 0;
}


static ngx_uint_t
ngx_ess_lookup_has_key_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_str_t *key, uint32_t hash)
{
    u_char  *rest;
    size_t   n;

    if (s->key_hash != hash || s->key_len != key->len) {
        return 0;
    }

    n = ngx_min(key->len, NGX_ESS_STREAM_KEY);

    if (ngx_memcmp(s->key, key->data, n) != 0) {
        return 0;
    }

    if (key->len == n) {
        return 1;
    }

    rest = (u_char *) ngx_ess_zone_seg(sh, s->link) + NGX_ESS_ZONE_LINK;

    return ngx_memcmp(rest, key->data + n, key->len - n) == 0;
}
