/*
 * The timer wheel of a worker's subscribers: one nginx timer for all of
 * them, a second per slot.
 *
 *            tick % 64
 *                │
 *     ┌───┬───┬──▼┬───┬───┬── ─ ─ ──┬───┐      an entry more than 64 s ahead
 *     │   │   │ ● │ ● │   │         │ ● │      waits in its slot for later
 *     └───┴───┴─┼─┴─┼─┴───┴── ─ ─ ──┴─┼─┘      rounds
 *              entries               entry
 */


#ifndef _NGX_ESS_WHEEL_H_INCLUDED_
#define _NGX_ESS_WHEEL_H_INCLUDED_


#include "ngx_ess.h"


typedef struct {
    ngx_queue_t              queue;
    uint64_t                 tick;          /* when it is due; 0: not set */
} ngx_ess_wheel_entry_t;


/* The entry is off the wheel and may be set again or freed. */
typedef void (*ngx_ess_wheel_handler_pt)(ngx_ess_wheel_entry_t *entry);


void ngx_ess_wheel_init(ngx_ess_wheel_handler_pt handler, ngx_log_t *log);

/*
 * The wheel turns from the first join to the last leave.  Its timer keeps a
 * worker that shuts down from exiting.
 */
void ngx_ess_wheel_join(void);
void ngx_ess_wheel_leave(void);

/* Calls the handler after at least "delay" ms, at most a second later, in
   place of when it was set to before. */
void ngx_ess_wheel_set(ngx_ess_wheel_entry_t *entry, ngx_msec_t delay);
void ngx_ess_wheel_unset(ngx_ess_wheel_entry_t *entry);


#endif /* _NGX_ESS_WHEEL_H_INCLUDED_ */
