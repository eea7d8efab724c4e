
/*
 * Idempotency keys: entries in the zone, found by the first bytes of their
 * fingerprint, in one of two lists.  Runs in workers; all data is in the zone
 * and belongs to whoever holds its mutex.
 */


#include "ngx_ess_idempotency.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_log_room.h"


/* one segment of so many, at most */
#define NGX_ESS_IDEMPOTENCY_SHARE    32
#define NGX_ESS_IDEMPOTENCY_MIN      16
#define NGX_ESS_IDEMPOTENCY_MAX      65536

/* entries of one bucket: whoever chose keys for it gets no more */
#define NGX_ESS_IDEMPOTENCY_LOOK     256

/* those whose time is over that go with each new one */
#define NGX_ESS_IDEMPOTENCY_EXPIRE   4


static ngx_int_t ngx_ess_idempotency_known_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);
static ngx_int_t ngx_ess_idempotency_room_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx, uint32_t segs);
static void ngx_ess_idempotency_add_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);
static ngx_ess_seg_t ngx_ess_idempotency_find_locked(ngx_ess_zone_sh_t *sh,
    u_char *key, ngx_ess_seg_t *oldest);
static ngx_ess_seg_t ngx_ess_idempotency_mine_locked(ngx_ess_zone_t *zone,
    u_char *key);
static ngx_uint_t ngx_ess_idempotency_over_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_idempotency_entry_t *e);
static void ngx_ess_idempotency_expire_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t *head, ngx_uint_t max);
static void ngx_ess_idempotency_remove_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);
static void ngx_ess_idempotency_free_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);


ngx_int_t
ngx_ess_idempotency_begin(ngx_ess_zone_t *zone, ngx_ess_idempotency_t *ctx)
{
    uint32_t            segs;
    ngx_int_t           rc;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    ngx_ess_idempotency_expire_locked(sh, &sh->finished_head,
                                      NGX_ESS_IDEMPOTENCY_EXPIRE);

    rc = ngx_ess_idempotency_known_locked(zone, ctx);

    if (rc == NGX_OK) {
        segs = 1 + (*ngx_ess_zone_idempotency_table(sh, ctx->key) == 0);

        rc = ngx_ess_idempotency_room_locked(zone, ctx, segs);

        if (rc == NGX_OK) {
            ngx_ess_idempotency_add_locked(zone, ctx);
            ngx_ess_journal_commit_locked(sh);
        }
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


/* NGX_OK: there is none (any more). */

static ngx_int_t
ngx_ess_idempotency_known_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx)
{
    ngx_ess_seg_t                 i;
    ngx_ess_zone_sh_t            *sh;
    ngx_ess_idempotency_entry_t  *e;

    sh = zone->sh;

    i = ngx_ess_idempotency_find_locked(sh, ctx->key, NULL);
    if (i == 0) {
        return NGX_OK;
    }

    e = ngx_ess_zone_idempotency(sh, i);

    if (ngx_ess_idempotency_over_locked(sh, e)) {
        ngx_ess_idempotency_remove_locked(sh, i);
        ngx_ess_journal_commit_locked(sh);

        return NGX_OK;
    }

    if (ngx_memcmp(e->request, ctx->request, NGX_ESS_IDEMPOTENCY_PRINT) != 0) {
        return NGX_DECLINED;
    }

    if (!e->finished) {
        return NGX_BUSY;
    }

    ctx->accepted = e->accepted;
    ctx->len = ngx_min(e->len, NGX_ESS_IDEMPOTENCY_ANSWER);
    ngx_memcpy(ctx->answer, e->answer, ctx->len);

    return NGX_DONE;
}


/* For one more, whose bucket may take "segs" segments.  NGX_OK or NGX_ABORT;
   the journal is empty. */

static ngx_int_t
ngx_ess_idempotency_room_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx, uint32_t segs)
{
    ngx_ess_seg_t       oldest;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    (void) ngx_ess_idempotency_find_locked(sh, ctx->key, &oldest);

    if (oldest == 0) {

        if (sh->nidempotency < ngx_ess_idempotency_max(zone)
            && ngx_ess_log_room_make_locked(zone, segs) == NGX_OK)
        {
            return NGX_OK;
        }

        oldest = sh->finished_head;
    }

    if (oldest == 0
        || !ngx_ess_zone_idempotency(sh, oldest)->finished)
    {
        return NGX_ABORT;
    }

    ngx_ess_idempotency_remove_locked(sh, oldest);
    ngx_ess_journal_commit_locked(sh);

    ngx_ess_counter_add(zone, NGX_ESS_C_IDEMPOTENCY_EVICTED, 1);

    /* with the last one the tables went */

    segs = 1 + (*ngx_ess_zone_idempotency_table(sh, ctx->key) == 0);

    return (ngx_ess_log_room_make_locked(zone, segs) == NGX_OK) ? NGX_OK
                                                                : NGX_ABORT;
}


/* There is room for it. */

static void
ngx_ess_idempotency_add_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx)
{
    ngx_ess_seg_t                 i, last;
    ngx_ess_seg_t                *table, *bucket;
    ngx_ess_zone_sh_t            *sh;
    ngx_ess_idempotency_entry_t  *e;

    sh = zone->sh;
    table = ngx_ess_zone_idempotency_table(sh, ctx->key);

    if (*table == 0) {
        i = ngx_ess_zone_take_locked(sh, 1, &last);

        ngx_ess_zone_fault();
        ngx_memzero(ngx_ess_zone_rest(sh, i), NGX_ESS_ZONE_REST);

        ngx_ess_journal_set32_locked(sh, table, i);
        ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic + 1);
    }

    bucket = ngx_ess_zone_idempotency_bucket(sh, *table, ctx->key);

    i = ngx_ess_zone_take_locked(sh, 1, &last);
    e = ngx_ess_zone_idempotency(sh, i);

    ngx_ess_zone_fault();

    ngx_memzero(ngx_ess_zone_rest(sh, i), NGX_ESS_ZONE_REST);

    e->next = *bucket;
    e->list_prev = sh->underway_tail;
    e->owner = zone->proc;
    e->incarnation = ngx_ess_zone_life(zone);

    ngx_memcpy(e->key, ctx->key, NGX_ESS_IDEMPOTENCY_PRINT);
    ngx_memcpy(e->request, ctx->request, NGX_ESS_IDEMPOTENCY_PRINT);

    ngx_ess_journal_set32_locked(sh, bucket, i);
    ngx_ess_list_link_locked(sh, &ngx_ess_list_idempotency,
                             &sh->underway_head, &sh->underway_tail, i);

    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic + 1);
    ngx_ess_journal_set32_locked(sh, &sh->nidempotency, sh->nidempotency + 1);
}


/* 0: none.  In a full bucket *oldest is one that is to go, the last one that is
   finished, or any when there is none such; else 0. */

static ngx_ess_seg_t
ngx_ess_idempotency_find_locked(ngx_ess_zone_sh_t *sh, u_char *key,
    ngx_ess_seg_t *oldest)
{
    ngx_uint_t                    n;
    ngx_ess_seg_t                 i, table, last;
    ngx_ess_idempotency_entry_t  *e;

    table = *ngx_ess_zone_idempotency_table(sh, key);
    last = 0;
    i = 0;
    n = 0;

    if (table) {
        i = *ngx_ess_zone_idempotency_bucket(sh, table, key);
    }

    for ( /* void */ ; i; i = e->next, n++) {
        ngx_ess_zone_look();

        e = ngx_ess_zone_idempotency(sh, i);

        if (ngx_memcmp(e->key, key, NGX_ESS_IDEMPOTENCY_PRINT) == 0) {
            break;
        }

        if (last == 0 || e->finished) {
            last = i;
        }
    }

    if (oldest) {
        *oldest = (n >= NGX_ESS_IDEMPOTENCY_LOOK) ? last : 0;
    }

    return i;
}


/* 1: its time is over, or whoever began it is dead. */

static ngx_uint_t
ngx_ess_idempotency_over_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_idempotency_entry_t *e)
{
    return e->finished ? (int32_t) (ngx_ess_zone_now(sh) - e->expires) >= 0
                       : !ngx_ess_zone_lives(sh, e->owner, e->incarnation);
}


/* Of a list, whose first ones are over first. */

static void
ngx_ess_idempotency_expire_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t *head,
    ngx_uint_t max)
{
    ngx_ess_seg_t  i;

    while (*head && max--) {
        i = *head;

        if (!ngx_ess_idempotency_over_locked(sh,
                                             ngx_ess_zone_idempotency(sh, i)))
        {
            return;
        }

        ngx_ess_idempotency_remove_locked(sh, i);
        ngx_ess_journal_commit_locked(sh);
    }
}


static void
ngx_ess_idempotency_remove_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_uint_t                    n;
    ngx_ess_seg_t                *p, *table;
    ngx_ess_idempotency_entry_t  *e;

    ngx_ess_zone_look();

    e = ngx_ess_zone_idempotency(sh, i);

    table = ngx_ess_zone_idempotency_table(sh, e->key);
    p = ngx_ess_zone_idempotency_bucket(sh, *table, e->key);

    while (*p != i) {
        p = &ngx_ess_zone_idempotency(sh, *p)->next;
    }

    ngx_ess_journal_set32_locked(sh, p, e->next);

    if (e->finished) {
        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_idempotency,
                                   &sh->finished_head, &sh->finished_tail, i);
    } else {
        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_idempotency,
                                   &sh->underway_head, &sh->underway_tail, i);
    }

    ngx_ess_journal_set32_locked(sh, &sh->nidempotency, sh->nidempotency - 1);
    ngx_ess_idempotency_free_locked(sh, i);

    if (sh->nidempotency) {
        return;
    }

    for (n = 0; n < NGX_ESS_IDEMPOTENCY_TABLES; n++) {
        if (sh->idempotency[n]) {
            ngx_ess_idempotency_free_locked(sh, sh->idempotency[n]);
            ngx_ess_journal_set32_locked(sh, &sh->idempotency[n], 0);
        }
    }
}


static void
ngx_ess_idempotency_free_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_zone_give_locked(sh, i, i, 1);

    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic - 1);
}


/* 0: it is not under way, or another process's. */

static ngx_ess_seg_t
ngx_ess_idempotency_mine_locked(ngx_ess_zone_t *zone, u_char *key)
{
    ngx_ess_seg_t                 i;
    ngx_ess_idempotency_entry_t  *e;

    i = ngx_ess_idempotency_find_locked(zone->sh, key, NULL);

    if (i == 0) {
        return 0;
    }

    e = ngx_ess_zone_idempotency(zone->sh, i);

    return (!e->finished
            && e->owner == zone->proc
            && e->incarnation == ngx_ess_zone_life(zone))
           ? i : 0;
}


void
ngx_ess_idempotency_finish(ngx_ess_zone_t *zone, ngx_ess_idempotency_t *ctx)
{
    ngx_ess_seg_t                 i;
    ngx_ess_zone_sh_t            *sh;
    ngx_ess_idempotency_entry_t  *e;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_idempotency_mine_locked(zone, ctx->key);

    if (i) {
        e = ngx_ess_zone_idempotency(sh, i);

        /* nobody reads these of one that is under way */

        ngx_ess_zone_fault();

        e->expires = ngx_ess_zone_now(sh)
                     + NGX_ESS_IDEMPOTENCY_TIME * NGX_ESS_ZONE_SECOND;
        e->accepted = ctx->accepted;
        e->len = ngx_min(ctx->len, NGX_ESS_IDEMPOTENCY_ANSWER);
        ngx_memcpy(e->answer, ctx->answer, e->len);

        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_idempotency,
                                   &sh->underway_head, &sh->underway_tail, i);

        ngx_ess_journal_set32_locked(sh, &e->list_prev, sh->finished_tail);
        ngx_ess_journal_set32_locked(sh, &e->list_next, 0);
        ngx_ess_journal_set32_locked(sh, &e->finished, 1);

        ngx_ess_list_link_locked(sh, &ngx_ess_list_idempotency,
                                 &sh->finished_head, &sh->finished_tail, i);

        ngx_ess_journal_commit_locked(sh);
    }

    ngx_ess_zone_unlock(zone);
}


void
ngx_ess_idempotency_cancel(ngx_ess_zone_t *zone, ngx_ess_idempotency_t *ctx)
{
    ngx_ess_seg_t  i;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_idempotency_mine_locked(zone, ctx->key);

    if (i) {
        ngx_ess_idempotency_remove_locked(zone->sh, i);
        ngx_ess_journal_commit_locked(zone->sh);
    }

    ngx_ess_zone_unlock(zone);
}


void
ngx_ess_idempotency_expire(ngx_ess_zone_t *zone, ngx_uint_t max)
{
    ngx_uint_t                    n;
    ngx_ess_seg_t                 i, next;
    ngx_ess_zone_sh_t            *sh;
    ngx_ess_idempotency_entry_t  *e;

    if (ngx_ess_idempotency_count(zone) == 0) {
        return;
    }

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    ngx_ess_idempotency_expire_locked(sh, &sh->finished_head, max);

    /* a dead process's are among others'; these are soon gone */

    for (i = sh->underway_head, n = 0; i && n < max; i = next, n++) {
        ngx_ess_zone_look();

        e = ngx_ess_zone_idempotency(sh, i);
        next = e->list_next;

        if (ngx_ess_idempotency_over_locked(sh, e)) {
            ngx_ess_idempotency_remove_locked(sh, i);
            ngx_ess_journal_commit_locked(sh);
        }
    }

    ngx_ess_zone_unlock(zone);
}


ngx_uint_t
ngx_ess_idempotency_count(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->nidempotency;
}


ngx_uint_t
ngx_ess_idempotency_max(ngx_ess_zone_t *zone)
{
    ngx_uint_t  n;

    n = zone->sh->geo.nsegs / NGX_ESS_IDEMPOTENCY_SHARE;
    n = ngx_min(n, NGX_ESS_IDEMPOTENCY_MAX);

    return ngx_max(n, NGX_ESS_IDEMPOTENCY_MIN);
}
