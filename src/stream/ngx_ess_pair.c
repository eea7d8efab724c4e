
/*
 * Pairs: walked by whoever wakes a stream's workers or counts its subscribers.
 * All data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_pair.h"
#include "ngx_ess_zone_layout.h"


static ngx_ess_pair_t *ngx_ess_pair_place_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_pair_t *pair, ngx_ess_seg_t *ext);


ngx_ess_pair_t *
ngx_ess_pair_next_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_pair_t *pair, ngx_ess_seg_t *ext)
{
    do {
        pair = ngx_ess_pair_place_locked(sh, s, pair, ext);
    } while (pair && pair->count == 0);

    return pair;
}


ngx_ess_pair_t *
ngx_ess_pair_unused_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    ngx_ess_seg_t    ext;
    ngx_ess_pair_t  *pair;

    pair = NULL;

    do {
        pair = ngx_ess_pair_place_locked(sh, s, pair, &ext);
    } while (pair && pair->count);

    return pair;
}


/* The place behind it, in use or not. */

static ngx_ess_pair_t *
ngx_ess_pair_place_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_ess_pair_t *pair, ngx_ess_seg_t *ext)
{
    ngx_ess_pair_t  *end;

    if (pair == NULL) {
        *ext = 0;
        return s->pairs;
    }

    end = *ext ? ngx_ess_zone_ext(sh, *ext)->pairs + NGX_ESS_PAIRS_MORE
               : s->pairs + NGX_ESS_STREAM_PAIRS;

    if (++pair < end) {
        return pair;
    }

    *ext = *ext ? *ngx_ess_zone_link(sh, *ext) : s->ext;

    return *ext ? ngx_ess_zone_ext(sh, *ext)->pairs : NULL;
}


ngx_ess_pair_t *
ngx_ess_pair_find_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s,
    ngx_uint_t p)
{
    ngx_ess_seg_t    ext;
    ngx_ess_pair_t  *pair;

    for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
    {
        if (ngx_ess_pair_proc(pair) == p) {
            return pair;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_ess_pair_any_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    ngx_ess_seg_t  ext;

    return ngx_ess_pair_next_locked(sh, s, NULL, &ext) != NULL;
}


/* Those that are being closed for newer ones do not count. */

uint64_t
ngx_ess_pair_count_locked(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    uint64_t         n;
    ngx_ess_seg_t    ext;
    ngx_ess_pair_t  *pair;

    n = 0;

    for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
    {
        n += pair->count;
    }

    return ngx_min(n, s->last_subscriber + 1 - s->first_subscriber);
}
