
/*
 * The logs, for those who read them: records from a position on, and the
 * positions themselves.  Runs in workers; all data is in the zone and belongs
 * to whoever holds its mutex.
 */


#include "ngx_ess_shm_layout.h"


/* records passed by while the mutex is held */
#define NGX_ESS_LOG_READ_STEPS  4096


/* what a position is looked for by */

typedef struct {
    uint64_t                 after;         /* first ordinal above this one */
    uint64_t                 since;         /* and first timestamp from here */
    uint64_t                 undated;       /* without one: ordinal from here */
} ngx_ess_log_read_want_t;


static void ngx_ess_log_read_lost_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s, uint64_t records, ngx_ess_log_lost_t *lost);
static ngx_ess_seg_t ngx_ess_log_read_seek_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s, uint64_t seq);
static void ngx_ess_log_read_copy_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_record_t *r, u_char *p);
static ngx_int_t ngx_ess_log_read_find(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_log_read_want_t *want,
    ngx_ess_log_place_t *place, uint64_t *first);
static ngx_int_t ngx_ess_log_read_find_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s, ngx_ess_log_read_want_t *want,
    ngx_ess_log_place_t *place);
static uint64_t ngx_ess_log_read_near_locked(ngx_ess_shm_stream_t *s,
    uint64_t ordinal);


ngx_int_t
ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need)
{
    size_t                 used;
    uint64_t               first;
    ngx_int_t              rc;
    ngx_uint_t             max;
    ngx_ess_seg_t          i;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_record_t  *r;
    ngx_ess_shm_stream_t  *s;

    sh = zone->sh;
    max = *n;

    *n = 0;
    lost->events = 0;
    *need = 0;
    used = 0;

    ngx_ess_shm_lock(zone);

    i = ngx_ess_stream_find_locked(sh, ref->id, ref->epoch);
    if (i == 0) {
        ngx_ess_shm_unlock(zone);
        return NGX_DECLINED;
    }

    s = ngx_ess_shm_stream(sh, i);

    first = s->next_seq - s->count;

    if (*seq < first) {
        ngx_ess_log_read_lost_locked(sh, s, first - *seq, lost);
        *seq = first;
    }

    /* a record stays where it is for as long as its number is in the log */

    i = (*last && *seq > first)
        ? ngx_ess_shm_record(sh, *last)->next
        : ngx_ess_log_read_seek_locked(sh, s, *seq);

    for ( /* void */ ; i; i = r->next) {
        r = ngx_ess_shm_record(sh, i);

        if (r->len > size - used && *n == 0) {
            *need = r->len;
            ngx_ess_shm_unlock(zone);
            return NGX_BUSY;
        }

        if (r->len > size - used || *n == max) {
            break;
        }

        records[*n].type = ngx_ess_shm_record_type(r);
        records[*n].gap = (r->type & NGX_ESS_SHM_GAP) != 0;
        records[*n].consecutive = (s->source == NGX_ESS_SOURCE_EXCHANGE);
        records[*n].seq = r->seq;
        records[*n].ordinal = r->ordinal;
        records[*n].timestamp = r->timestamp;
        records[*n].arrival = ngx_ess_shm_arrival(zone->sh, r);
        records[*n].body.len = r->len;
        records[*n].body.data = buf + used;

        ngx_ess_log_read_copy_locked(sh, r, buf + used);

        used += r->len;
        *seq = r->seq + 1;
        *last = i;
        (*n)++;
    }

    rc = i ? NGX_AGAIN : (s->state == NGX_ESS_STREAM_CLOSED) ? NGX_DONE
                                                             : NGX_OK;
    ngx_ess_shm_unlock(zone);

    return rc;
}


/*
 * Which events are gone, counted by their ordinals: those of this epoch that
 * come before the first one that is there.
 */

static void
ngx_ess_log_read_lost_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s,
    uint64_t records, ngx_ess_log_lost_t *lost)
{
    lost->events = records;
    lost->to = ngx_ess_log_first_locked(sh, s) - 1;
}


uint64_t
ngx_ess_log_first_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s)
{
    ngx_ess_shm_record_t  *r;

    if (s->head == 0) {
        return s->next_ordinal;
    }

    r = ngx_ess_shm_record(sh, s->head);

    /* a record that is no event has the ordinal of the one before it */

    return r->ordinal + (ngx_ess_shm_record_type(r) != NGX_ESS_RECORD_EVENT);
}


/* The record with that number; from the end that is nearer. */

static ngx_ess_seg_t
ngx_ess_log_read_seek_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s,
    uint64_t seq)
{
    uint64_t       n, back;
    ngx_ess_seg_t  i;

    if (seq >= s->next_seq) {
        return 0;
    }

    back = s->next_seq - 1 - seq;
    n = s->count - 1 - back;

    if (n <= back) {
        for (i = s->head; n; n--) {
            i = ngx_ess_shm_record(sh, i)->next;
        }

        return i;
    }

    for (i = s->tail; back; back--) {
        i = ngx_ess_shm_record(sh, i)->prev;
    }

    return i;
}


static void
ngx_ess_log_read_copy_locked(ngx_ess_shm_t *sh, ngx_ess_shm_record_t *r,
    u_char *p)
{
    size_t         left, n;
    ngx_ess_seg_t  seg;

    left = r->len;
    n = ngx_min(left, sizeof(r->body));

    if (n == 0) {
        return;
    }

    p = ngx_cpymem(p, r->body, n);

    for (seg = r->link; left > n; seg = *ngx_ess_shm_link(sh, seg)) {
        left -= n;
        n = ngx_min(left, NGX_ESS_SHM_REST);

        p = ngx_cpymem(p,
                       (u_char *) ngx_ess_shm_seg(sh, seg) + NGX_ESS_SHM_LINK,
                       n);
    }
}


ngx_int_t
ngx_ess_log_after_ordinal(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t ordinal, ngx_ess_log_place_t *place)
{
    uint64_t                 first;
    ngx_int_t                rc;
    ngx_ess_log_read_want_t  want;

    want.after = ordinal;
    want.since = 0;
    want.undated = 0;

    rc = ngx_ess_log_read_find(zone, ref, &want, place, &first);

    if (rc != NGX_OK) {
        return rc;
    }

    /* of one beyond the end nobody knows what it was */

    place->gap = (first > ordinal + 1 || place->to < ordinal);
    place->from = ordinal + 1;

    if (first > ordinal + 1) {
        place->to = first - 1;
        place->expected = first;

    } else if (!place->gap) {
        place->expected = ordinal + 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_log_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place)
{
    uint64_t                 first;
    ngx_int_t                rc;
    ngx_ess_log_read_want_t  want;

    want.after = 0;
    want.since = timestamp;
    want.undated = undated;

    rc = ngx_ess_log_read_find(zone, ref, &want, place, &first);

    if (rc != NGX_OK) {
        return rc;
    }

    /* when all that is there is wanted, so may be what is gone */

    place->gap = (place->last == 0 && first > 1);
    place->from = 1;
    place->to = first - 1;

    return NGX_OK;
}


/*
 * The first event that is wanted, or the end of the log; place->to is the
 * ordinal of the last event so far, *first that of the first one there.
 */

static ngx_int_t
ngx_ess_log_read_find(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_log_read_want_t *want, ngx_ess_log_place_t *place,
    uint64_t *first)
{
    ngx_int_t              rc;
    ngx_ess_seg_t          i;
    ngx_ess_shm_stream_t  *s;

    place->seq = 0;
    place->last = 0;

    do {
        ngx_ess_shm_lock(zone);

        i = ngx_ess_stream_find_locked(zone->sh, ref->id, ref->epoch);

        if (i == 0) {
            ngx_ess_shm_unlock(zone);
            return NGX_DECLINED;
        }

        s = ngx_ess_shm_stream(zone->sh, i);

        *first = ngx_ess_log_first_locked(zone->sh, s);
        place->to = s->next_ordinal - 1;

        rc = ngx_ess_log_read_find_locked(zone->sh, s, want, place);

        ngx_ess_shm_unlock(zone);

    } while (rc == NGX_AGAIN);

    place->first = *first;

    return NGX_OK;
}


/* NGX_AGAIN: not yet, go on from place->seq. */

static ngx_int_t
ngx_ess_log_read_find_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s,
    ngx_ess_log_read_want_t *want, ngx_ess_log_place_t *place)
{
    uint64_t               first;
    ngx_uint_t             n;
    ngx_ess_seg_t          i;
    ngx_ess_shm_record_t  *r;

    first = s->next_seq - s->count;

    if (place->seq == 0) {
        place->seq = ngx_ess_log_read_near_locked(s, want->after);
    }

    if (place->seq <= first) {
        place->seq = first;
        place->last = 0;
    }

    i = place->last ? ngx_ess_shm_record(sh, place->last)->next
                    : ngx_ess_log_read_seek_locked(sh, s, place->seq);

    for (n = 0; i && n < NGX_ESS_LOG_READ_STEPS; n++) {
        r = ngx_ess_shm_record(sh, i);

        if (ngx_ess_shm_record_type(r) == NGX_ESS_RECORD_EVENT
            && r->ordinal > want->after
            && (r->timestamp ? r->timestamp >= want->since
                             : r->ordinal >= want->undated))
        {
            place->last = r->prev;
            place->expected = r->prev
                              ? ngx_ess_shm_record(sh, r->prev)->ordinal + 1
                              : 0;
            return NGX_OK;
        }

        place->seq = r->seq + 1;
        place->last = i;
        i = r->next;
    }

    place->expected = s->next_ordinal;

    return i ? NGX_AGAIN : NGX_OK;
}


/* A record at or before the event: counted from the end, where most are asked
   for, as if all records there were events. */

static uint64_t
ngx_ess_log_read_near_locked(ngx_ess_shm_stream_t *s, uint64_t ordinal)
{
    uint64_t  back;

    if (ordinal == 0) {
        return 1;
    }

    if (ordinal + 1 >= s->next_ordinal) {
        return s->next_seq;
    }

    back = s->next_ordinal - 1 - ordinal + (s->count - s->events);

    return (back < s->next_seq) ? s->next_seq - back : 1;
}
