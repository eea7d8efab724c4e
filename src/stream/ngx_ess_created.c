
/*
 * Streams made on demand.  All data is in the zone and belongs to whoever holds
 * its mutex, but for the time of the last walk.  Runs in workers.
 */


#include "ngx_ess_created.h"
#include "ngx_ess_attr.h"
#include "ngx_ess_hash.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_pending.h"


/* looked at in one hold of the mutex */
#define NGX_ESS_CREATED_BUCKETS  1024
#define NGX_ESS_CREATED_LOOK     64         /* streams */

/* a second, in the unit of the cells */
#define NGX_ESS_CREATED_MSEC     64
#define NGX_ESS_CREATED_SECOND   (1000 * NGX_ESS_CREATED_MSEC)


#define ngx_ess_created_now()                                                 \
    ((uint32_t) (ngx_current_msec * NGX_ESS_CREATED_MSEC))

#define ngx_ess_created_cell(sh, row, address)                                \
    (&(sh)->created_cells[row][(address) % NGX_ESS_CREATED_CELLS])


static uint32_t ngx_ess_created_ahead_locked(ngx_ess_zone_sh_t *sh,
    ngx_uint_t row, uint32_t address, uint32_t now);
static uint32_t ngx_ess_created_least_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits, uint32_t now);
static ngx_uint_t ngx_ess_created_is_used_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_msec_t idle);


void
ngx_ess_created_address(ngx_ess_zone_t *zone, struct sockaddr *sockaddr,
    ngx_ess_created_limits_t *limits)
{
    size_t                len;
    u_char               *p;
    ngx_uint_t            i;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    p = NULL;
    len = 0;

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        p = (u_char *) &sin->sin_addr;
        len = sizeof(in_addr_t);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        p = sin6->sin6_addr.s6_addr;
        len = 8;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            p += 12;
            len = sizeof(in_addr_t);
        }

        break;
#endif
    }

    for (i = 0; i < NGX_ESS_CREATED_ROWS; i++) {
        limits->address[i] = ngx_ess_hash(zone->sh->factors[i], p, len);
    }
}


/*
 * A cell has the time until which its addresses have made streams, were each a
 * rate-th of a second: at most a second from now.  An address has a cell in
 * each row, and shares both with another one hardly ever; that one counts which
 * says less.  So there is nothing to evict, and nobody to find room for.
 */

static uint32_t
ngx_ess_created_ahead_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t row,
    uint32_t address, uint32_t now)
{
    uint32_t  ahead;

    ahead = *ngx_ess_created_cell(sh, row, address) - now;

    /* what is in the past wraps around */

    return (ahead > NGX_ESS_CREATED_SECOND) ? 0 : ahead;
}


static uint32_t
ngx_ess_created_least_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits, uint32_t now)
{
    uint32_t    ahead, least;
    ngx_uint_t  i;

    least = NGX_ESS_CREATED_SECOND;

    for (i = 0; i < NGX_ESS_CREATED_ROWS; i++) {
        ahead = ngx_ess_created_ahead_locked(sh, i, limits->address[i], now);
        least = ngx_min(least, ahead);
    }

    return least;
}


ngx_int_t
ngx_ess_created_admit_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits)
{
    if (sh->ncreated >= limits->max) {
        return NGX_AGAIN;
    }

    return (ngx_ess_created_least_locked(sh, limits, ngx_ess_created_now())
            + NGX_ESS_CREATED_SECOND / limits->rate > NGX_ESS_CREATED_SECOND)
           ? NGX_BUSY : NGX_OK;
}


void
ngx_ess_created_count_locked(ngx_ess_zone_sh_t *sh,
    const ngx_ess_created_limits_t *limits)
{
    uint32_t    now, ahead;
    ngx_uint_t  i;

    now = ngx_ess_created_now();

    ahead = ngx_ess_created_least_locked(sh, limits, now)
            + NGX_ESS_CREATED_SECOND / limits->rate;

    for (i = 0; i < NGX_ESS_CREATED_ROWS; i++) {
        if (ngx_ess_created_ahead_locked(sh, i, limits->address[i], now)
            < ahead)
        {
            ngx_ess_journal_set32_locked(sh,
                           ngx_ess_created_cell(sh, i, limits->address[i]),
                           now + ahead);
        }
    }
}


ngx_int_t
ngx_ess_created_find(ngx_ess_zone_t *zone, ngx_str_t *name,
    ngx_ess_stream_info_t *info)
{
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_attr_named_locked(sh, name);

    if (i == 0) {
        rc = NGX_DECLINED;

    } else {
        s = ngx_ess_zone_stream(sh, i);
        rc = NGX_BUSY;

        if (s->state == NGX_ESS_STREAM_VISIBLE) {
            ngx_ess_attr_locked(sh, s)->used = ngx_ess_zone_now(sh);
            ngx_ess_stream_info_locked(sh, i, info);
            rc = NGX_OK;
        }
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


ngx_uint_t
ngx_ess_created_number(ngx_ess_zone_t *zone)
{
    return *(volatile uint32_t *) &zone->sh->ncreated;
}


/* Each has a name, so the buckets of names lead to all of them. */

ngx_int_t
ngx_ess_created_expire(ngx_ess_zone_t *zone, ngx_msec_t idle,
    uint32_t *cursor, ngx_ess_stream_info_t *info)
{
    uint32_t            looks, last;
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    rc = NGX_AGAIN;
    looks = 0;

    ngx_ess_zone_lock(zone);

    last = ngx_min(sh->geo.nbuckets / NGX_ESS_NAMES_SHARE,
                   *cursor + NGX_ESS_CREATED_BUCKETS);

    if (sh->ncreated == 0) {
        *cursor = last = sh->geo.nbuckets / NGX_ESS_NAMES_SHARE;
    }

    for ( /* void */ ; *cursor < last && looks < NGX_ESS_CREATED_LOOK;
          (*cursor)++)
    {
        for (i = *ngx_ess_zone_name_bucket(sh, *cursor);
             i;
             i = ngx_ess_attr_locked(sh, s)->name_next)
        {
            ngx_ess_zone_look();

            s = ngx_ess_zone_stream(sh, i);
            looks++;

            if (s->state != NGX_ESS_STREAM_VISIBLE
                || !(s->kind.attr & NGX_ESS_ATTR_CREATED)
                || ngx_ess_created_is_used_locked(sh, s, idle))
            {
                continue;
            }

            /* the bucket is looked at again */

            ngx_ess_pending_add_locked(zone, i, NGX_ESS_STREAM_DELETING);
            ngx_ess_journal_commit_locked(sh);

            ngx_ess_stream_info_locked(sh, i, info);

            rc = NGX_OK;
            goto done;
        }
    }

    if (*cursor == sh->geo.nbuckets / NGX_ESS_NAMES_SHARE) {
        rc = NGX_DECLINED;
    }

done:

    ngx_ess_zone_unlock(zone);

    return rc;
}


/* Nobody but those who look for old ones stores what they saw. */

static ngx_uint_t
ngx_ess_created_is_used_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_msec_t idle)
{
    uint32_t         now;
    ngx_ess_seg_t    ext;
    ngx_ess_attr_t  *attr;

    attr = ngx_ess_attr_locked(sh, s);
    now = ngx_ess_zone_now(sh);

    if (attr->seen != (uint32_t) s->next_ordinal
        || ngx_ess_pair_next_locked(sh, s, NULL, &ext))
    {
        attr->seen = (uint32_t) s->next_ordinal;
        attr->used = now;
    }

    /* one process's clock may be behind another's */

    return (int32_t) (now - attr->used)
           < (int32_t) (idle / NGX_ESS_ZONE_TICK);
}


ngx_uint_t
ngx_ess_created_due(ngx_ess_zone_t *zone, ngx_msec_t period)
{
    uint32_t             now;
    volatile uint32_t   *walk;

    if (ngx_ess_created_number(zone) == 0) {
        return 0;
    }

    walk = &zone->sh->created_walk;
    now = ngx_ess_zone_now(zone->sh);

    if ((int32_t) (now - *walk) < (int32_t) (period / NGX_ESS_ZONE_TICK)) {
        return 0;
    }

    *walk = now;

    return 1;
}
