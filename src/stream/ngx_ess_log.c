
/*
 * The logs: append.  Runs in workers; all data is in the zone and belongs to
 * whoever holds its mutex.  An append to all streams of a routing key is one
 * operation.
 */


#include "ngx_ess_log.h"
#include "ngx_ess_follow.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_log_key.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_log_walk.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_mark.h"
#include "ngx_ess_ordinal.h"


/* what an append does in one hold of the mutex, at most: records evicted,
   streams looked at, streams appended to, and bytes copied but for one event */
#define NGX_ESS_LOG_EVICT    1024
#define NGX_ESS_LOG_LOOK     1024
#define NGX_ESS_LOG_STREAMS  64
#define NGX_ESS_LOG_BYTES    262144

#if (NGX_ESS_LOG_HOLDS * NGX_ESS_LOG_STREAMS > NGX_ESS_LOG_IDS)
#error an append may have more ids than its caller has room for
#endif

/* keys of one event that are as much work as to look at a stream */
#define NGX_ESS_LOG_KEYS     16

/* entries of the journal that an append to one stream takes, the marks of
   those interested aside, and those at its end */
#define NGX_ESS_LOG_UNDO     40


/* an append under way */

typedef struct {
    ngx_ess_zone_t          *zone;
    ngx_ess_zone_sh_t       *sh;
    ngx_ess_event_t         *event;
    ngx_ess_log_keys_t      *keys;          /* of streams that have rules */
    ngx_ess_log_walk_t       walk;
    ngx_uint_t               look;          /* work for each of its streams */
    ngx_str_t                body;
    ngx_ess_record_type_e    type;
    uint32_t                 segs;          /* for one record, at most */
    uint32_t                 now;           /* ticks */
    ngx_uint_t               ms;            /* since that tick */
    ngx_uint_t               force;
    uint64_t                 upto;          /* the last stream of this hold */
    ngx_uint_t               more;          /* streams behind it, or work */
    ngx_uint_t               evict;         /* records that may still go */
    ngx_ess_wake_t          *wake;
} ngx_ess_log_append_t;


static void ngx_ess_log_begin_locked(ngx_ess_log_append_t *a,
    ngx_ess_zone_t *zone, ngx_str_t *key, ngx_ess_event_t *event,
    ngx_ess_log_keys_t *keys);
static ngx_uint_t ngx_ess_log_add_all_locked(ngx_ess_log_append_t *a);
static void ngx_ess_log_id_locked(ngx_ess_log_append_t *a,
    ngx_ess_stream_t *s);
static ngx_uint_t ngx_ess_log_meant_locked(ngx_ess_log_append_t *a,
    ngx_ess_seg_t i);
static ngx_uint_t ngx_ess_log_keyed_locked(ngx_ess_log_append_t *a,
    ngx_ess_stream_t *s);
static uint32_t ngx_ess_log_arrival_locked(ngx_ess_zone_sh_t *sh);
static ngx_int_t ngx_ess_log_prepare_locked(ngx_ess_log_append_t *a);
static void ngx_ess_log_chunk_locked(ngx_ess_log_append_t *a, uint64_t last);
static void ngx_ess_log_no_room_locked(ngx_ess_zone_t *zone);
static void ngx_ess_log_add_locked(ngx_ess_log_append_t *a, ngx_ess_seg_t i);
static void ngx_ess_log_number_locked(ngx_ess_log_append_t *a,
    ngx_ess_seg_t i);
static void ngx_ess_log_loss_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake);
static void ngx_ess_log_note_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_record_type_e type, ngx_ess_wake_t *wake);
static ngx_ess_seg_t ngx_ess_log_write_locked(ngx_ess_log_append_t *a,
    ngx_ess_stream_t *s, ngx_ess_seg_t i);


ngx_int_t
ngx_ess_log_append_locked(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_ess_event_t *event, ngx_ess_log_keys_t *keys, ngx_uint_t force,
    ngx_ess_wake_t *wake)
{
    ngx_int_t             n;
    ngx_uint_t            added;
    ngx_ess_zone_sh_t    *sh;
    ngx_ess_log_append_t  a;

    sh = zone->sh;

    ngx_ess_log_begin_locked(&a, zone, key, event, keys);
    a.force = force;
    a.wake = wake;

    /* the same event again, which whoever died had begun to append */

    if (event->done == 0 && event->mark) {
        event->done = ngx_ess_mark_done_locked(sh, event->mark);
    }

    n = ngx_ess_log_prepare_locked(&a);

    if (n == NGX_AGAIN || n == NGX_BUSY) {
        return n;
    }

    added = ngx_ess_log_add_all_locked(&a);

    if (a.more) {
        ngx_ess_log_chunk_locked(&a, a.upto);
        event->done = a.upto;
        n = NGX_BUSY;
        goto count;
    }

    event->done = 0;
    event->sought = 0;

    if (event->mark) {
        ngx_ess_mark_set_locked(sh, event->mark);
    }

    ngx_ess_journal_commit_locked(sh);

count:

    if (a.type == NGX_ESS_RECORD_EVENT) {
        ngx_ess_counter_add(zone, NGX_ESS_C_EVENTS_IN, added);
        ngx_ess_counter_add(zone, NGX_ESS_C_BYTES_IN,
                            (int64_t) (added * a.body.len));
    }

    return n;
}


ngx_int_t
ngx_ess_log_append(ngx_ess_zone_t *zone, ngx_str_t *key,
    ngx_ess_event_t *event, ngx_uint_t force, ngx_ess_wake_t *wake)
{
    ngx_int_t           n;
    ngx_uint_t          holds;
    ngx_ess_log_keys_t  keys;

    ngx_ess_log_keys_init(&keys);

    holds = force ? NGX_MAX_UINT32_VALUE : NGX_ESS_LOG_HOLDS;

    do {
        ngx_ess_zone_lock(zone);

        n = ngx_ess_log_append_locked(zone, key, event, &keys, force, wake);

        ngx_ess_zone_unlock(zone);

        ngx_ess_log_keys_find(&keys, event);

    } while (n == NGX_BUSY && --holds);

    return n;
}


/* Appends to the streams up to a->upto, which were looked at before. */

static ngx_uint_t
ngx_ess_log_add_all_locked(ngx_ess_log_append_t *a)
{
    uint64_t            last;
    ngx_int_t           rc;
    ngx_uint_t          added, loss;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = a->sh;
    last = a->event->done;
    added = 0;

    if (ngx_ess_log_walk_first_locked(&a->walk, a->event->done, &i) != NGX_OK) {
        return 0;
    }

    for ( /* void */ ; i; i = ngx_ess_log_walk_next_locked(&a->walk, i)) {
        s = ngx_ess_zone_stream(sh, i);

        if (s->id > a->upto) {
            break;
        }

        if (!ngx_ess_log_meant_locked(a, i)) {
            last = s->id;
            continue;
        }

        loss = a->type == NGX_ESS_RECORD_EVENT && !a->event->lost
               && ngx_ess_zone_untold(sh, s);

        if (sh->undo + (1 + loss) * NGX_ESS_LOG_UNDO
            + NGX_ESS_WAKE_UNDO * sh->geo.nprocs > sh->geo.njournal
            || (sh->nfree < a->segs + loss && sh->undo))
        {
            ngx_ess_log_chunk_locked(a, last);
        }

        if (a->event->lost) {
            ngx_ess_log_number_locked(a, i);
            last = s->id;
            continue;
        }

        rc = ngx_ess_log_room_locked(a->zone, a->segs + loss, 1, &a->evict);

        if (rc == NGX_BUSY) {
            a->upto = last;
            a->more = 1;
            break;
        }

        last = s->id;

        ngx_ess_log_id_locked(a, s);

        if (rc != NGX_OK) {
            ngx_ess_log_no_room_locked(a->zone);
            ngx_ess_log_number_locked(a, i);
            continue;
        }

        if (loss) {
            ngx_ess_log_loss_locked(a->zone, i, a->wake);
        }

        ngx_ess_log_add_locked(a, i);
        added++;
    }

    return added;
}


/* The number that it is about to get. */

static void
ngx_ess_log_id_locked(ngx_ess_log_append_t *a, ngx_ess_stream_t *s)
{
    ngx_ess_event_id_t  *id;

    if (a->event->ids && a->type == NGX_ESS_RECORD_EVENT) {
        id = &a->event->ids[a->event->nids++];

        id->epoch = s->epoch;
        id->ordinal = s->next_ordinal;
    }
}


static void
ngx_ess_log_begin_locked(ngx_ess_log_append_t *a, ngx_ess_zone_t *zone,
    ngx_str_t *key, ngx_ess_event_t *event, ngx_ess_log_keys_t *keys)
{
    ngx_memzero(a, sizeof(ngx_ess_log_append_t));

    a->keys = keys;

    a->zone = zone;
    a->sh = zone->sh;
    a->event = event;
    a->walk.sh = zone->sh;
    a->walk.event = event;
    a->walk.key = key;
    a->walk.hash = ngx_ess_lookup_key_hash(key);
    a->look = 1 + (event->streams ? 0 : event->nkeys / NGX_ESS_LOG_KEYS);
    a->body = event->body;
    a->evict = NGX_ESS_LOG_EVICT;
    a->type = NGX_ESS_RECORD_EVENT;
    a->now = ngx_ess_log_arrival_locked(zone->sh);
    a->ms = (ngx_current_msec - (ngx_msec_t) zone->sh->created)
            % NGX_ESS_ZONE_TICK;

    if (ngx_ess_log_is_poison(&a->body)) {
        a->type = NGX_ESS_RECORD_POISON;
        a->body.len = 0;
    }

    if (!event->lost) {
        a->segs = ngx_ess_zone_record_segs(a->body.len
                                           + (event->ordinal
                                              ? NGX_ESS_ZONE_AFTER : 0)
                                           + ngx_ess_log_keys_room(keys,
                                                                   event));
    }
}


ngx_uint_t
ngx_ess_log_is_poison(ngx_str_t *body)
{
    return body->len == sizeof("POISON") - 1
           && ngx_memcmp(body->data, "POISON", sizeof("POISON") - 1) == 0;
}


static ngx_uint_t
ngx_ess_log_meant_locked(ngx_ess_log_append_t *a, ngx_ess_seg_t i)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(a->sh, i);

    if (a->event->ordinal) {
        return (s->follow == NGX_ESS_FOLLOW_LIVE
                || s->follow == NGX_ESS_FOLLOW_FILLING)
               && s->next_ordinal <= a->event->ordinal;
    }

    return a->event->uuid == NULL
           || ngx_memcmp(s->uuid, a->event->uuid, NGX_ESS_UUID_LEN) == 0;
}


/* Has the stream a rule for the event's key? */

static ngx_uint_t
ngx_ess_log_keyed_locked(ngx_ess_log_append_t *a, ngx_ess_stream_t *s)
{
    return (s->kind.attr & NGX_ESS_ATTR_RULE)
           && a->type == NGX_ESS_RECORD_EVENT && !a->event->lost;
}


/*
 * Times of arrival do not go back, although each worker has a clock of its
 * own, which stands still during an iteration of its loop.
 */

static uint32_t
ngx_ess_log_arrival_locked(ngx_ess_zone_sh_t *sh)
{
    uint32_t  now;

    now = ngx_ess_zone_now(sh);

    if (sh->arrival - now >= 3600 * NGX_ESS_ZONE_SECOND) {
        sh->arrival = now;
    }

    return sh->arrival;
}


/*
 * Looks at as many streams as one hold has time for, and makes room for them by
 * the zone's bounds and, as far as they fit into half of the zone, for want of
 * free segments: what is left for the append itself is then one operation.
 * Returns how many streams there are so far, or NGX_AGAIN, or NGX_BUSY: there
 * is still to be evicted, or keys are to be found.
 */

static ngx_int_t
ngx_ess_log_prepare_locked(ngx_ess_log_append_t *a)
{
    uint64_t            need;
    ngx_int_t           n, rc;
    ngx_uint_t          look, meant, is;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = a->sh;
    need = 0;
    look = 0;
    meant = 0;

    a->upto = a->event->done;

    /* where it went on from there was one */

    n = a->event->done ? 1 : 0;

    if (ngx_ess_log_walk_first_locked(&a->walk, a->event->done, &i) != NGX_OK) {
        return NGX_BUSY;
    }

    for ( /* void */ ; i; i = ngx_ess_log_walk_next_locked(&a->walk, i)) {

        if (look >= NGX_ESS_LOG_LOOK
            || meant == NGX_ESS_LOG_STREAMS
            || (meant && (meant + 1) * a->body.len > NGX_ESS_LOG_BYTES))
        {
            a->more = 1;
            break;
        }

        s = ngx_ess_zone_stream(sh, i);
        is = ngx_ess_log_meant_locked(a, i);

        if (is && ngx_ess_log_keyed_locked(a, s)
            && ngx_ess_log_keys_want_locked(a->keys, sh, s, a->event)
               != NGX_OK)
        {
            a->more = 1;
            break;
        }

        n++;
        look += a->look;
        a->upto = s->id;

        if (is) {
            meant++;

            if (!a->event->lost) {
                ngx_ess_log_room_bounds_locked(a->zone, i, a->body.len,
                                               a->now, &a->evict);
                need += a->segs;
            }
        }
    }

    if (ngx_ess_log_keys_wanted(a->keys)) {
        return NGX_BUSY;
    }

    if (need <= (sh->geo.nsegs - sh->nstatic) / 2) {
        rc = ngx_ess_log_room_locked(a->zone, need, a->force, &a->evict);

        if (rc == NGX_AGAIN || rc == NGX_BUSY) {
            return rc;
        }
    }

    return n;
}


/* So far, and no further in one operation: remembers where to go on. */

static void
ngx_ess_log_chunk_locked(ngx_ess_log_append_t *a, uint64_t last)
{
    if (last && a->event->mark) {
        ngx_ess_mark_half_locked(a->sh, a->event->mark, last);
    }

    ngx_ess_journal_commit_locked(a->sh);
}


/* Streams leave room for an event of the largest size, so this takes one that
   is larger, or bounds that a reload raised in a small zone. */

static void
ngx_ess_log_no_room_locked(ngx_ess_zone_t *zone)
{
    ngx_ess_counter_add(zone, NGX_ESS_C_EVICTED_EARLY, 1);

    if (zone->sh->no_room) {
        return;
    }

    zone->sh->no_room = 1;

    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                  "an event was dropped, for it does not fit into what the "
                  "streams leave of the zone \"%V\"",
                  &zone->shm_zone->shm.name);
}


static void
ngx_ess_log_add_locked(ngx_ess_log_append_t *a, ngx_ess_seg_t i)
{
    ngx_ess_seg_t       rec;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = a->sh;
    s = ngx_ess_zone_stream(sh, i);

    rec = ngx_ess_log_write_locked(a, s, i);

    ngx_ess_list_link_locked(sh, &ngx_ess_list_log, &s->head, &s->tail, rec);
    ngx_ess_list_link_locked(sh, &ngx_ess_list_age, &sh->age_head,
                             &sh->age_tail, rec);

    ngx_ess_journal_set32_locked(sh, &s->count, s->count + 1);
    ngx_ess_journal_set64_locked(sh, &s->next_seq, s->next_seq + 1);

    if (a->type == NGX_ESS_RECORD_EVENT) {
        ngx_ess_journal_set32_locked(sh, &s->events, s->events + 1);
        ngx_ess_journal_set64_locked(sh, &s->bytes, s->bytes + a->body.len);
    }

    if (a->event->ordinal) {
        ngx_ess_journal_set64_locked(sh, &s->next_ordinal,
                                     a->event->ordinal + 1);

    } else {
        ngx_ess_log_number_locked(a, i);
    }

    ngx_ess_wake_mark_locked(sh, i, a->wake);
}


/* The next ordinal is the event's: of one that is not kept readers learn from
   it (but not of a RabbitMQ stream, where some are no events). */

static void
ngx_ess_log_number_locked(ngx_ess_log_append_t *a, ngx_ess_seg_t i)
{
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = a->sh;
    s = ngx_ess_zone_stream(sh, i);

    if (a->event->ordinal || a->type != NGX_ESS_RECORD_EVENT) {
        return;
    }

    ngx_ess_journal_set64_locked(sh, &s->next_ordinal, s->next_ordinal + 1);

    /* Ordinals for events to come, in time.  Whoever was told and died before
       the store had it is followed by another now and then. */

    if (s->next_ordinal + NGX_ESS_ORDINALS_LOW > s->reserved_ordinal
        && (s->want == NGX_ESS_WANT_NONE
            || (s->want == NGX_ESS_WANT_TOLD && s->next_ordinal % 4096 == 0)))
    {
        ngx_ess_ordinal_want_locked(sh, i);
    }
}


void
ngx_ess_log_end_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake)
{
    if (ngx_ess_log_room_locked(zone, 1, 1, NULL) == NGX_OK) {
        ngx_ess_log_note_locked(zone, i, NGX_ESS_RECORD_GONE, wake);
    }
}


void
ngx_ess_log_losses(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_ess_seg_t   i;
    ngx_ess_wake_t  wake;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch);

    if (i
        && ngx_ess_zone_stream(zone->sh, i)->state != NGX_ESS_STREAM_CLOSED
        && ngx_ess_zone_untold(zone->sh, ngx_ess_zone_stream(zone->sh, i))
        && ngx_ess_log_room_locked(zone, 1, 1, NULL) == NGX_OK)
    {
        ngx_ess_log_loss_locked(zone, i, &wake);
        ngx_ess_journal_commit_locked(zone->sh);
    }

    ngx_ess_zone_unlock(zone);

    ngx_ess_wake_procs(zone, &wake);
}


/* There is room for it. */

static void
ngx_ess_log_loss_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake)
{
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    s = ngx_ess_zone_stream(sh, i);

    ngx_ess_log_note_locked(zone, i, NGX_ESS_RECORD_LOSS, wake);

    ngx_ess_journal_set32_locked(sh, &s->losses,
                                 sh->slots[s->key_hash % NGX_ESS_SLOTS].losses);
}


/* A record that is no event. */

static void
ngx_ess_log_note_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_record_type_e type, ngx_ess_wake_t *wake)
{
    ngx_ess_event_t       event;
    ngx_ess_log_append_t  a;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    ngx_memzero(&a, sizeof(ngx_ess_log_append_t));

    a.zone = zone;
    a.sh = zone->sh;
    a.event = &event;
    a.type = type;
    a.now = ngx_ess_log_arrival_locked(zone->sh);
    a.wake = wake;

    ngx_ess_log_add_locked(&a, i);
}


/* The record in segments that nothing links to yet. */

static ngx_ess_seg_t
ngx_ess_log_write_locked(ngx_ess_log_append_t *a, ngx_ess_stream_t *s,
    ngx_ess_seg_t i)
{
    size_t                  head;
    uint64_t                after, ordinal;
    ngx_str_t               key;
    ngx_uint_t              sparse;
    ngx_ess_seg_t           rec, last;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    sh = a->sh;

    ordinal = a->event->ordinal;
    after = ngx_max(a->event->after, s->next_ordinal - 1);
    sparse = ordinal
             && (a->type != NGX_ESS_RECORD_EVENT || after + 1 != ordinal);

    head = sparse ? NGX_ESS_ZONE_AFTER : 0;

    ngx_str_null(&key);

    if (ngx_ess_log_keyed_locked(a, s)) {
        ngx_ess_log_keys_get_locked(a->keys, sh, s, a->event, &key);

        if (key.len) {
            head += 1 + key.len;

        } else {
            ngx_ess_counter_add(a->zone, NGX_ESS_C_NO_KEY, 1);
        }
    }

    rec = ngx_ess_zone_take_locked(sh,
                                   ngx_ess_zone_record_segs(a->body.len
                                                            + head),
                                   &last);
    r = ngx_ess_zone_record(sh, rec);

    ngx_ess_zone_fault();

    r->last = last;
    r->prev = s->tail;
    r->next = 0;
    r->age_prev = sh->age_tail;
    r->age_next = 0;
    r->stream = i;
    r->len = a->body.len;
    r->type = a->type;
    r->ms = a->ms;
    r->sparse = sparse;
    r->keyed = (key.len != 0);
    r->arrival = a->now;
    r->ordinal = ordinal ? ordinal
                 : (a->type == NGX_ESS_RECORD_EVENT) ? s->next_ordinal
                 : s->next_ordinal - 1;

    ngx_ess_log_search_range_locked(sh, s, r, (a->type == NGX_ESS_RECORD_EVENT)
                                              ? a->event->timestamp : 0);

    if (sparse) {
        ngx_memcpy(r->body, &after, NGX_ESS_ZONE_AFTER);
    }

    ngx_ess_log_key_put_locked(sh, r, &key, &a->body);

    return rec;
}
