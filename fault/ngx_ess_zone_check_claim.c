
/*
 * The checker: what each segment turned out to be, and what is told of a fault.
 */


#include "ngx_ess_zone.h"
#include "ngx_ess_zone_check.h"


void
ngx_ess_zone_check_fault(ngx_ess_zone_check_t *ck, const char *what,
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

ngx_int_t
ngx_ess_zone_check_claim(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_zone_check_e kind)
{
    if (i == 0 || i >= ck->sh->fresh) {
        ngx_ess_zone_check_fault(ck, "no such segment", i, kind);
        return NGX_ERROR;
    }

    if (ck->seen[i] != NGX_ESS_CHECK_LOST) {
        ngx_ess_zone_check_fault(ck, "a segment is in two places", i,
                                 ck->seen[i] * 10 + kind);
        return NGX_ERROR;
    }

    ck->seen[i] = kind;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_zone_check_is(ngx_ess_zone_check_t *ck, ngx_ess_seg_t i,
    ngx_ess_zone_check_e kind)
{
    return i < ck->sh->fresh && ck->seen[i] == kind;
}
