
/*
 * The checker: walks the whole zone and tells what is wrong with it.  It is
 * the arbiter of all tests that kill workers; it changes nothing.  Runs in
 * whatever process a test asks, with the mutex held for the whole walk.
 */


#include "ngx_ess_log_search.h"
#include "ngx_ess_shm_layout.h"


/* what a segment turned out to be */

typedef enum {
    NGX_ESS_CHECK_LOST = 0,
    NGX_ESS_CHECK_FREE,
    NGX_ESS_CHECK_STREAM,
    NGX_ESS_CHECK_KEY,
    NGX_ESS_CHECK_PAIRS,
    NGX_ESS_CHECK_RECORD,
    NGX_ESS_CHECK_BODY,
    NGX_ESS_CHECK_AGED                      /* a record found in the list by
                                               age, too */
} ngx_ess_shm_check_e;


typedef struct {
    ngx_ess_shm_t           *sh;
    ngx_log_t               *log;
    u_char                  *seen;          /* ngx_ess_shm_check_e of each */
    ngx_uint_t               faults;

    uint32_t                 nstatic;       /* as counted */
    uint32_t                 nstreams;
    uint32_t                 nkeyed;
    uint32_t                 npending;
    uint32_t                 nwant;
    uint32_t                 nrecords;
    uint32_t                 npairs[NGX_ESS_PROCS];
    uint32_t                 ndirty[NGX_ESS_PROCS];
} ngx_ess_shm_check_t;


static void ngx_ess_shm_check_fault(ngx_ess_shm_check_t *ck, const char *what,
    uint64_t where, uint64_t found);
static ngx_int_t ngx_ess_shm_check_claim(ngx_ess_shm_check_t *ck,
    ngx_ess_seg_t i, ngx_ess_shm_check_e kind);
static ngx_uint_t ngx_ess_shm_check_is(ngx_ess_shm_check_t *ck,
    ngx_ess_seg_t i, ngx_ess_shm_check_e kind);
static void ngx_ess_shm_check_free(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_streams(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_stream(ngx_ess_shm_check_t *ck,
    ngx_ess_seg_t i);
static void ngx_ess_shm_check_pairs(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i);
static ngx_uint_t ngx_ess_shm_check_pair(ngx_ess_shm_check_t *ck,
    ngx_ess_seg_t i, ngx_ess_shm_pair_t *pair, u_char *procs);
static void ngx_ess_shm_check_log(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i);
static void ngx_ess_shm_check_range(ngx_ess_shm_check_t *ck,
    ngx_ess_shm_stream_t *s, ngx_ess_shm_record_t *r);
static void ngx_ess_shm_check_record(ngx_ess_shm_check_t *ck,
    ngx_ess_seg_t i);
static void ngx_ess_shm_check_chains(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_keys(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_lists(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_age(ngx_ess_shm_check_t *ck);
static void ngx_ess_shm_check_procs(ngx_ess_shm_check_t *ck);


ngx_uint_t
ngx_ess_shm_check(ngx_ess_zone_t *zone, ngx_log_t *log)
{
    uint32_t              i;
    ngx_ess_shm_t        *sh;
    ngx_ess_shm_check_t   ck;

    sh = zone->sh;

    ngx_memzero(&ck, sizeof(ngx_ess_shm_check_t));

    ck.sh = sh;
    ck.log = log;

    ck.seen = ngx_calloc(sh->geo.nsegs, log);
    if (ck.seen == NULL) {
        return 1;
    }

    ngx_ess_shm_lock(zone);

    if (sh->undo) {
        ngx_ess_shm_check_fault(&ck, "the journal is not empty", 0, sh->undo);
    }

    if (sh->overflows) {
        ngx_ess_shm_check_fault(&ck, "the journal was too short", 0,
                                sh->overflows);
    }

    if (sh->fresh == 0 || sh->fresh > sh->geo.nsegs) {
        ngx_ess_shm_check_fault(&ck, "wrong mark of what was never used", 0,
                                sh->fresh);

    } else {
        ngx_ess_shm_check_free(&ck);
        ngx_ess_shm_check_streams(&ck);
        ngx_ess_shm_check_chains(&ck);
        ngx_ess_shm_check_keys(&ck);
        ngx_ess_shm_check_lists(&ck);
        ngx_ess_shm_check_age(&ck);
        ngx_ess_shm_check_procs(&ck);

        for (i = 1; i < sh->fresh; i++) {
            if (ck.seen[i] == NGX_ESS_CHECK_LOST) {
                ngx_ess_shm_check_fault(&ck, "a segment is nowhere", i, 0);
            }
        }
    }

    ngx_ess_shm_unlock(zone);

    ngx_free(ck.seen);

    return ck.faults;
}


static void
ngx_ess_shm_check_fault(ngx_ess_shm_check_t *ck, const char *what,
    uint64_t where, uint64_t found)
{
    /* the first ones tell, and a broken list would go on for long */

    if (ck->faults++ < 50) {
        ngx_log_error(NGX_LOG_ALERT, ck->log, 0,
                      "ess zone check: %s: at %uL, found %uL",
                      what, where, found);
    }
}


/* Each segment is in one place; so a list that goes round in circles ends
   here, too. */

static ngx_int_t
ngx_ess_shm_check_claim(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_shm_check_e kind)
{
    if (i == 0 || i >= ck->sh->fresh) {
        ngx_ess_shm_check_fault(ck, "no such segment", i, kind);
        return NGX_ERROR;
    }

    if (ck->seen[i] != NGX_ESS_CHECK_LOST) {
        ngx_ess_shm_check_fault(ck, "a segment is in two places", i,
                                ck->seen[i] * 10 + kind);
        return NGX_ERROR;
    }

    ck->seen[i] = kind;

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_shm_check_is(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_shm_check_e kind)
{
    return i < ck->sh->fresh && ck->seen[i] == kind;
}


static void
ngx_ess_shm_check_free(ngx_ess_shm_check_t *ck)
{
    uint32_t        n;
    ngx_ess_seg_t   i;
    ngx_ess_shm_t  *sh;

    sh = ck->sh;
    n = sh->geo.nsegs - sh->fresh;

    for (i = sh->free; i; i = *ngx_ess_shm_link(sh, i)) {
        if (ngx_ess_shm_check_claim(ck, i, NGX_ESS_CHECK_FREE) != NGX_OK) {
            return;
        }

        n++;
    }

    if (n != sh->nfree) {
        ngx_ess_shm_check_fault(ck, "count of free segments", sh->nfree, n);
    }
}


static void
ngx_ess_shm_check_streams(ngx_ess_shm_check_t *ck)
{
    uint64_t               id;
    ngx_ess_seg_t          i, prev;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;

    sh = ck->sh;
    id = 0;
    prev = 0;

    for (i = sh->streams_head; i; i = s->next) {

        if (ngx_ess_shm_check_claim(ck, i, NGX_ESS_CHECK_STREAM) != NGX_OK) {
            return;
        }

        s = ngx_ess_shm_stream(sh, i);

        if (s->prev != prev) {
            ngx_ess_shm_check_fault(ck, "list of streams, backwards", i,
                                    s->prev);
        }

        if (s->id <= id || s->id >= sh->next_id) {
            ngx_ess_shm_check_fault(ck, "list of streams, id", i, s->id);
        }

        id = s->id;
        prev = i;

        ck->nstreams++;

        ngx_ess_shm_check_stream(ck, i);
        ngx_ess_shm_check_pairs(ck, i);
        ngx_ess_shm_check_log(ck, i);
    }

    if (sh->streams_tail != prev) {
        ngx_ess_shm_check_fault(ck, "list of streams, end", prev,
                                sh->streams_tail);
    }

    if (ck->nstreams != sh->nstreams) {
        ngx_ess_shm_check_fault(ck, "count of streams", sh->nstreams,
                                ck->nstreams);
    }

    if (ck->nstatic != sh->nstatic) {
        ngx_ess_shm_check_fault(ck, "count of segments of streams",
                                sh->nstatic, ck->nstatic);
    }
}


static void
ngx_ess_shm_check_stream(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i)
{
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;

    sh = ck->sh;
    s = ngx_ess_shm_stream(sh, i);

    ck->nstatic++;
    ck->nkeyed += ngx_ess_stream_keyed(s);

    if ((s->link != 0) != (s->key_len > NGX_ESS_SHM_KEY)) {
        ngx_ess_shm_check_fault(ck, "rest of a key", i, s->link);
    }

    if (s->link) {
        ck->nstatic++;

        if (ngx_ess_shm_check_claim(ck, s->link, NGX_ESS_CHECK_KEY) == NGX_OK
            && *ngx_ess_shm_link(sh, s->link) != 0)
        {
            ngx_ess_shm_check_fault(ck, "end of a key", i, s->link);
        }
    }

    if (s->key_len == 0 || s->key_len > NGX_ESS_MAX_KEY) {
        ngx_ess_shm_check_fault(ck, "length of a key", i, s->key_len);
    }

    if (s->state < NGX_ESS_STREAM_CREATING
        || s->state > NGX_ESS_STREAM_CLOSED)
    {
        ngx_ess_shm_check_fault(ck, "state of a stream", i, s->state);
    }

    if (s->state == NGX_ESS_STREAM_CREATING
        || s->state == NGX_ESS_STREAM_DELETING)
    {
        ck->npending++;
    }

    if (s->want > NGX_ESS_WANT_TOLD) {
        ngx_ess_shm_check_fault(ck, "want of a stream", i, s->want);
    }

    if (s->want == NGX_ESS_WANT_LISTED) {
        ck->nwant++;
    }
}


static void
ngx_ess_shm_check_pairs(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i)
{
    u_char                 procs[NGX_ESS_PROCS];
    ngx_uint_t             n, used, all;
    ngx_ess_seg_t          e;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_ext_t     *ext;
    ngx_ess_shm_stream_t  *s;

    sh = ck->sh;
    s = ngx_ess_shm_stream(sh, i);
    all = 0;

    ngx_memzero(procs, sizeof(procs));

    for (n = 0; n < NGX_ESS_SHM_PAIRS; n++) {
        all += ngx_ess_shm_check_pair(ck, i, &s->pairs[n], procs);
    }

    for (e = s->ext; e; e = ext->link) {

        if (ngx_ess_shm_check_claim(ck, e, NGX_ESS_CHECK_PAIRS) != NGX_OK) {
            return;
        }

        ck->nstatic++;

        ext = ngx_ess_shm_ext(sh, e);
        used = 0;

        for (n = 0; n < NGX_ESS_SHM_EXT_PAIRS; n++) {
            used += ngx_ess_shm_check_pair(ck, i, &ext->pairs[n], procs);
        }

        if (used == 0) {
            ngx_ess_shm_check_fault(ck, "a segment of no pairs", i, e);
        }

        all += used;
    }

    if (s->first_subscriber > s->last_subscriber) {
        ngx_ess_shm_check_fault(ck, "first subscriber", i,
                                s->first_subscriber);
    }

    if (all == 0 && s->state == NGX_ESS_STREAM_CLOSED) {
        ngx_ess_shm_check_fault(ck, "a closed stream of nobody", i, s->id);
    }
}


static ngx_uint_t
ngx_ess_shm_check_pair(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_shm_pair_t *pair, u_char *procs)
{
    uint32_t  p;

    if (pair->count == 0) {
        if (pair->proc) {
            ngx_ess_shm_check_fault(ck, "an unused pair", i, pair->proc);
        }

        return 0;
    }

    p = ngx_ess_shm_pair_proc(pair);

    if (p >= ck->sh->geo.nprocs || procs[p]) {
        ngx_ess_shm_check_fault(ck, "process slot of a pair", i, pair->proc);
        return 1;
    }

    procs[p] = 1;
    ck->npairs[p]++;

    if (pair->proc & NGX_ESS_PAIR_DIRTY) {
        ck->ndirty[p]++;
    }

    return 1;
}


static void
ngx_ess_shm_check_log(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i)
{
    uint32_t               count, events;
    uint64_t               bytes, ordinal, seq;
    ngx_uint_t             own;
    ngx_ess_seg_t          rec, prev;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_record_t  *r;
    ngx_ess_shm_stream_t  *s;
    ngx_ess_record_type_e  type;

    sh = ck->sh;
    s = ngx_ess_shm_stream(sh, i);

    count = 0;
    events = 0;
    bytes = 0;
    prev = 0;
    seq = s->next_seq - s->count;
    ordinal = 0;

    for (rec = s->head; rec; rec = r->next) {

        if (ngx_ess_shm_check_claim(ck, rec, NGX_ESS_CHECK_RECORD) != NGX_OK) {
            return;
        }

        r = ngx_ess_shm_record(sh, rec);

        count++;

        type = ngx_ess_shm_record_type(r);

        /* they go up, with holes; POISON has one of its own where they are the
           broker's */

        own = (type == NGX_ESS_RECORD_EVENT
               || (type == NGX_ESS_RECORD_POISON && s->kind.follows));

        ordinal = ngx_max(r->ordinal, ordinal + own);

        if (type == NGX_ESS_RECORD_EVENT) {
            events++;
            bytes += r->len;
        }

        if (r->prev != prev || r->stream != i) {
            ngx_ess_shm_check_fault(ck, "link of a record", rec, r->prev);
        }

        if (ngx_ess_shm_seq(s, r) != seq || r->ordinal != ordinal) {
            ngx_ess_shm_check_fault(ck, "number of a record", rec, r->seq);
        }

        seq++;
        prev = rec;

        ngx_ess_shm_check_record(ck, rec);
        ngx_ess_shm_check_range(ck, s, r);
    }

    ck->nrecords += count;

    if (s->tail != prev) {
        ngx_ess_shm_check_fault(ck, "end of a log", i, s->tail);
    }

    if (s->count != count || s->events != events || s->bytes != bytes) {
        ngx_ess_shm_check_fault(ck, "counts of a log", i, count);
    }

    if (seq != s->next_seq
        || ordinal > s->next_ordinal - 1
        || (ordinal < s->next_ordinal - 1 && s->kind.follows && count))
    {
        ngx_ess_shm_check_fault(ck, "next number of a log", i, s->next_seq);
    }
}


/* Each range that a record's own consists of is covered, and what is before it
   is the right one, unless it is gone. */

static void
ngx_ess_shm_check_range(ngx_ess_shm_check_t *ck, ngx_ess_shm_stream_t *s,
    ngx_ess_shm_record_t *r)
{
    uint64_t               seq, first, before;
    ngx_ess_seg_t          i;
    ngx_ess_shm_record_t  *p;

    first = s->next_seq - s->count;
    seq = ngx_ess_shm_seq(s, r);
    before = seq & (seq - 1);

    i = r->prev;

    for (seq--; seq > before && seq >= first; seq &= seq - 1) {

        if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_RECORD)) {
            ngx_ess_shm_check_fault(ck, "range of a record", seq, i);
            return;
        }

        p = ngx_ess_shm_record(ck->sh, i);

        if (!ngx_ess_log_search_covers(r, p)) {
            ngx_ess_shm_check_fault(ck, "timestamps of a range", seq,
                                    r->timestamp);
        }

        i = p->before;
    }

    if (seq >= first && i != r->before) {
        ngx_ess_shm_check_fault(ck, "what is before a range", seq, r->before);
    }
}


static void
ngx_ess_shm_check_record(ngx_ess_shm_check_t *ck, ngx_ess_seg_t i)
{
    uint32_t               n;
    ngx_ess_seg_t          seg, last;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_record_t  *r;

    sh = ck->sh;
    r = ngx_ess_shm_record(sh, i);
    last = i;
    n = 1;

    if (ngx_ess_shm_record_type(r) > NGX_ESS_RECORD_GONE
        || (ngx_ess_shm_record_type(r) != NGX_ESS_RECORD_EVENT && r->len))
    {
        ngx_ess_shm_check_fault(ck, "type of a record", i, r->type);
    }

    for (seg = r->link; seg; seg = *ngx_ess_shm_link(sh, seg)) {

        if (ngx_ess_shm_check_claim(ck, seg, NGX_ESS_CHECK_BODY) != NGX_OK) {
            return;
        }

        last = seg;
        n++;
    }

    if (n != ngx_ess_shm_record_segs(r->len) || r->last != last) {
        ngx_ess_shm_check_fault(ck, "length of a record", i, n);
    }
}


/* by id and by uuid */

static void
ngx_ess_shm_check_chains(ngx_ess_shm_check_t *ck)
{
    uint32_t               n, ids, uuids;
    ngx_ess_seg_t          i;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;

    sh = ck->sh;
    ids = 0;
    uuids = 0;

    for (n = 0; n < sh->geo.nbuckets; n++) {

        for (i = *ngx_ess_shm_bucket(sh, ids, n); i; i = s->id_next) {
            s = ngx_ess_shm_stream(sh, i);

            if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || (s->id & (sh->geo.nbuckets - 1)) != n
                || ids++ > sh->nstreams)
            {
                ngx_ess_shm_check_fault(ck, "chain of ids", n, i);
                break;
            }
        }

        for (i = *ngx_ess_shm_bucket(sh, uuids, n); i; i = s->uuid_next) {
            s = ngx_ess_shm_stream(sh, i);

            if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || (ngx_ess_stream_uuid_hash(s->uuid)
                    & (sh->geo.nbuckets - 1)) != n
                || uuids++ > sh->nstreams)
            {
                ngx_ess_shm_check_fault(ck, "chain of uuids", n, i);
                break;
            }
        }
    }

    if (ids != sh->nstreams || uuids != sh->nstreams) {
        ngx_ess_shm_check_fault(ck, "streams in chains", ids, uuids);
    }
}


/* The rings by routing key, each from its first to its last. */

static void
ngx_ess_shm_check_keys(ngx_ess_shm_check_t *ck)
{
    u_char                *p;
    uint32_t               n, all;
    uint64_t               id;
    ngx_str_t              key;
    ngx_ess_seg_t          i, prev, tail;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;
    u_char                 buf[NGX_ESS_MAX_KEY];

    sh = ck->sh;
    all = 0;

    for (n = 0; n < sh->geo.nbuckets; n++) {

        tail = *ngx_ess_shm_bucket(sh, keys, n);
        prev = tail;
        id = 0;

        for (i = tail; i; prev = i) {
            if (!ngx_ess_shm_check_is(ck, prev, NGX_ESS_CHECK_STREAM)) {
                ngx_ess_shm_check_fault(ck, "ring of keys", n, prev);
                break;
            }

            i = ngx_ess_shm_stream(sh, prev)->key_next;

            if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || all++ > sh->nstreams)
            {
                ngx_ess_shm_check_fault(ck, "ring of keys", n, i);
                break;
            }

            s = ngx_ess_shm_stream(sh, i);

            if (s->key_prev != prev || s->id <= id || !ngx_ess_stream_keyed(s))
            {
                ngx_ess_shm_check_fault(ck, "order in a ring of keys", n, i);
            }

            id = s->id;

            p = ngx_cpymem(buf, s->key, ngx_min(s->key_len, NGX_ESS_SHM_KEY));

            if (s->key_len > NGX_ESS_SHM_KEY) {
                ngx_memcpy(p, (u_char *) ngx_ess_shm_seg(sh, s->link)
                              + NGX_ESS_SHM_LINK,
                           ngx_min(s->key_len, NGX_ESS_MAX_KEY)
                           - NGX_ESS_SHM_KEY);
            }

            key.len = ngx_min(s->key_len, NGX_ESS_MAX_KEY);
            key.data = buf;

            if (ngx_ess_stream_key_hash(&key) != s->key_hash
                || ngx_ess_shm_key_bucket(sh, s->key_hash)
                   != ngx_ess_shm_bucket(sh, keys, n))
            {
                ngx_ess_shm_check_fault(ck, "hash of a key", n, i);
            }

            if (i == tail) {
                break;
            }
        }
    }

    if (all != ck->nkeyed) {
        ngx_ess_shm_check_fault(ck, "streams in rings of keys", ck->nkeyed,
                                all);
    }
}


/* those half-made, and those in need of ordinals */

static void
ngx_ess_shm_check_lists(ngx_ess_shm_check_t *ck)
{
    uint32_t               n;
    ngx_ess_seg_t          i, prev;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;

    sh = ck->sh;
    n = 0;
    prev = 0;

    for (i = sh->pending; i; i = s->pending_next) {
        s = ngx_ess_shm_stream(sh, i);

        if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_STREAM)
            || (s->state != NGX_ESS_STREAM_CREATING
                && s->state != NGX_ESS_STREAM_DELETING)
            || s->pending_prev != prev
            || n++ > sh->nstreams)
        {
            ngx_ess_shm_check_fault(ck, "list of half-made streams", n, i);
            break;
        }

        prev = i;
    }

    if (n != ck->npending) {
        ngx_ess_shm_check_fault(ck, "count of half-made streams",
                                ck->npending, n);
    }

    n = 0;
    prev = 0;

    for (i = sh->want; i; i = s->want_next) {
        s = ngx_ess_shm_stream(sh, i);

        if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_STREAM)
            || s->want != NGX_ESS_WANT_LISTED
            || s->want_prev != prev
            || n++ > sh->nstreams)
        {
            ngx_ess_shm_check_fault(ck, "list of wanted ordinals", n, i);
            break;
        }

        prev = i;
    }

    if (n != ck->nwant) {
        ngx_ess_shm_check_fault(ck, "count of wanted ordinals", ck->nwant, n);
    }
}


/* All records, and those of one stream in the same order as there. */

static void
ngx_ess_shm_check_age(ngx_ess_shm_check_t *ck)
{
    uint32_t               n;
    ngx_ess_seg_t          i, prev;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_record_t  *r;

    sh = ck->sh;
    n = 0;
    prev = 0;

    for (i = sh->age_head; i; i = r->age_next) {

        if (!ngx_ess_shm_check_is(ck, i, NGX_ESS_CHECK_RECORD)) {
            ngx_ess_shm_check_fault(ck, "list by age", n, i);
            return;
        }

        ck->seen[i] = NGX_ESS_CHECK_AGED;

        r = ngx_ess_shm_record(sh, i);

        if (r->age_prev != prev) {
            ngx_ess_shm_check_fault(ck, "list by age, backwards", i,
                                    r->age_prev);
        }

        if (r->prev && !ngx_ess_shm_check_is(ck, r->prev, NGX_ESS_CHECK_AGED))
        {
            ngx_ess_shm_check_fault(ck, "order in the list by age", i,
                                    r->prev);
        }

        prev = i;
        n++;
    }

    if (sh->age_tail != prev) {
        ngx_ess_shm_check_fault(ck, "end of the list by age", prev,
                                sh->age_tail);
    }

    if (n != ck->nrecords) {
        ngx_ess_shm_check_fault(ck, "count in the list by age", ck->nrecords,
                                n);
    }
}


/* As many entries in a dirty list as pairs are marked, and each of such a
   pair, and none twice: then it is the same set. */

static void
ngx_ess_shm_check_procs(ngx_ess_shm_check_t *ck)
{
    uint32_t             n, m;
    ngx_uint_t           p, i;
    ngx_ess_seg_t        ext;
    ngx_ess_shm_t       *sh;
    ngx_ess_shm_pair_t  *pair;
    ngx_ess_shm_proc_t  *proc;

    sh = ck->sh;

    for (p = 0; p < sh->geo.nprocs; p++) {
        proc = ngx_ess_shm_proc(sh, p);

        if (proc->npairs != ck->npairs[p]) {
            ngx_ess_shm_check_fault(ck, "count of a process's pairs",
                                    proc->npairs, ck->npairs[p]);
        }

        if (proc->ndirty != ck->ndirty[p] || proc->ndirty > NGX_ESS_DIRTY) {
            ngx_ess_shm_check_fault(ck, "count of a process's dirty streams",
                                    proc->ndirty, ck->ndirty[p]);
            continue;
        }

        for (n = 0; n < proc->ndirty; n++) {

            if (!ngx_ess_shm_check_is(ck, proc->dirty[n],
                                      NGX_ESS_CHECK_STREAM))
            {
                ngx_ess_shm_check_fault(ck, "a dirty stream is none", p,
                                        proc->dirty[n]);
                continue;
            }

            for (m = 0; m < n && proc->dirty[m] != proc->dirty[n]; m++) {
                /* void */
            }

            for (pair = ngx_ess_notify_pair_locked(sh,
                            ngx_ess_shm_stream(sh, proc->dirty[n]), NULL, &ext);
                 pair && (ngx_ess_shm_pair_proc(pair) != p
                          || !(pair->proc & NGX_ESS_PAIR_DIRTY));
                 pair = ngx_ess_notify_pair_locked(sh,
                            ngx_ess_shm_stream(sh, proc->dirty[n]), pair, &ext))
            {
                /* void */
            }

            if (m != n || pair == NULL) {
                ngx_ess_shm_check_fault(ck, "a dirty stream of another", p,
                                        proc->dirty[n]);
            }
        }
    }

    for (i = 0; i < NGX_ESS_SHM_MARKS; i++) {
        if (sh->marks[i].proc > sh->geo.nprocs) {
            ngx_ess_shm_check_fault(ck, "a mark of unbinding", i,
                                    sh->marks[i].proc);
        }
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (sh->slots[i].acked > sh->slots[i].appended
            || sh->slots[i].settled > sh->slots[i].acked)
        {
            ngx_ess_shm_check_fault(ck, "an acknowledgement", i,
                                    sh->slots[i].acked);
        }
    }
}
