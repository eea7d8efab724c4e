
/*
 * The stream table: a stream's life from reserve to free, and the lists that
 * it is on meanwhile.  Runs in workers, and in the master when it loads a
 * fresh zone; all data is in the zone and belongs to whoever holds its mutex.
 * Each function here is one operation, or several with the mutex let go
 * between them.
 */


#include "ngx_ess_table.h"
#include "ngx_ess_attr.h"
#include "ngx_ess_created.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_ordinal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_pending.h"
#include "ngx_ess_stream.h"


/* records freed in one hold of the mutex */
#define NGX_ESS_TABLE_CLEAR    256


static ngx_int_t ngx_ess_table_row_attr(ngx_ess_stream_info_t *row,
    const ngx_ess_stream_attr_t *attr);
static ngx_uint_t ngx_ess_table_name_taken_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_stream_info_t *row);
static ngx_ess_seg_t ngx_ess_table_make_locked(ngx_ess_zone_t *zone,
    const ngx_ess_stream_info_t *row);
static void ngx_ess_table_link_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i);
static void ngx_ess_table_link_key_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);
static void ngx_ess_table_unlink_key_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);
static ngx_int_t ngx_ess_table_remove_locked(ngx_ess_zone_t *zone,
    ngx_ess_seg_t i, ngx_ess_wake_t *wake);


ngx_int_t
ngx_ess_table_reserve(ngx_ess_zone_t *zone, ngx_str_t *key,
    const ngx_ess_kind_t *kind, uint64_t epoch,
    const ngx_ess_stream_attr_t *attr, ngx_ess_stream_info_t *info)
{
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    ngx_memzero(info, sizeof(ngx_ess_stream_info_t));

    if (key->len == 0 || key->len > NGX_ESS_MAX_KEY
        || (attr && ngx_ess_table_row_attr(info, attr) != NGX_OK))
    {
        return NGX_ERROR;
    }

    sh = zone->sh;

    if (ngx_ess_zone_random(info->uuid, NGX_ESS_UUID_LEN, ngx_cycle->log)
        != NGX_OK
        || ngx_ess_zone_random(&info->ref.epoch, sizeof(uint64_t),
                               ngx_cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (epoch) {
        info->ref.epoch = epoch;

    } else if (info->ref.epoch == 0) {
        info->ref.epoch = 1;
    }

    info->kind = *kind;

    info->key_len = key->len;
    ngx_memcpy(info->key, key->data, key->len);

    ngx_ess_zone_lock(zone);

    if (ngx_ess_lookup_uuid_locked(sh, info->uuid)) {
        ngx_ess_zone_unlock(zone);
        return NGX_ERROR;
    }

    if (ngx_ess_table_name_taken_locked(sh, info)) {
        ngx_ess_zone_unlock(zone);
        return NGX_ABORT;
    }

    rc = (attr && attr->limits)
         ? ngx_ess_created_admit_locked(sh, attr->limits) : NGX_OK;

    if (rc != NGX_OK) {
        ngx_ess_zone_unlock(zone);
        return rc;
    }

    info->ref.id = sh->next_id;

    i = ngx_ess_table_make_locked(zone, info);

    if (i == 0) {
        ngx_ess_zone_unlock(zone);
        return NGX_DECLINED;
    }

    if (attr && attr->limits) {
        ngx_ess_created_count_locked(sh, attr->limits);
    }

    ngx_ess_journal_set64_locked(sh,
                                 &ngx_ess_zone_stream(sh, i)->reserved_ordinal,
                                 NGX_ESS_ORDINALS);
    ngx_ess_pending_add_locked(zone, i, NGX_ESS_STREAM_CREATING);
    ngx_ess_journal_commit_locked(sh);

    ngx_ess_stream_info_locked(sh, i, info);

    ngx_ess_zone_unlock(zone);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_table_row_attr(ngx_ess_stream_info_t *row,
    const ngx_ess_stream_attr_t *attr)
{
    if (attr->name.len > NGX_ESS_MAX_NAME || attr->rule.len > NGX_ESS_MAX_RULE)
    {
        return NGX_ERROR;
    }

    row->declared = attr->declared;
    row->created = attr->created;
    row->log_size = attr->log_size;
    row->log_count = attr->log_count;
    row->log_age = attr->log_age;

    row->name_len = attr->name.len;
    row->rule_len = attr->rule.len;

    if (attr->name.len) {
        ngx_memcpy(row->name, attr->name.data, attr->name.len);
    }

    if (attr->rule.len) {
        ngx_memcpy(row->rule, attr->rule.data, attr->rule.len);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_table_name_taken_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_stream_info_t *row)
{
    ngx_str_t  name;

    name.len = row->name_len;
    name.data = (u_char *) row->name;

    return ngx_ess_attr_named_locked(sh, &name) != 0;
}


/* A VISIBLE stream by the id, epoch, uuid, key, attributes and ordinals of the
   row, linked everywhere; 0: no room. */

static ngx_ess_seg_t
ngx_ess_table_make_locked(ngx_ess_zone_t *zone,
    const ngx_ess_stream_info_t *row)
{
    uint32_t            segs, attrs;
    ngx_str_t           key;
    ngx_ess_seg_t       i, last;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    key.len = row->key_len;
    key.data = (u_char *) row->key;

    attrs = ngx_ess_attr_segs(row);
    segs = attrs + ((key.len > NGX_ESS_STREAM_KEY) ? 2 : 1);

    if (ngx_ess_log_room_make_locked(zone, segs) != NGX_OK) {
        return 0;
    }

    i = ngx_ess_zone_take_locked(sh, segs, &last);
    s = ngx_ess_zone_stream(sh, i);

    ngx_ess_zone_fault();

    ngx_memzero((u_char *) s + NGX_ESS_ZONE_LINK, NGX_ESS_ZONE_REST);

    s->state = NGX_ESS_STREAM_VISIBLE;
    s->kind = row->kind;
    s->kind.attr = ngx_ess_attr_bits(row);
    s->id = row->ref.id;
    s->epoch = row->ref.epoch;
    s->next_seq = 1;
    s->next_ordinal = row->last_ordinal + 1;
    s->reserved_ordinal = row->reserved_ordinal;

    if (s->kind.binds) {
        s->losses = sh->slots[ngx_ess_stream_slot(&key)].losses;
    }

    s->key_hash = ngx_ess_lookup_key_hash(&key);
    s->key_len = key.len;
    ngx_memcpy(s->uuid, row->uuid, NGX_ESS_UUID_LEN);

    ngx_ess_zone_put_locked(sh, s->key, NGX_ESS_STREAM_KEY, s->link, key.data,
                            key.len);

    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic + segs);
    ngx_ess_journal_set32_locked(sh, &sh->nstreams, sh->nstreams + 1);

    if (s->id >= sh->next_id) {
        ngx_ess_journal_set64_locked(sh, &sh->next_id, s->id + 1);
    }

    ngx_ess_table_link_locked(sh, i);
    ngx_ess_table_link_key_locked(sh, i);

    if (attrs) {
        ngx_ess_attr_make_locked(sh, i,
                                 (key.len > NGX_ESS_STREAM_KEY)
                                 ? *ngx_ess_zone_link(sh, s->link) : s->link,
                                 row);
    }

    return i;
}


static void
ngx_ess_table_link_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_seg_t           *bucket;
    ngx_ess_stream_t        *s;
    ngx_ess_lookup_cursor_t  c;

    s = ngx_ess_zone_stream(sh, i);

    /* in order of id: at the end, but for rows of a store in another order,
       which the master loads before anybody else has the zone */

    c.id = s->id;
    c.buckets = 0;

    while (ngx_ess_lookup_after_locked(sh, &c, &s->next) == NGX_AGAIN) {
        /* void */
    }

    s->prev = s->next ? ngx_ess_zone_stream(sh, s->next)->prev
                      : sh->streams_tail;

    ngx_ess_list_link_locked(sh, &ngx_ess_list_streams, &sh->streams_head,
                             &sh->streams_tail, i);

    bucket = ngx_ess_zone_bucket(sh, ids, s->id);
    s->id_next = *bucket;
    ngx_ess_journal_set32_locked(sh, bucket, i);

    bucket = ngx_ess_zone_bucket(sh, uuids, ngx_ess_lookup_uuid_hash(s->uuid));
    s->uuid_next = *bucket;
    ngx_ess_journal_set32_locked(sh, bucket, i);
}


static void
ngx_ess_table_link_key_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_seg_t      p, tail;
    ngx_ess_seg_t     *bucket;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    if (!ngx_ess_lookup_keyed(s)) {
        return;
    }

    bucket = ngx_ess_zone_key_bucket(sh, s->key_hash);
    tail = *bucket;

    if (tail == 0) {
        s->key_next = i;
        p = i;

    } else {
        p = tail;
    }

    if (ngx_ess_zone_stream(sh, p)->id <= s->id) {
        ngx_ess_journal_set32_locked(sh, bucket, i);

    } else {
        /* all around the ring: it is the new first one, behind the last */

        do {
            p = ngx_ess_zone_stream(sh, p)->key_prev;
        } while (p != tail && ngx_ess_zone_stream(sh, p)->id > s->id);
    }

    s->key_prev = p;
    s->key_next = ngx_ess_zone_stream(sh, p)->key_next;

    ngx_ess_list_link_locked(sh, &ngx_ess_list_keys, NULL, NULL, i);
}


static void
ngx_ess_table_unlink_key_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_seg_t     *bucket;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    if (!ngx_ess_lookup_keyed(s)) {
        return;
    }

    bucket = ngx_ess_zone_key_bucket(sh, s->key_hash);

    ngx_ess_list_unlink_locked(sh, &ngx_ess_list_keys, NULL, NULL, i);

    if (*bucket == i) {
        ngx_ess_journal_set32_locked(sh, bucket,
                                     (s->key_prev == i) ? 0 : s->key_prev);
    }
}


void
ngx_ess_table_free_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    uint32_t           segs;
    ngx_ess_seg_t      last;
    ngx_ess_seg_t     *p;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    p = ngx_ess_zone_bucket(sh, ids, s->id);

    while (*p != i) {
        p = &ngx_ess_zone_stream(sh, *p)->id_next;
    }

    ngx_ess_journal_set32_locked(sh, p, s->id_next);

    p = ngx_ess_zone_bucket(sh, uuids, ngx_ess_lookup_uuid_hash(s->uuid));

    while (*p != i) {
        p = &ngx_ess_zone_stream(sh, *p)->uuid_next;
    }

    ngx_ess_journal_set32_locked(sh, p, s->uuid_next);

    ngx_ess_table_unlink_key_locked(sh, i);

    if (s->state != NGX_ESS_STREAM_CLOSED) {
        ngx_ess_attr_unlink_locked(sh, i);
    }

    ngx_ess_list_unlink_locked(sh, &ngx_ess_list_streams, &sh->streams_head,
                               &sh->streams_tail, i);

    ngx_ess_pending_drop_locked(sh, i);
    ngx_ess_ordinal_unwant_locked(sh, i, NGX_ESS_WANT_NONE);

    last = i;

    for (segs = 1; *ngx_ess_zone_link(sh, last); segs++) {
        last = *ngx_ess_zone_link(sh, last);
    }

    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic - segs);
    ngx_ess_journal_set32_locked(sh, &sh->nstreams, sh->nstreams - 1);

    ngx_ess_zone_give_locked(sh, i, last, segs);
}


ngx_int_t
ngx_ess_table_load(ngx_ess_zone_t *zone, const ngx_ess_stream_info_t *row)
{
    ngx_int_t           rc;
    ngx_ess_zone_sh_t  *sh;

    if (row->ref.id == 0 || row->ref.id == (uint64_t) -1
        || row->key_len == 0 || row->key_len > NGX_ESS_MAX_KEY
        || row->name_len > NGX_ESS_MAX_NAME
        || row->rule_len > NGX_ESS_MAX_RULE)
    {
        return NGX_ABORT;
    }

    sh = zone->sh;
    rc = NGX_OK;

    ngx_ess_zone_lock(zone);

    if (ngx_ess_lookup_id_locked(sh, row->ref.id)
        || ngx_ess_lookup_uuid_locked(sh, row->uuid)
        || ngx_ess_table_name_taken_locked(sh, row))
    {
        rc = NGX_ABORT;
        goto done;
    }

    if (ngx_ess_table_make_locked(zone, row) == 0) {
        rc = NGX_DECLINED;
        goto done;
    }

    ngx_ess_journal_commit_locked(sh);

done:

    ngx_ess_zone_unlock(zone);

    return rc;
}


void
ngx_ess_table_last_id(ngx_ess_zone_t *zone, uint64_t id)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    if (id >= sh->next_id && id != (uint64_t) -1) {
        ngx_ess_journal_set64_locked(sh, &sh->next_id, id + 1);
        ngx_ess_journal_commit_locked(sh);
    }

    ngx_ess_zone_unlock(zone);
}


ngx_int_t
ngx_ess_table_show(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_pending_mine_locked(zone, ref);

    if (i) {
        ngx_ess_pending_drop_locked(sh, i);
        ngx_ess_journal_set32_locked(sh, &ngx_ess_zone_stream(sh, i)->state,
                                     NGX_ESS_STREAM_VISIBLE);
        ngx_ess_journal_commit_locked(sh);
    }

    ngx_ess_zone_unlock(zone);

    return i ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_ess_table_set_attr(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    const ngx_ess_stream_attr_t *attr)
{
    ngx_int_t               rc;
    ngx_ess_seg_t           i;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_stream_info_t   row;

    sh = zone->sh;
    rc = NGX_DECLINED;

    ngx_memzero(&row, sizeof(ngx_ess_stream_info_t));

    if (ngx_ess_table_row_attr(&row, attr) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(sh, ref->id);

    if (i
        && ngx_ess_zone_stream(sh, i)->state != NGX_ESS_STREAM_CLOSED
        && ngx_ess_zone_stream(sh, i)->kind.attr)
    {
        /* the old ones are free again at the end only */

        rc = ngx_ess_log_room_locked(zone, NGX_ESS_ATTR_SEGS, 1, NULL);

        if (rc == NGX_OK) {
            ngx_ess_attr_set_locked(sh, i, &row);
            ngx_ess_journal_commit_locked(sh);

        } else {
            rc = NGX_ERROR;
        }
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


ngx_int_t
ngx_ess_table_delete_begin(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    rc = NGX_DECLINED;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_id_locked(sh, ref->id);

    if (i && ngx_ess_zone_stream(sh, i)->state == NGX_ESS_STREAM_VISIBLE) {
        ngx_ess_pending_add_locked(zone, i, NGX_ESS_STREAM_DELETING);
        ngx_ess_journal_commit_locked(sh);
        rc = NGX_OK;
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


void
ngx_ess_table_remove(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_int_t       rc;
    ngx_ess_seg_t   i;
    ngx_ess_wake_t  wake;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    /* while its log is emptied, in pieces, it stays what it was: when this
       process dies, the next owner goes on */

    do {
        ngx_ess_zone_lock(zone);

        i = ngx_ess_pending_mine_locked(zone, ref);
        rc = i ? ngx_ess_table_remove_locked(zone, i, &wake) : NGX_OK;

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    ngx_ess_wake_procs(zone, &wake);
}


static ngx_int_t
ngx_ess_table_remove_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake)
{
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    if (ngx_ess_pair_any_locked(sh, s)) {
        ngx_ess_pending_drop_locked(sh, i);
        ngx_ess_table_unlink_key_locked(sh, i);
        ngx_ess_attr_unlink_locked(sh, i);
        ngx_ess_ordinal_unwant_locked(sh, i, NGX_ESS_WANT_NONE);
        ngx_ess_journal_set32_locked(sh, &s->state, NGX_ESS_STREAM_CLOSED);
        ngx_ess_wake_mark_locked(sh, i, wake);

    } else if (ngx_ess_log_room_clear_locked(zone, i, NGX_ESS_TABLE_CLEAR)
               == NGX_AGAIN)
    {
        return NGX_AGAIN;

    } else {
        ngx_ess_table_free_locked(sh, i);
    }

    ngx_ess_journal_commit_locked(sh);

    return NGX_OK;
}
