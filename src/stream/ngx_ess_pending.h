/*
 * Half-made streams: those being created or deleted, and by whom.
 *
 *   add ──► owned by a process slot, in one life of it ──► drop: shown or freed
 *               │                          ▲
 *             dies                       orphan, by any other worker, which
 *               └──────────────────────────┘      undoes it or goes on with it
 */


#ifndef _NGX_ESS_PENDING_H_INCLUDED_
#define _NGX_ESS_PENDING_H_INCLUDED_


#include "ngx_ess_stream.h"
#include "ngx_ess_zone.h"


/*
 * A stream that a dead worker left CREATING or DELETING, now owned by this
 * process slot; "info->state" says which: the caller removes it from the
 * store, then calls ngx_ess_table_remove().  NGX_DECLINED: none.
 * Takes the mutex.
 */
ngx_int_t ngx_ess_pending_orphan(ngx_ess_zone_t *zone,
    ngx_ess_stream_info_t *info);


/* For stream/ alone, with the mutex; the caller commits. */

/* The stream is CREATING or DELETING from now on, by this process. */
void ngx_ess_pending_add_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_ess_stream_state_e state);

/* No more; the caller sets its state.  One in another state is left alone. */
void ngx_ess_pending_drop_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i);

/* The stream, if this process is creating or deleting it; 0: none. */
ngx_ess_seg_t ngx_ess_pending_mine_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);


#endif /* _NGX_ESS_PENDING_H_INCLUDED_ */
