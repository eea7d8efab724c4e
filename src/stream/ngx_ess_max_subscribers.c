
/*
 * ess_max_subscribers: who is let in, and who leaves for it.  Runs in workers;
 * all data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_max_subscribers.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_stream.h"


ngx_int_t
ngx_ess_max_subscribers_admit_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_max_subscribers_t *max, ngx_ess_wake_t *wake)
{
    ngx_ess_seg_t      ext;
    ngx_ess_pair_t    *pair;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    if (ngx_ess_pair_count_locked(sh, s) < max->max) {
        return NGX_OK;
    }

    if (!max->replace) {
        return NGX_BUSY;
    }

    for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
    {
        if (!(pair->proc & NGX_ESS_PAIR_DIRTY)
            && ngx_ess_zone_proc(sh, ngx_ess_pair_proc(pair))->ndirty
               == NGX_ESS_DIRTY)
        {
            return NGX_BUSY;
        }
    }

    ngx_ess_journal_set64_locked(sh, &s->first_subscriber,
                                 s->last_subscriber + 2 - max->max);

    for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
    {
        ngx_ess_wake_mark_pair_locked(sh, i, pair, NGX_ESS_PAIR_REPLACED,
                                      wake);
    }

    return NGX_OK;
}
