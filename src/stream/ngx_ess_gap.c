
/*
 * What is gone between a reader and what comes next.  Pure.
 */


#include "ngx_ess_gap.h"


ngx_uint_t
ngx_ess_gap(ngx_ess_gap_t *gap, uint64_t have, uint64_t after)
{
    gap->from = 0;
    gap->to = 0;

    if (have >= after) {
        return 0;
    }

    gap->from = have + 1;
    gap->to = after;

    return 1;
}


ngx_uint_t
ngx_ess_gap_loss(ngx_ess_gap_t *gap, uint64_t have, uint64_t after)
{
    if (have != after) {
        return ngx_ess_gap(gap, have, after);
    }

    gap->from = have + 1;
    gap->to = have;

    return 1;
}


ngx_uint_t
ngx_ess_gap_beyond(ngx_ess_gap_t *gap, uint64_t have, uint64_t end)
{
    gap->from = 0;
    gap->to = 0;

    if (have <= end) {
        return 0;
    }

    gap->from = have + 1;
    gap->to = end;

    return 1;
}
