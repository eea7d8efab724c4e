
/*
 * The checker: what is no stream's own.  That is the free list, hash chains and
 * rings, the list of all records, and the process slots.  Runs in whatever
 * process a test asks.
 */


#include "ngx_ess_zone_check.h"
#include "ngx_ess_attr.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_ordinal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


static void ngx_ess_zone_check_free(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_chains(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_keys(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_names(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_lists(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_aged(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_age(ngx_ess_zone_check_t *ck);
static void ngx_ess_zone_check_procs(ngx_ess_zone_check_t *ck);


ngx_uint_t
ngx_ess_zone_check(ngx_ess_zone_t *zone, ngx_log_t *log)
{
    ngx_uint_t  faults;

    ngx_ess_zone_lock(zone);

    faults = ngx_ess_zone_check_locked(zone->sh, log);

    ngx_ess_zone_unlock(zone);

    return faults;
}


void
ngx_ess_zone_check_all(ngx_ess_zone_t *zone, ngx_log_t *log)
{
    if (ngx_ess_zone_check(zone, log) == 0) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "ess zone check: ok");
    }
}


ngx_uint_t
ngx_ess_zone_check_locked(ngx_ess_zone_sh_t *sh, ngx_log_t *log)
{
    uint32_t              i;
    ngx_ess_zone_check_t  ck;

    ngx_memzero(&ck, sizeof(ngx_ess_zone_check_t));

    ck.sh = sh;
    ck.log = log;

    ck.seen = ngx_calloc(sh->geo.nsegs, log);
    if (ck.seen == NULL) {
        return 1;
    }

    if (sh->undo) {
        ngx_ess_zone_check_fault(&ck, "the journal is not empty", 0, sh->undo);
    }

    if (sh->overflows) {
        ngx_ess_zone_check_fault(&ck, "the journal was too short", 0,
                                 sh->overflows);
    }

    if (sh->fresh == 0 || sh->fresh > sh->geo.nsegs) {
        ngx_ess_zone_check_fault(&ck, "wrong mark of what was never used", 0,
                                 sh->fresh);

    } else {
        ngx_ess_zone_check_free(&ck);
        ngx_ess_zone_check_idempotency(&ck);
        ngx_ess_zone_check_streams(&ck);
        ngx_ess_zone_check_chains(&ck);
        ngx_ess_zone_check_keys(&ck);
        ngx_ess_zone_check_names(&ck);
        ngx_ess_zone_check_lists(&ck);
        ngx_ess_zone_check_aged(&ck);
        ngx_ess_zone_check_age(&ck);
        ngx_ess_zone_check_procs(&ck);

        for (i = 1; i < sh->fresh; i++) {
            if (ck.seen[i] == NGX_ESS_CHECK_LOST) {
                ngx_ess_zone_check_fault(&ck, "a segment is nowhere", i, 0);
            }
        }
    }

    ngx_free(ck.seen);

    return ck.faults;
}


static void
ngx_ess_zone_check_free(ngx_ess_zone_check_t *ck)
{
    uint32_t            n;
    ngx_ess_seg_t       i;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    n = sh->geo.nsegs - sh->fresh;

    for (i = sh->free; i; i = *ngx_ess_zone_link(sh, i)) {
        if (ngx_ess_zone_check_claim(ck, i, NGX_ESS_CHECK_FREE) != NGX_OK) {
            return;
        }

        n++;
    }

    if (n != sh->nfree) {
        ngx_ess_zone_check_fault(ck, "count of free segments", sh->nfree, n);
    }
}


/* by id and by uuid */

static void
ngx_ess_zone_check_chains(ngx_ess_zone_check_t *ck)
{
    uint32_t            n, ids, uuids;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    ids = 0;
    uuids = 0;

    for (n = 0; n < sh->geo.nbuckets; n++) {

        for (i = *ngx_ess_zone_bucket(sh, ids, n); i; i = s->id_next) {
            s = ngx_ess_zone_stream(sh, i);

            if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || (s->id & (sh->geo.nbuckets - 1)) != n
                || ids++ > sh->nstreams)
            {
                ngx_ess_zone_check_fault(ck, "chain of ids", n, i);
                break;
            }
        }

        for (i = *ngx_ess_zone_bucket(sh, uuids, n); i; i = s->uuid_next) {
            s = ngx_ess_zone_stream(sh, i);

            if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || (ngx_ess_lookup_uuid_hash(s->uuid)
                    & (sh->geo.nbuckets - 1)) != n
                || uuids++ > sh->nstreams)
            {
                ngx_ess_zone_check_fault(ck, "chain of uuids", n, i);
                break;
            }
        }
    }

    if (ids != sh->nstreams || uuids != sh->nstreams) {
        ngx_ess_zone_check_fault(ck, "streams in chains", ids, uuids);
    }
}


/* The rings by routing key, each from its first to its last. */

static void
ngx_ess_zone_check_keys(ngx_ess_zone_check_t *ck)
{
    u_char             *p;
    uint32_t            n, all;
    uint64_t            id;
    ngx_str_t           key;
    ngx_ess_seg_t       i, prev, tail;
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_stream_t   *s;
    u_char              buf[NGX_ESS_MAX_KEY];

    sh = ck->sh;
    all = 0;

    for (n = 0; n < sh->geo.nbuckets; n++) {

        tail = *ngx_ess_zone_bucket(sh, keys, n);
        prev = tail;
        id = 0;

        for (i = tail; i; prev = i) {
            if (!ngx_ess_zone_check_is(ck, prev, NGX_ESS_CHECK_STREAM)) {
                ngx_ess_zone_check_fault(ck, "ring of keys", n, prev);
                break;
            }

            i = ngx_ess_zone_stream(sh, prev)->key_next;

            if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || all++ > sh->nstreams)
            {
                ngx_ess_zone_check_fault(ck, "ring of keys", n, i);
                break;
            }

            s = ngx_ess_zone_stream(sh, i);

            if (s->key_prev != prev || s->id <= id || !ngx_ess_lookup_keyed(s))
            {
                ngx_ess_zone_check_fault(ck, "order in a ring of keys", n, i);
            }

            id = s->id;

            p = ngx_cpymem(buf, s->key,
                           ngx_min(s->key_len, NGX_ESS_STREAM_KEY));

            if (s->key_len > NGX_ESS_STREAM_KEY) {
                ngx_memcpy(p, (u_char *) ngx_ess_zone_seg(sh, s->link)
                              + NGX_ESS_ZONE_LINK,
                           ngx_min(s->key_len, NGX_ESS_MAX_KEY)
                           - NGX_ESS_STREAM_KEY);
            }

            key.len = ngx_min(s->key_len, NGX_ESS_MAX_KEY);
            key.data = buf;

            if (ngx_ess_lookup_key_hash(&key) != s->key_hash
                || ngx_ess_zone_key_bucket(sh, s->key_hash)
                   != ngx_ess_zone_bucket(sh, keys, n))
            {
                ngx_ess_zone_check_fault(ck, "hash of a key", n, i);
            }

            if (i == tail) {
                break;
            }
        }
    }

    if (all != ck->nkeyed) {
        ngx_ess_zone_check_fault(ck, "streams in rings of keys", ck->nkeyed,
                                 all);
    }
}


static void
ngx_ess_zone_check_names(ngx_ess_zone_check_t *ck)
{
    uint32_t            n, all;
    ngx_ess_seg_t       i;
    ngx_ess_attr_t     *attr;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    all = 0;

    for (n = 0; n < sh->geo.nbuckets / NGX_ESS_NAMES_SHARE; n++) {

        for (i = *ngx_ess_zone_name_bucket(sh, n); i; i = attr->name_next) {

            if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
                || all++ > sh->nstreams)
            {
                ngx_ess_zone_check_fault(ck, "chain of names", n, i);
                break;
            }

            s = ngx_ess_zone_stream(sh, i);
            attr = ngx_ess_attr_locked(sh, s);

            if (attr == NULL || attr->name_len == 0
                || s->state == NGX_ESS_STREAM_CLOSED
                || ngx_ess_zone_name_bucket(sh, attr->name_hash)
                   != ngx_ess_zone_name_bucket(sh, n))
            {
                ngx_ess_zone_check_fault(ck, "chain of names", n, i);
                break;
            }
        }
    }

    if (all != ck->nnamed) {
        ngx_ess_zone_check_fault(ck, "streams in chains of names", ck->nnamed,
                                 all);
    }
}


/* Attributes with an age of their own. */

static void
ngx_ess_zone_check_aged(ngx_ess_zone_check_t *ck)
{
    uint32_t            n;
    ngx_ess_seg_t       i, prev;
    ngx_ess_attr_t     *attr;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    n = 0;
    prev = 0;

    for (i = sh->aged_head; i; i = attr->aged_next) {
        attr = ngx_ess_zone_attr(sh, i);

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_ATTR)
            || attr->log_age == 0
            || attr->aged_prev != prev
            || n++ > sh->nstreams)
        {
            ngx_ess_zone_check_fault(ck, "list of ages", n, i);
            break;
        }

        prev = i;
    }

    if (n != ck->naged || sh->aged_tail != prev) {
        ngx_ess_zone_check_fault(ck, "count of ages", ck->naged, n);
    }

    if (sh->ncreated != ck->ncreated) {
        ngx_ess_zone_check_fault(ck, "streams made on demand", ck->ncreated,
                                 sh->ncreated);
    }

    if (sh->ndeclared != ck->ndeclared) {
        ngx_ess_zone_check_fault(ck, "declared streams", ck->ndeclared,
                                 sh->ndeclared);
    }
}


/* those half-made, and those in need of ordinals */

static void
ngx_ess_zone_check_lists(ngx_ess_zone_check_t *ck)
{
    uint32_t            n;
    ngx_ess_seg_t       i, prev;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = ck->sh;
    n = 0;
    prev = 0;

    for (i = sh->pending; i; i = s->pending_next) {
        s = ngx_ess_zone_stream(sh, i);

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
            || (s->state != NGX_ESS_STREAM_CREATING
                && s->state != NGX_ESS_STREAM_DELETING)
            || s->pending_prev != prev
            || n++ > sh->nstreams)
        {
            ngx_ess_zone_check_fault(ck, "list of half-made streams", n, i);
            break;
        }

        prev = i;
    }

    if (n != ck->npending) {
        ngx_ess_zone_check_fault(ck, "count of half-made streams",
                                 ck->npending, n);
    }

    n = 0;
    prev = 0;

    for (i = sh->want; i; i = s->want_next) {
        s = ngx_ess_zone_stream(sh, i);

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_STREAM)
            || s->want != NGX_ESS_WANT_LISTED
            || s->want_prev != prev
            || n++ > sh->nstreams)
        {
            ngx_ess_zone_check_fault(ck, "list of wanted ordinals", n, i);
            break;
        }

        prev = i;
    }

    if (n != ck->nwant) {
        ngx_ess_zone_check_fault(ck, "count of wanted ordinals", ck->nwant, n);
    }
}


/* All records, and those of one stream in the same order as there. */

static void
ngx_ess_zone_check_age(ngx_ess_zone_check_t *ck)
{
    uint32_t                n;
    ngx_ess_seg_t           i, prev;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    sh = ck->sh;
    n = 0;
    prev = 0;

    for (i = sh->age_head; i; i = r->age_next) {

        if (!ngx_ess_zone_check_is(ck, i, NGX_ESS_CHECK_RECORD)) {
            ngx_ess_zone_check_fault(ck, "list by age", n, i);
            return;
        }

        ck->seen[i] = NGX_ESS_CHECK_AGED;

        r = ngx_ess_zone_record(sh, i);

        if (r->age_prev != prev) {
            ngx_ess_zone_check_fault(ck, "list by age, backwards", i,
                                     r->age_prev);
        }

        if (r->prev && !ngx_ess_zone_check_is(ck, r->prev, NGX_ESS_CHECK_AGED))
        {
            ngx_ess_zone_check_fault(ck, "order in the list by age", i,
                                     r->prev);
        }

        prev = i;
        n++;
    }

    if (sh->age_tail != prev) {
        ngx_ess_zone_check_fault(ck, "end of the list by age", prev,
                                 sh->age_tail);
    }

    if (sh->age_kept
        && !ngx_ess_zone_check_is(ck, sh->age_kept, NGX_ESS_CHECK_AGED))
    {
        ngx_ess_zone_check_fault(ck, "kept in the list by age", 0,
                                 sh->age_kept);
    }

    if (n != ck->nrecords) {
        ngx_ess_zone_check_fault(ck, "count in the list by age", ck->nrecords,
                                 n);
    }
}


/* As many entries in a dirty list as pairs are marked, and each of such a
   pair, and none twice: then it is the same set. */

static void
ngx_ess_zone_check_procs(ngx_ess_zone_check_t *ck)
{
    uint32_t            n, m;
    ngx_uint_t          p, i;
    ngx_ess_seg_t       ext;
    ngx_ess_pair_t     *pair;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_process_t  *proc;

    sh = ck->sh;

    for (p = 0; p < sh->geo.nprocs; p++) {
        proc = ngx_ess_zone_proc(sh, p);

        if (proc->npairs != ck->npairs[p]) {
            ngx_ess_zone_check_fault(ck, "count of a process's pairs",
                                     proc->npairs, ck->npairs[p]);
        }

        if (proc->ndirty != ck->ndirty[p] || proc->ndirty > NGX_ESS_DIRTY) {
            ngx_ess_zone_check_fault(ck, "count of a process's dirty streams",
                                     proc->ndirty, ck->ndirty[p]);
            continue;
        }

        for (n = 0; n < proc->ndirty; n++) {

            if (!ngx_ess_zone_check_is(ck, proc->dirty[n],
                                       NGX_ESS_CHECK_STREAM))
            {
                ngx_ess_zone_check_fault(ck, "a dirty stream is none", p,
                                         proc->dirty[n]);
                continue;
            }

            for (m = 0; m < n && proc->dirty[m] != proc->dirty[n]; m++) {
                /* void */
            }

            s = ngx_ess_zone_stream(sh, proc->dirty[n]);

            for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
                 pair && (ngx_ess_pair_proc(pair) != p
                          || !(pair->proc & NGX_ESS_PAIR_DIRTY));
                 pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
            {
                /* void */
            }

            if (m != n || pair == NULL) {
                ngx_ess_zone_check_fault(ck, "a dirty stream of another", p,
                                         proc->dirty[n]);
            }
        }
    }

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        if (sh->marks[i].proc > sh->geo.nprocs) {
            ngx_ess_zone_check_fault(ck, "a mark of unbinding", i,
                                     sh->marks[i].proc);
        }
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (sh->slots[i].acked > sh->slots[i].appended
            || sh->slots[i].settled > sh->slots[i].acked)
        {
            ngx_ess_zone_check_fault(ck, "an acknowledgement", i,
                                     sh->slots[i].acked);
        }
    }
}
