
/*
 * What is gone between a reader and what comes next.  Pure.
 */


#include "ngx_ess_gap.h"


static ngx_uint_t ngx_ess_gap_set(ngx_ess_gap_t *gap, ngx_uint_t is,
    uint64_t have, uint64_t to);


ngx_uint_t
ngx_ess_gap(ngx_ess_gap_t *gap, uint64_t have, uint64_t after)
{
    return ngx_ess_gap_set(gap, have < after, have, after);
}


ngx_uint_t
ngx_ess_gap_loss(ngx_ess_gap_t *gap, uint64_t have, uint64_t after)
{
    return ngx_ess_gap_set(gap, have <= after, have, after);
}


ngx_uint_t
ngx_ess_gap_beyond(ngx_ess_gap_t *gap, uint64_t have, uint64_t end)
{
    return ngx_ess_gap_set(gap, have > end, have, end);
}


static ngx_uint_t
ngx_ess_gap_set(ngx_ess_gap_t *gap, ngx_uint_t is, uint64_t have, uint64_t to)
{
    gap->from = is ? have + 1 : 0;
    gap->to = is ? to : 0;

    return is;
}
