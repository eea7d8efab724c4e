/*
 * The stream table: id, uuid, name and routing key -> stream.
 *
 *   reserve ──► CREATING ── show ──► VISIBLE ── delete_begin ──► DELETING
 *                  │                    ▲                          │    │
 *               remove                  └────────── show ──────────┘    │
 *                  ▼                                                 remove
 *                freed ◄──── last interest gone ──── CLOSED ◄───────────┘
 *
 * A CLOSED stream is found by nobody; its log stays until each worker that
 * has subscribers on it has read it to the end and dropped its interest.
 */


#ifndef _NGX_ESS_TABLE_H_INCLUDED_
#define _NGX_ESS_TABLE_H_INCLUDED_


#include "ngx_ess_stream.h"
#include "ngx_ess_zone.h"


/* All of the following take the mutex, and hold it for a short time.  "info",
   where there is one, is filled on NGX_OK. */

/*
 * A new stream of that kind in state CREATING, owned by this process slot, with
 * a new id, a uuid from the kernel's random bits and that epoch, or, with 0, a
 * new one.  Oldest events are evicted when there is no free segment.
 * "attr": its attributes; NULL: none.
 * NGX_DECLINED: the zone is full of streams (so much is always left for events
 * that one of ess_max_event fits).  NGX_ABORT: another one has the name.
 * NGX_AGAIN, NGX_BUSY: against attr->limits, as ngx_ess_created_admit_locked()
 * says.  NGX_ERROR: no random bits.
 * info->reserved_ordinal is the ordinal that the store must vouch for before
 * the stream is shown.
 */
ngx_int_t ngx_ess_table_reserve(ngx_ess_zone_t *zone, ngx_str_t *key,
    const ngx_ess_kind_t *kind, uint64_t epoch,
    const ngx_ess_stream_attr_t *attr, ngx_ess_stream_info_t *info);

/* What this process was creating or deleting is VISIBLE.  NGX_DECLINED: no
   such stream. */
ngx_int_t ngx_ess_table_show(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref);

/*
 * What this process was creating or deleting is freed, or CLOSED while a worker
 * has an interest; wakes those that have.  The id is not used again.
 */
void ngx_ess_table_remove(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref);

/*
 * At start, in the master, from the store: a stream that existed, VISIBLE,
 * with the next ordinal row->last_ordinal + 1, vouched for up to
 * row->reserved_ordinal.  Ids to come are larger.
 * NGX_DECLINED: the zone is full.  NGX_ABORT: id, uuid or name is there
 * already.
 */
ngx_int_t ngx_ess_table_load(ngx_ess_zone_t *zone,
    const ngx_ess_stream_info_t *row);

/* At start: ids to come are larger than "id". */
void ngx_ess_table_last_id(ngx_ess_zone_t *zone, uint64_t id);

/* Rule and bounds of a stream that has attributes become those of "attr", all
   else stays.  NGX_DECLINED: there is no such stream, or it has none.
   NGX_ERROR: the zone has no room for them, or they are too long. */
ngx_int_t ngx_ess_table_set_attr(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, const ngx_ess_stream_attr_t *attr);

/* VISIBLE -> DELETING, owned by this process slot.  NGX_DECLINED: not there,
   or being deleted by somebody else. */
ngx_int_t ngx_ess_table_delete_begin(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);


/* For stream/ alone, with the mutex; the caller commits. */

/* Unlinks and frees a stream whose log is empty and that nobody has an
   interest in. */
void ngx_ess_table_free_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i);


#endif /* _NGX_ESS_TABLE_H_INCLUDED_ */
