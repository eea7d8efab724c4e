
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
#define NGX_ESS_IDEMPOTENCY_MAX      65536

/* those whose time is over that go with each new one, and in one hold of the
   mutex */
#define NGX_ESS_IDEMPOTENCY_EXPIRE   4
#define NGX_ESS_IDEMPOTENCY_HOLD     64


static ngx_int_t ngx_ess_idempotency_known_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);
static ngx_int_t ngx_ess_idempotency_room_locked(ngx_ess_zone_t *zone,
    u_char *key);
static void ngx_ess_idempotency_add_locked(ngx_ess_zone_t *zone,
    ngx_ess_idempotency_t *ctx);
static ngx_ess_seg_t ngx_ess_idempotency_find_locked(ngx_ess_zone_sh_t *sh,
    u_char *key);
static ngx_ess_seg_t ngx_ess_idempotency_mine_locked(ngx_ess_zone_t *zone,
    u_char *key);
static ngx_uint_t ngx_ess_idempotency_over_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_idempotency_entry_t *e);
static ngx_uint_t ngx_ess_idempotency_expire_locked(ngx_ess_zone_sh_t *sh,
    ngx_uint_t max);
static void ngx_ess_idempotency_sweep_locked(ngx_ess_zone_sh_t *sh,
    ngx_uint_t max);
static void ngx_ess_idempotency_remove_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);
static void ngx_ess_idempotency_free_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i);


ngx_int_t
ngx_ess_idempotency_begin(ngx_ess_zone_t *zone, ngx_ess_idempotency_t *ctx)
{
    ngx_int_t           rc;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    (void) ngx_ess_idempotency_expire_locked(sh, NGX_ESS_IDEMPOTENCY_EXPIRE);

    rc = ngx_ess_idempotency_known_locked(zone, ctx);

    if (rc == NGX_OK) {
        rc = ngx_ess_idempotency_room_locked(zone, ctx->key);
    }

    if (rc == NGX_OK) {
        ngx_ess_idempotency_add_locked(zone, ctx);
        ngx_ess_journal_commit_locked(sh);
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

    i = ngx_ess_idempotency_find_locked(sh, ctx->key);
    if (i == 0) {
        return NGX_OK;
    }

    e = ngx_ess_zone_idempotency(sh, i);

    if (ngx_ess_idempotency_over_locked(sh, e)) {
        ngx_ess_idempotency_remove_locked(sh, i);
        ngx_ess_journal_commit_locked(sh);

        return NGX_OK;
    }

    if (ngx_memcmp(e->request, ctx->request, NGX_ESS_IDEMPOTENCY_FINGERPRINT)
        != 0)
    {
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


/* For one more.  NGX_OK or NGX_ABORT; the journal is empty. */

static ngx_int_t
ngx_ess_idempotency_room_locked(ngx_ess_zone_t *zone, u_char *key)
{
    uint32_t            segs;
    ngx_ess_seg_t       oldest;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    segs = 1 + (*ngx_ess_zone_idempotency_table(sh, key) == 0);

    if (sh->nidempotency < ngx_ess_idempotency_max(zone)
        && ngx_ess_log_room_make_locked(zone, segs) == NGX_OK)
    {
        return NGX_OK;
    }

    oldest = sh->finished_head;

    if (oldest == 0) {
        return NGX_ABORT;
    }

    ngx_ess_idempotency_remove_locked(sh, oldest);
    ngx_ess_journal_commit_locked(sh);

    ngx_ess_counter_add(zone, NGX_ESS_C_IDEMPOTENCY_EVICTED, 1);

    /* with the last one the tables went */

    segs = 1 + (*ngx_ess_zone_idempotency_table(sh, key) == 0);

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

    ngx_memcpy(e->key, ctx->key, NGX_ESS_IDEMPOTENCY_FINGERPRINT);
    ngx_memcpy(e->request, ctx->request, NGX_ESS_IDEMPOTENCY_FINGERPRINT);

    ngx_ess_journal_set32_locked(sh, bucket, i);
    ngx_ess_list_link_locked(sh, &ngx_ess_list_idempotency,
                             &sh->underway_head, &sh->underway_tail, i);

    ngx_ess_journal_set32_locked(sh, &sh->nstatic, sh->nstatic + 1);
    ngx_ess_journal_set32_locked(sh, &sh->nidempotency, sh->nidempotency + 1);
}


/* 0: none. */

static ngx_ess_seg_t
ngx_ess_idempotency_find_locked(ngx_ess_zone_sh_t *sh, u_char *key)
{
    ngx_ess_seg_t                 i, table;
    ngx_ess_idempotency_entry_t  *e;

    table = *ngx_ess_zone_idempotency_table(sh, key);
    i = 0;

    if (table) {
        i = *ngx_ess_zone_idempotency_bucket(sh, table, key);
    }

    for ( /* void */ ; i; i = e->next) {
        ngx_ess_zone_look();

        e = ngx_ess_zone_idempotency(sh, i);

        if (ngx_memcmp(e->key, key, NGX_ESS_IDEMPOTENCY_FINGERPRINT) == 0) {
            break;
        }
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


/* Of those that are finished, the first of which are over first.  How many
   went. */

static ngx_uint_t
ngx_ess_idempotency_expire_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t max)
{
    ngx_uint_t     n;
    ngx_ess_seg_t  i;

    for (n = 0; n < max && sh->finished_head; n++) {
        i = sh->finished_head;

        if (!ngx_ess_idempotency_over_locked(sh,
                                             ngx_ess_zone_idempotency(sh, i)))
        {
            break;
        }

        ngx_ess_idempotency_remove_locked(sh, i);
        ngx_ess_journal_commit_locked(sh);
    }

    return n;
}


/* Of those under way: a dead process's are among others', which are soon
   gone. */

static void
ngx_ess_idempotency_sweep_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t max)
{
    ngx_uint_t                    n;
    ngx_ess_seg_t                 i, next;
    ngx_ess_idempotency_entry_t  *e;

    for (i = sh->underway_head, n = 0; i && n < max; i = next, n++) {
        ngx_ess_zone_look();

        e = ngx_ess_zone_idempotency(sh, i);
        next = e->list_next;

        if (ngx_ess_idempotency_over_locked(sh, e)) {
            ngx_ess_idempotency_remove_locked(sh, i);
            ngx_ess_journal_commit_locked(sh);
        }
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

    i = ngx_ess_idempotency_find_locked(zone->sh, key);

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
    ngx_uint_t          n, hold;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    while (max && ngx_ess_idempotency_count(zone)) {
        hold = ngx_min(max, NGX_ESS_IDEMPOTENCY_HOLD);
        max -= hold;

        ngx_ess_zone_lock(zone);

        n = ngx_ess_idempotency_expire_locked(sh, hold);

        if (n < hold) {
            ngx_ess_idempotency_sweep_locked(sh, hold - n);
            max = 0;
        }

        ngx_ess_zone_unlock(zone);
    }
}


void
ngx_ess_idempotency_seed(ngx_ess_zone_t *zone, ngx_str_t *seed)
{
    seed->data = zone->sh->idempotency_seed;
    seed->len = NGX_ESS_IDEMPOTENCY_SEED;
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

    return ngx_min(n, NGX_ESS_IDEMPOTENCY_MAX);
}
