
/*
 * Searches in a log, by number, ordinal and timestamp.  Each record stands for
 * a range of the log, which ends with it: the records whose numbers are above
 * seq & (seq - 1), up to its own.  It knows which one is before the range, and
 * what is in it:
 *
 *   1      3      5      7
 *   1──2          5──6
 *   1────────4
 *   1────────────────────8
 *
 * So from the log's end back there are as many ranges as its number has bits,
 * and so many again in each of them (P. Fenwick, A New Data Structure for
 * Cumulative Frequency Tables, 1994).  A record is written once: what is said
 * about a range may be about records that are gone, too.  Where its beginning
 * is gone nobody looks at what was before it.
 *
 * Runs in workers; all data is in the zone and belongs to whoever holds its
 * mutex.
 */


#include "ngx_ess_log_search.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_zone_hook.h"
#include "ngx_ess_zone_layout.h"


/* records looked at in one hold of the mutex, and in a row before the ranges
   are asked again */
#define NGX_ESS_LOG_SEARCH_LOOK  1024
#define NGX_ESS_LOG_SEARCH_ROW   32


/* what is looked for */

typedef struct {
    uint64_t                 after;         /* first ordinal above this one */
    uint64_t                 since;         /* and first timestamp from here */
    uint64_t                 undated;       /* without one: ordinal from here */
} ngx_ess_log_search_t;


static uint32_t ngx_ess_log_search_late(uint64_t ms);
static uint64_t ngx_ess_log_search_latest(ngx_ess_zone_record_t *r);
static ngx_int_t ngx_ess_log_search(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_log_search_t *want,
    ngx_ess_log_place_t *place, uint64_t *end);
static ngx_int_t ngx_ess_log_search_some_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_log_search_t *want,
    ngx_ess_log_place_t *place);
static ngx_ess_seg_t ngx_ess_log_search_next_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_log_search_t *want, uint64_t from,
    ngx_uint_t *looks);
static ngx_uint_t ngx_ess_log_search_may(ngx_ess_log_search_t *want,
    ngx_ess_zone_record_t *r);
static ngx_uint_t ngx_ess_log_search_is(ngx_ess_log_search_t *want,
    ngx_ess_zone_record_t *r);


void
ngx_ess_log_search_range_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_zone_record_t *r, uint64_t timestamp)
{
    uint64_t                seq, first, before, latest;
    ngx_ess_seg_t           i;
    ngx_ess_zone_record_t  *p;

    first = s->next_seq - s->count;
    before = s->next_seq & (s->next_seq - 1);
    latest = timestamp;

    r->seq = (uint32_t) s->next_seq;
    r->undated = (timestamp == 0);
    r->some_undated = (timestamp == 0
                       && ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_EVENT);

    i = s->tail;

    for (seq = s->next_seq - 1; seq > before && seq >= first; seq &= seq - 1) {
        p = ngx_ess_zone_record(sh, i);

        latest = ngx_max(latest, ngx_ess_log_search_latest(p));
        r->some_undated |= p->some_undated;

        i = p->before;
    }

    r->before = (seq >= first) ? i : 0;
    r->timestamp = timestamp ? timestamp : latest;
    r->late = ngx_ess_log_search_late(latest - r->timestamp);
}


/* The bits of a number that matter most, rounded up, and how many were left
   out; nearly always it is 0. */

static uint32_t
ngx_ess_log_search_late(uint64_t ms)
{
    uint32_t  n;

    if (ms >> 62) {
        return NGX_ESS_ZONE_LATE_ANY;
    }

    for (n = 0; ms >> NGX_ESS_ZONE_LATE_BITS; n++) {
        ms = ms / 2 + ms % 2;
    }

    return (n << NGX_ESS_ZONE_LATE_BITS) | (uint32_t) ms;
}


/* No timestamp of the record's range is above this one. */

static uint64_t
ngx_ess_log_search_latest(ngx_ess_zone_record_t *r)
{
    uint64_t  ms;

    ms = r->late & ((1 << NGX_ESS_ZONE_LATE_BITS) - 1);
    ms <<= r->late >> NGX_ESS_ZONE_LATE_BITS;

    if (r->late == NGX_ESS_ZONE_LATE_ANY || r->timestamp + ms < ms) {
        return (uint64_t) -1;
    }

    return r->timestamp + ms;
}


ngx_uint_t
ngx_ess_log_search_covers(ngx_ess_zone_record_t *r, ngx_ess_zone_record_t *p)
{
    return ngx_ess_log_search_latest(r) >= ngx_ess_log_search_latest(p)
           && r->some_undated >= p->some_undated;
}


ngx_ess_seg_t
ngx_ess_log_search_seq_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    uint64_t seq)
{
    uint64_t                at, before;
    ngx_ess_seg_t           i;
    ngx_ess_zone_record_t  *r;

    if (seq >= s->next_seq) {
        return 0;
    }

    i = s->tail;
    at = s->next_seq - 1;

    while (at > seq) {
        ngx_ess_zone_look();

        r = ngx_ess_zone_record(sh, i);
        before = at & (at - 1);

        i = (before >= seq) ? r->before : r->prev;
        at = (before >= seq) ? before : at - 1;
    }

    return i;
}


ngx_int_t
ngx_ess_log_search_ordinal(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t ordinal, ngx_ess_log_place_t *place)
{
    uint64_t              end;
    ngx_int_t             rc;
    ngx_ess_log_search_t  want;

    want.after = ordinal;
    want.since = 0;
    want.undated = 0;

    rc = ngx_ess_log_search(zone, ref, &want, place, &end);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_ess_gap(&place->gap, ordinal, place->begin)) {
        place->have = place->begin;

    } else if (!ngx_ess_gap_beyond(&place->gap, ordinal, end)) {
        place->have = ordinal;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_log_search_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place)
{
    uint64_t              end;
    ngx_int_t             rc;
    ngx_ess_log_search_t  want;

    want.after = 0;
    want.since = timestamp;
    want.undated = undated;

    rc = ngx_ess_log_search(zone, ref, &want, place, &end);

    if (rc != NGX_OK) {
        return rc;
    }

    /* when all that is there is wanted, so may be what is gone */

    (void) ngx_ess_gap(&place->gap, 0, place->last ? 0 : place->begin);

    return NGX_OK;
}


/* The first event that is wanted, or the end of the log; *end is the ordinal of
   the last event so far. */

static ngx_int_t
ngx_ess_log_search(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_log_search_t *want, ngx_ess_log_place_t *place, uint64_t *end)
{
    ngx_int_t          rc;
    ngx_ess_seg_t      i;
    ngx_ess_stream_t  *s;

    place->seq = 0;

    do {
        ngx_ess_zone_lock(zone);

        i = ngx_ess_lookup_ref_locked(zone->sh, ref->id, ref->epoch);

        if (i == 0) {
            ngx_ess_zone_unlock(zone);
            return NGX_DECLINED;
        }

        s = ngx_ess_zone_stream(zone->sh, i);

        place->begin = ngx_ess_zone_begin(zone->sh, s);
        *end = s->next_ordinal - 1;

        rc = ngx_ess_log_search_some_locked(zone->sh, s, want, place);

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);

    return NGX_OK;
}


/* NGX_AGAIN: not yet, go on from place->seq. */

static ngx_int_t
ngx_ess_log_search_some_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_log_search_t *want, ngx_ess_log_place_t *place)
{
    ngx_uint_t              n, looks;
    ngx_ess_seg_t           i;
    ngx_ess_zone_record_t  *r;

    place->seq = ngx_max(place->seq, s->next_seq - s->count);
    looks = 0;

    do {
        i = ngx_ess_log_search_next_locked(sh, s, want, place->seq, &looks);

        /* a range said too much; then so may the next ones */

        for (n = 0; i && n < NGX_ESS_LOG_SEARCH_ROW; n++) {
            ngx_ess_zone_look();

            r = ngx_ess_zone_record(sh, i);
            place->seq = ngx_ess_zone_seq(s, r);

            if (ngx_ess_log_search_is(want, r)) {
                place->last = r->prev;
                place->have = r->prev
                              ? ngx_ess_zone_record(sh, r->prev)->ordinal
                              : ngx_ess_zone_after(r);
                return NGX_OK;
            }

            place->seq++;
            i = r->next;
        }

        looks += n;

    } while (i && looks < NGX_ESS_LOG_SEARCH_LOOK);

    if (i) {
        return NGX_AGAIN;
    }

    place->seq = s->next_seq;
    place->last = s->tail;
    place->have = s->next_ordinal - 1;

    return NGX_OK;
}


/* The first record from number "from" on, which is in the log, that may be
   wanted; 0: none is. */

static ngx_ess_seg_t
ngx_ess_log_search_next_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_log_search_t *want, uint64_t from, ngx_uint_t *looks)
{
    uint64_t                seq, least, found;
    ngx_ess_seg_t           i, end, next;
    ngx_ess_zone_record_t  *r;

    end = 0;
    next = s->tail;
    seq = s->next_seq - 1;
    least = from;

    for ( ;; ) {

        /* the first range that may have it, of those back to "least" */

        found = 0;

        for (i = next; seq >= least; seq &= seq - 1) {
            ngx_ess_zone_look();
            (*looks)++;

            r = ngx_ess_zone_record(sh, i);

            if (ngx_ess_log_search_may(want, r)) {
                found = seq;
                end = i;
            }

            i = r->before;
        }

        if (found == 0) {

            /* in the range around there is nothing but its end */

            return end;
        }

        /* and within that one */

        seq = found - 1;
        least = ngx_max(from, (found & seq) + 1);
        next = ngx_ess_zone_record(sh, end)->prev;
    }
}


/* Ordinals ascend, so that the record's own is the last one of its range. */

static ngx_uint_t
ngx_ess_log_search_may(ngx_ess_log_search_t *want, ngx_ess_zone_record_t *r)
{
    return r->ordinal + (want->since == 0) > want->after
           && (ngx_ess_log_search_latest(r) >= want->since
               || (r->some_undated && r->ordinal >= want->undated));
}


static ngx_uint_t
ngx_ess_log_search_is(ngx_ess_log_search_t *want, ngx_ess_zone_record_t *r)
{
    if (ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_LOSS) {

        /* between the event that somebody has and the next one */

        return want->since == 0 && r->ordinal >= want->after;
    }

    if (ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_POISON) {

        /* of a source that gave it an ordinal: it may close who gets there */

        return r->sparse && want->since == 0 && r->ordinal > want->after
               && r->ordinal >= want->undated;
    }

    return ngx_ess_zone_record_type(r) == NGX_ESS_RECORD_EVENT
           && r->ordinal > want->after
           && (r->undated ? r->ordinal >= want->undated
                          : r->timestamp >= want->since);
}
