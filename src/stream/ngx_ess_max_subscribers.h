/*
 * How many subscribers a stream may have, over all workers.
 *
 *   fewer than "max" ──► in
 *   as many ──┬─ "replace" ──► in; each worker closes those below a number
 *             └─ else ───────► busy
 */


#ifndef _NGX_ESS_MAX_SUBSCRIBERS_H_INCLUDED_
#define _NGX_ESS_MAX_SUBSCRIBERS_H_INCLUDED_


#include "ngx_ess_wake.h"
#include "ngx_ess_zone.h"


typedef struct {
    ngx_uint_t               max;           /* subscribers of a stream */
    ngx_uint_t               replace;       /* older ones go instead */
} ngx_ess_max_subscribers_t;


/* For stream/ alone, with the mutex; the caller commits. */

/*
 * Is there room for one subscriber more?  With "replace" those that came first
 * go, if all workers that have subscribers of the stream can be told: "wake"
 * names them.  NGX_OK, or NGX_BUSY: nothing was changed.
 */
ngx_int_t ngx_ess_max_subscribers_admit_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_seg_t i, ngx_ess_max_subscribers_t *max, ngx_ess_wake_t *wake);


#endif /* _NGX_ESS_MAX_SUBSCRIBERS_H_INCLUDED_ */
