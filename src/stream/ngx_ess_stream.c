
/*
 * What there is to know of a stream.  Runs in workers, and in the master when
 * it loads a fresh zone; all data is in the zone and belongs to whoever holds
 * its mutex.
 */


#include "ngx_ess_stream.h"
#include "ngx_ess_attr.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_pair.h"


/* streams walked in one hold of the mutex */
#define NGX_ESS_STREAM_WALK   1024


static ngx_int_t ngx_ess_stream_find(ngx_ess_zone_t *zone, const u_char *uuid,
    ngx_str_t *name, uint64_t id, ngx_ess_stream_info_t *info);
static ngx_uint_t ngx_ess_stream_walk(ngx_ess_zone_t *zone, uint64_t after,
    uint8_t attr, ngx_ess_stream_info_t *infos, ngx_uint_t n);
static ngx_ess_zone_mark_t *ngx_ess_stream_marked_locked(ngx_ess_zone_sh_t *sh,
    uint32_t hash);


ngx_uint_t
ngx_ess_stream_slot(ngx_str_t *key)
{
    return ngx_ess_lookup_key_hash(key) % NGX_ESS_SLOTS;
}


ngx_uint_t
ngx_ess_stream_event_key(ngx_ess_event_key_t *k, ngx_str_t *key)
{
    ngx_memzero(k, sizeof(ngx_ess_event_key_t));

    k->key = *key;
    k->hash = ngx_ess_lookup_key_hash(key);

    return k->hash % NGX_ESS_SLOTS;
}


u_char *
ngx_ess_stream_uuid_text(u_char *text, const u_char *uuid)
{
    return ngx_hex_dump(text, (u_char *) uuid, NGX_ESS_UUID_LEN);
}


ngx_int_t
ngx_ess_stream_uuid_parse(u_char *uuid, ngx_str_t *text)
{
    ngx_int_t   n;
    ngx_uint_t  i;
    u_char      lower[NGX_ESS_UUID_TEXT];

    if (text->len != NGX_ESS_UUID_TEXT) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_ESS_UUID_LEN; i++) {
        n = ngx_hextoi(text->data + 2 * i, 2);

        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        uuid[i] = (u_char) n;
    }

    /* there is one text of each, in lower case */

    ngx_ess_stream_uuid_text(lower, uuid);

    return (ngx_memcmp(lower, text->data, NGX_ESS_UUID_TEXT) == 0)
           ? NGX_OK : NGX_DECLINED;
}


void
ngx_ess_stream_info_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_stream_info_t *info)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    info->ref.id = s->id;
    info->ref.epoch = s->epoch;
    info->ref.index = i;
    info->state = s->state;
    info->kind = s->kind;
    info->untold = ngx_ess_zone_untold(sh, s);
    info->unknown = (s->kind.follows && s->follow != NGX_ESS_FOLLOW_LIVE);
    info->slot = s->key_hash % NGX_ESS_SLOTS;
    info->subscribers = ngx_ess_pair_count_locked(sh, s);
    info->events = s->events;
    info->bytes = s->bytes;
    info->first_ordinal = ngx_ess_zone_first(sh, s);
    info->last_ordinal = s->next_ordinal - 1;
    info->reserved_ordinal = s->reserved_ordinal;
    info->key_len = s->key_len;

    ngx_memcpy(info->uuid, s->uuid, NGX_ESS_UUID_LEN);
    (void) ngx_ess_zone_get_locked(sh, s->key, NGX_ESS_STREAM_KEY, s->link,
                                   info->key, s->key_len);

    ngx_ess_attr_info_locked(sh, s, info);
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    return ngx_ess_stream_find(zone, NULL, NULL, id, info);
}


ngx_int_t
ngx_ess_stream_by_uuid(ngx_ess_zone_t *zone, const u_char *uuid,
    ngx_ess_stream_info_t *info)
{
    return ngx_ess_stream_find(zone, uuid, NULL, 0, info);
}


ngx_int_t
ngx_ess_stream_by_name(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info)
{
    return ngx_ess_stream_find(zone, NULL, name, 0, info);
}


/* NGX_DECLINED: none, or one that nobody is told of yet, or any more. */

static ngx_int_t
ngx_ess_stream_find(ngx_ess_zone_t *zone, const u_char *uuid, ngx_str_t *name,
    uint64_t id, ngx_ess_stream_info_t *info)
{
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    rc = NGX_DECLINED;

    ngx_ess_zone_lock(zone);

    i = uuid ? ngx_ess_lookup_uuid_locked(sh, uuid)
        : name ? ngx_ess_attr_named_locked(sh, name)
               : ngx_ess_lookup_id_locked(sh, id);

    if (i && ngx_ess_lookup_listed(ngx_ess_zone_stream(sh, i))) {
        ngx_ess_stream_info_locked(sh, i, info);
        rc = NGX_OK;
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


ngx_uint_t
ngx_ess_stream_count(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->nstreams;
}


ngx_uint_t
ngx_ess_stream_room(ngx_ess_zone_t *zone)
{
    ngx_uint_t  room;

    ngx_ess_zone_lock(zone);
    room = ngx_ess_log_room_left_locked(zone, NGX_ESS_STREAM_SEGS);
    ngx_ess_zone_unlock(zone);

    return room;
}


ngx_uint_t
ngx_ess_stream_list(ngx_ess_zone_t *zone, uint64_t after,
    ngx_ess_stream_info_t *infos, ngx_uint_t n)
{
    return ngx_ess_stream_walk(zone, after, 0, infos, n);
}


ngx_int_t
ngx_ess_stream_declared(ngx_ess_zone_t *zone, uint64_t after,
    ngx_ess_stream_info_t *info)
{
    return ngx_ess_stream_walk(zone, after, NGX_ESS_ATTR_DECLARED, info, 1)
           ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_ess_stream_declared_count(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->ndeclared;
}


/* Of those that have all these attributes. */

static ngx_uint_t
ngx_ess_stream_walk(ngx_ess_zone_t *zone, uint64_t after, uint8_t attr,
    ngx_ess_stream_info_t *infos, ngx_uint_t n)
{
    ngx_int_t                rc;
    ngx_uint_t               found, walked;
    ngx_ess_seg_t            i;
    ngx_ess_stream_t        *s;
    ngx_ess_zone_sh_t       *sh;
    ngx_ess_lookup_cursor_t  c;

    sh = zone->sh;
    found = 0;

    c.id = after;
    c.buckets = 0;

    do {
        ngx_ess_zone_lock(zone);

        rc = ngx_ess_lookup_after_locked(sh, &c, &i);

        for (walked = 0;
             i && found < n && walked < NGX_ESS_STREAM_WALK;
             walked++)
        {
            ngx_ess_zone_look();

            s = ngx_ess_zone_stream(sh, i);
            c.id = s->id;

            if (ngx_ess_lookup_listed(s) && (s->kind.attr & attr) == attr) {
                ngx_ess_stream_info_locked(sh, i, &infos[found++]);
            }

            i = s->next;
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN || (i && found < n));

    return found;
}


ngx_uint_t
ngx_ess_stream_keys(ngx_ess_zone_t *zone, ngx_uint_t slots,
    ngx_uint_t subscribed, uint64_t *cursor, ngx_ess_stream_key_t *keys,
    ngx_uint_t n)
{
    ngx_int_t                rc;
    ngx_uint_t               found, walked, slot;
    ngx_ess_seg_t            i;
    ngx_ess_stream_t        *s;
    ngx_ess_zone_sh_t       *sh;
    ngx_ess_lookup_cursor_t  c;

    sh = zone->sh;
    found = 0;

    c.id = *cursor;
    c.buckets = 0;

    do {
        ngx_ess_zone_lock(zone);

        rc = ngx_ess_lookup_after_locked(sh, &c, &i);

        for (walked = 0;
             i && found < n && walked < NGX_ESS_STREAM_WALK;
             walked++, i = s->next)
        {
            ngx_ess_zone_look();

            s = ngx_ess_zone_stream(sh, i);
            slot = s->key_hash % NGX_ESS_SLOTS;

            c.id = s->id;

            if (s->state == NGX_ESS_STREAM_CLOSED
                || !s->kind.binds
                || !(slots & ((ngx_uint_t) 1 << slot))
                || (subscribed && !ngx_ess_pair_any_locked(sh, s)))
            {
                continue;
            }

            keys[found].ref.id = s->id;
            keys[found].ref.epoch = s->epoch;
            keys[found].ref.index = i;
            keys[found].slot = slot;
            keys[found].len = s->key_len;
            (void) ngx_ess_zone_get_locked(sh, s->key, NGX_ESS_STREAM_KEY,
                                           s->link, keys[found].data,
                                           s->key_len);
            found++;
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN || (i && found < n));

    *cursor = c.id;

    return found;
}


ngx_uint_t
ngx_ess_stream_key_used(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_uint_t listed)
{
    uint32_t            hash;
    uint64_t            id, sought;
    ngx_int_t           rc;
    ngx_uint_t          looks;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    hash = ngx_ess_lookup_key_hash(key);
    id = 0;
    sought = 0;

    do {
        looks = NGX_ESS_LOOKUP_LOOKS;

        ngx_ess_zone_lock(zone);

        rc = ngx_ess_lookup_key_after_locked(sh, key, hash, id, &sought,
                                             &looks, &i);

        for ( /* void */ ; rc == NGX_OK && i && listed; looks--) {
            s = ngx_ess_zone_stream(sh, i);

            if (s->state != NGX_ESS_STREAM_CREATING) {
                break;
            }

            id = s->id;

            if (looks == 0) {
                rc = NGX_AGAIN;
                break;
            }

            i = ngx_ess_lookup_key_locked(sh, key, hash, i);
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    return i != 0;
}


uint64_t
ngx_ess_stream_next_id(ngx_ess_zone_t *zone)
{
    uint64_t  id;

    ngx_ess_zone_lock(zone);

    id = zone->sh->next_id;

    ngx_ess_zone_unlock(zone);

    return id;
}


uint64_t
ngx_ess_stream_listed_below(ngx_ess_zone_t *zone)
{
    uint64_t  id;

    ngx_ess_zone_lock(zone);

    id = zone->sh->pending ? 0 : zone->sh->next_id;

    ngx_ess_zone_unlock(zone);

    return id;
}


uint64_t
ngx_ess_stream_peek_next_id(ngx_ess_zone_t *zone)
{
    return *(volatile uint64_t *) &zone->sh->next_id;
}


ngx_uint_t
ngx_ess_stream_exists(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t     exists;
    ngx_ess_seg_t  i;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch);
    exists = i && ngx_ess_zone_stream(zone->sh, i)->state
                  != NGX_ESS_STREAM_CLOSED;

    ngx_ess_zone_unlock(zone);

    return exists;
}


static ngx_ess_zone_mark_t *
ngx_ess_stream_marked_locked(ngx_ess_zone_sh_t *sh, uint32_t hash)
{
    ngx_uint_t            i;
    ngx_ess_zone_mark_t  *mark;

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        mark = &sh->marks[i];

        if (mark->proc
            && mark->hash == hash
            && ngx_ess_zone_proc(sh, mark->proc - 1)->pid)
        {
            return mark;
        }
    }

    return NULL;
}


ngx_int_t
ngx_ess_stream_unbind_begin(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    uint32_t              hash;
    ngx_int_t             rc;
    ngx_uint_t            i;
    ngx_ess_zone_sh_t    *sh;
    ngx_ess_zone_mark_t  *mark;

    sh = zone->sh;
    hash = ngx_ess_lookup_key_hash(key);
    rc = NGX_BUSY;

    if (zone->proc >= sh->geo.nprocs) {
        return NGX_BUSY;
    }

    ngx_ess_zone_lock(zone);

    if (ngx_ess_lookup_key_locked(sh, key, hash, 0)) {
        rc = NGX_DECLINED;
        goto done;
    }

    if (ngx_ess_stream_marked_locked(sh, hash)) {
        goto done;
    }

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        mark = &sh->marks[i];

        if (mark->proc == 0) {
            ngx_ess_journal_set32_locked(sh, &mark->hash, hash);
            ngx_ess_journal_set32_locked(sh, &mark->proc, zone->proc + 1);
            ngx_ess_journal_commit_locked(sh);
            rc = NGX_OK;
            break;
        }
    }

done:

    ngx_ess_zone_unlock(zone);

    return rc;
}


void
ngx_ess_stream_unbind_end(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    uint32_t              hash;
    ngx_uint_t            i;
    ngx_ess_zone_sh_t    *sh;
    ngx_ess_zone_mark_t  *mark;

    sh = zone->sh;
    hash = ngx_ess_lookup_key_hash(key);

    ngx_ess_zone_lock(zone);

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        mark = &sh->marks[i];

        if (mark->proc == zone->proc + 1 && mark->hash == hash) {
            ngx_ess_journal_set32_locked(sh, &mark->proc, 0);
        }
    }

    ngx_ess_journal_commit_locked(sh);
    ngx_ess_zone_unlock(zone);
}


ngx_uint_t
ngx_ess_stream_unbinding(ngx_ess_zone_t *zone, ngx_str_t *key)
{
    uint32_t    hash;
    ngx_uint_t  marked;

    hash = ngx_ess_lookup_key_hash(key);

    ngx_ess_zone_lock(zone);

    marked = ngx_ess_stream_marked_locked(zone->sh, hash) != NULL;

    ngx_ess_zone_unlock(zone);

    return marked;
}
