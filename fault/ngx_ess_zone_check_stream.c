
/*
 * The checker: streams, each with its pairs and its log.
 */


#include "ngx_ess_attr.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_ordinal.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_check.h"
#include "ngx_ess_zone_layout.h"


static void ngx_ess_zone_check_stream(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t i);
static void ngx_ess_zone_check_attr(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t i, ngx_ess_seg_t seg);
static void ngx_ess_zone_check_pairs(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t i);
static ngx_uint_t ngx_ess_zone_check_pair(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t i, ngx_ess_pair_t *pair, u_char *procs);
static void ngx_ess_zone_check_log(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i);
static void ngx_ess_zone_check_range(ngx_ess_zone_check_t *ck,
    ngx_ess_stream_t *s, ngx_ess_zone_record_t *r);
static void ngx_ess_zone_check_record(ngx_ess_zone_check_t *ck,
    ngx_ess_seg_t i);


void
ngx_ess_zone_check_streams(ngx_ess_zone_check_t *ck)
{
    uint64_t            id;
    ngx_ess_seg_t       i, prev;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    id = 0;
    prev = 0;

    for (i = sh->streams_head; i; i = s->next) {

        if (ngx_ess_zone_check_claim(ck, i, NGX_ESS_CHECK_STREAM) != NGX_OK) {
            return;
        }

        s = ngx_ess_zone_stream(sh, i);

        if (s->prev != prev) {
            ngx_ess_zone_check_fault(ck, "list of streams, backwards", i,
                                     s->prev);
        }

        if (s->id <= id || s->id >= sh->next_id) {
            ngx_ess_zone_check_fault(ck, "list of streams, id", i, s->id);
        }

        id = s->id;
        prev = i;

        ck->nstreams++;

        ngx_ess_zone_check_stream(ck, i);
        ngx_ess_zone_check_pairs(ck, i);
        ngx_ess_zone_check_log(ck, i);
    }

    if (sh->streams_tail != prev) {
        ngx_ess_zone_check_fault(ck, "list of streams, end", prev,
                                 sh->streams_tail);
    }

    if (ck->nstreams != sh->nstreams) {
        ngx_ess_zone_check_fault(ck, "count of streams", sh->nstreams,
                                 ck->nstreams);
    }

    if (ck->nstatic != sh->nstatic) {
        ngx_ess_zone_check_fault(ck, "count of segments of streams",
                                 sh->nstatic, ck->nstatic);
    }
}


static void
ngx_ess_zone_check_stream(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i)
{
    ngx_ess_seg_t       seg;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    s = ngx_ess_zone_stream(sh, i);

    ck->nstatic++;
    ck->nkeyed += ngx_ess_lookup_keyed(s);

    seg = s->link;

    if (s->key_len > NGX_ESS_STREAM_KEY) {
        ck->nstatic++;

        if (ngx_ess_zone_check_claim(ck, seg, NGX_ESS_CHECK_KEY) == NGX_OK) {
            seg = *ngx_ess_zone_link(sh, seg);

        } else {
            seg = 0;
        }
    }

    if ((seg != 0) != (s->kind.attr != 0)) {
        ngx_ess_zone_check_fault(ck, "end of a key", i, seg);

    } else if (seg) {
        ngx_ess_zone_check_attr(ck, i, seg);
    }

    if (s->key_len == 0 || s->key_len > NGX_ESS_MAX_KEY) {
        ngx_ess_zone_check_fault(ck, "length of a key", i, s->key_len);
    }

    if (s->state < NGX_ESS_STREAM_CREATING
        || s->state > NGX_ESS_STREAM_CLOSED)
    {
        ngx_ess_zone_check_fault(ck, "state of a stream", i, s->state);
    }

    if (s->state == NGX_ESS_STREAM_CREATING
        || s->state == NGX_ESS_STREAM_DELETING)
    {
        ck->npending++;
    }

    if (s->want > NGX_ESS_WANT_TOLD) {
        ngx_ess_zone_check_fault(ck, "want of a stream", i, s->want);
    }

    if (s->want == NGX_ESS_WANT_LISTED) {
        ck->nwant++;
    }
}


static void
ngx_ess_zone_check_attr(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_seg_t seg)
{
    ngx_ess_attr_t         *attr;
    ngx_ess_stream_t       *s;
    ngx_ess_stream_info_t   info;

    if (ngx_ess_zone_check_claim(ck, seg, NGX_ESS_CHECK_ATTR) != NGX_OK) {
        return;
    }

    s = ngx_ess_zone_stream(ck->sh, i);
    attr = ngx_ess_zone_attr(ck->sh, seg);

    ck->nstatic++;

    if (attr->stream != i
        || attr->name_len > NGX_ESS_MAX_NAME
        || attr->rule_len > NGX_ESS_MAX_RULE)
    {
        ngx_ess_zone_check_fault(ck, "attributes of a stream", i, seg);
        return;
    }

    if (attr->link) {
        ck->nstatic++;

        if (ngx_ess_zone_check_claim(ck, attr->link, NGX_ESS_CHECK_ATTR)
            == NGX_OK
            && *ngx_ess_zone_link(ck->sh, attr->link) != 0)
        {
            ngx_ess_zone_check_fault(ck, "end of attributes", i, attr->link);
        }
    }

    ngx_ess_attr_info_locked(ck->sh, s, &info);

    if (ngx_ess_attr_segs(&info) != (attr->link ? 2 : 1)
        || ngx_ess_attr_bits(&info) != s->kind.attr
        || ngx_ess_attr_hash(ck->sh, info.name, info.name_len)
           != attr->name_hash)
    {
        ngx_ess_zone_check_fault(ck, "attributes of a stream", i,
                                 s->kind.attr);
    }

    if (s->state != NGX_ESS_STREAM_CLOSED) {
        ck->nnamed += (attr->name_len != 0);
        ck->naged += (attr->log_age != 0);
        ck->ncreated += (info.created != 0);
        ck->ndeclared += (info.declared != 0);
    }
}


static void
ngx_ess_zone_check_pairs(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i)
{
    u_char              procs[NGX_ESS_PROCS];
    ngx_uint_t          n, used, all;
    ngx_ess_seg_t       e;
    ngx_ess_pairs_t    *ext;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    s = ngx_ess_zone_stream(sh, i);
    all = 0;

    ngx_memzero(procs, sizeof(procs));

    for (n = 0; n < NGX_ESS_STREAM_PAIRS; n++) {
        all += ngx_ess_zone_check_pair(ck, i, &s->pairs[n], procs);
    }

    for (e = s->ext; e; e = ext->link) {

        if (ngx_ess_zone_check_claim(ck, e, NGX_ESS_CHECK_PAIRS) != NGX_OK) {
            return;
        }

        ck->nstatic++;

        ext = ngx_ess_zone_ext(sh, e);
        used = 0;

        for (n = 0; n < NGX_ESS_PAIRS_MORE; n++) {
            used += ngx_ess_zone_check_pair(ck, i, &ext->pairs[n], procs);
        }

        if (used == 0) {
            ngx_ess_zone_check_fault(ck, "a segment of no pairs", i, e);
        }

        all += used;
    }

    if (s->first_subscriber > s->last_subscriber) {
        ngx_ess_zone_check_fault(ck, "first subscriber", i,
                                 s->first_subscriber);
    }

    if (all == 0 && s->state == NGX_ESS_STREAM_CLOSED) {
        ngx_ess_zone_check_fault(ck, "a closed stream of nobody", i, s->id);
    }
}


static ngx_uint_t
ngx_ess_zone_check_pair(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_pair_t *pair, u_char *procs)
{
    uint32_t  p;

    if (pair->count == 0) {
        if (pair->proc) {
            ngx_ess_zone_check_fault(ck, "an unused pair", i, pair->proc);
        }

        return 0;
    }

    p = ngx_ess_pair_proc(pair);

    if (p >= ck->sh->geo.nprocs || procs[p]) {
        ngx_ess_zone_check_fault(ck, "process slot of a pair", i, pair->proc);
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
ngx_ess_zone_check_log(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i)
{
    uint32_t                count, events;
    uint64_t                bytes, ordinal, seq;
    ngx_uint_t              own;
    ngx_ess_seg_t           rec, prev;
    ngx_ess_stream_t       *s;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;
    ngx_ess_record_type_e   type;

    sh = ck->sh;
    s = ngx_ess_zone_stream(sh, i);

    count = 0;
    events = 0;
    bytes = 0;
    prev = 0;
    seq = s->next_seq - s->count;
    ordinal = 0;

    for (rec = s->head; rec; rec = r->next) {

        if (ngx_ess_zone_check_claim(ck, rec, NGX_ESS_CHECK_RECORD) != NGX_OK) {
            return;
        }

        r = ngx_ess_zone_record(sh, rec);

        count++;

        type = ngx_ess_zone_record_type(r);

        /* they go up, with holes; POISON has one of its own where they are the
           broker's */

        own = (type == NGX_ESS_RECORD_EVENT
               || (type == NGX_ESS_RECORD_POISON && s->kind.follows));

        if (ngx_ess_zone_after(r) < ordinal
            || ngx_ess_zone_after(r) + own > r->ordinal)
        {
            ngx_ess_zone_check_fault(ck, "last event before a record", rec,
                                     ngx_ess_zone_after(r));
        }

        ordinal = ngx_max(r->ordinal, ordinal + own);

        if (type == NGX_ESS_RECORD_EVENT) {
            events++;
            bytes += r->len;
        }

        if (r->prev != prev || r->stream != i) {
            ngx_ess_zone_check_fault(ck, "link of a record", rec, r->prev);
        }

        if (ngx_ess_zone_seq(s, r) != seq || r->ordinal != ordinal) {
            ngx_ess_zone_check_fault(ck, "number of a record", rec, r->seq);
        }

        seq++;
        prev = rec;

        ngx_ess_zone_check_record(ck, rec);
        ngx_ess_zone_check_range(ck, s, r);
    }

    ck->nrecords += count;

    if (s->tail != prev) {
        ngx_ess_zone_check_fault(ck, "end of a log", i, s->tail);
    }

    if (s->count != count || s->events != events || s->bytes != bytes) {
        ngx_ess_zone_check_fault(ck, "counts of a log", i, count);
    }

    if (seq != s->next_seq
        || ordinal > s->next_ordinal - 1
        || (ordinal < s->next_ordinal - 1 && s->kind.follows && count))
    {
        ngx_ess_zone_check_fault(ck, "next number of a log", i, s->next_seq);
    }
}


/* Each range that a record's own consists of is covered, and what is before it
   is the right one, unless it is gone. */

static void
ngx_ess_zone_check_range(ngx_ess_zone_check_t *ck, ngx_ess_stream_t *s,
    ngx_ess_zone_record_t *r)
{
    uint64_t                seq, first, before;
    ngx_ess_seg_t           i;
    ngx_ess_zone_record_t  *p;

    first = s->next_seq - s->count;
    seq = ngx_ess_zone_seq(s, r);
    before = seq & (seq - 1);

    i = r->prev;

    for (seq--; seq > before && seq >= first; seq &= seq - 1) {

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_RECORD)) {
            ngx_ess_zone_check_fault(ck, "range of a record", seq, i);
            return;
        }

        p = ngx_ess_zone_record(ck->sh, i);

        if (!ngx_ess_log_search_covers(r, p)) {
            ngx_ess_zone_check_fault(ck, "timestamps of a range", seq,
                                     r->timestamp);
        }

        i = p->before;
    }

    if (seq >= first && i != r->before) {
        ngx_ess_zone_check_fault(ck, "what is before a range", seq, r->before);
    }
}


static void
ngx_ess_zone_check_record(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i)
{
    uint32_t                n;
    ngx_ess_seg_t           seg, last;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    sh = ck->sh;
    r = ngx_ess_zone_record(sh, i);
    last = i;
    n = 1;

    if (ngx_ess_zone_record_type(r) > NGX_ESS_RECORD_LOSS
        || (ngx_ess_zone_record_type(r) != NGX_ESS_RECORD_EVENT && r->len))
    {
        ngx_ess_zone_check_fault(ck, "type of a record", i, r->type);
    }

    for (seg = r->link; seg; seg = *ngx_ess_zone_link(sh, seg)) {

        if (ngx_ess_zone_check_claim(ck, seg, NGX_ESS_CHECK_BODY) != NGX_OK) {
            return;
        }

        last = seg;
        n++;
    }

    if (n != ngx_ess_zone_record_segs(r->len + ngx_ess_zone_record_head(r))
        || r->last != last)
    {
        ngx_ess_zone_check_fault(ck, "length of a record", i, n);
    }
}
