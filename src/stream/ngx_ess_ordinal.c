
/*
 * The list of streams in need of ordinals.  Runs in workers; all data is in the
 * zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_ordinal.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_list.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"


void
ngx_ess_ordinal_want_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i)
{
    ngx_ess_journal_set32_locked(sh, &ngx_ess_zone_stream(sh, i)->want,
                                 NGX_ESS_WANT_LISTED);
    ngx_ess_list_push_locked(sh, &ngx_ess_list_want, &sh->want, i);
}


void
ngx_ess_ordinal_unwant_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_ordinal_want_e want)
{
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    if (s->want == NGX_ESS_WANT_LISTED) {
        ngx_ess_list_unlink_locked(sh, &ngx_ess_list_want, &sh->want, NULL,
                                   i);
    }

    ngx_ess_journal_set32_locked(sh, &s->want, want);
}


ngx_int_t
ngx_ess_ordinal_wanted(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *mark)
{
    ngx_int_t           rc;
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    rc = NGX_DECLINED;

    ngx_ess_zone_lock(zone);

    i = sh->want;

    if (i) {
        s = ngx_ess_zone_stream(sh, i);

        ngx_ess_ordinal_unwant_locked(sh, i, NGX_ESS_WANT_TOLD);
        ngx_ess_journal_commit_locked(sh);

        ref->id = s->id;
        ref->epoch = s->epoch;
        ref->index = i;
        *mark = ngx_max(s->reserved_ordinal, s->next_ordinal - 1)
                + NGX_ESS_ORDINALS;
        rc = NGX_OK;
    }

    ngx_ess_zone_unlock(zone);

    return rc;
}


void
ngx_ess_ordinal_reserved(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t mark)
{
    ngx_ess_seg_t       i;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_ref_locked(sh, ref->id, ref->epoch);

    if (i) {
        s = ngx_ess_zone_stream(sh, i);

        if (mark > s->reserved_ordinal) {
            ngx_ess_journal_set64_locked(sh, &s->reserved_ordinal, mark);
        }

        if (s->want == NGX_ESS_WANT_TOLD) {
            ngx_ess_journal_set32_locked(sh, &s->want, NGX_ESS_WANT_NONE);
        }

        if (s->want == NGX_ESS_WANT_NONE
            && s->state != NGX_ESS_STREAM_CLOSED
            && s->next_ordinal + NGX_ESS_ORDINALS_LOW > s->reserved_ordinal)
        {
            ngx_ess_ordinal_want_locked(sh, i);
        }

        ngx_ess_journal_commit_locked(sh);
    }

    ngx_ess_zone_unlock(zone);
}
