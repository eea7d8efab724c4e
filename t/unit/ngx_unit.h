/*
 * As much of nginx as the unit tests of stream/ need, in one process and its
 * children, over a zone in anonymous shared memory.
 */


#ifndef _NGX_UNIT_H_INCLUDED_
#define _NGX_UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_log_read.h"
#include "ngx_ess_log_room.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_mark.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_ordinal.h"
#include "ngx_ess_pair.h"
#include "ngx_ess_pending.h"
#include "ngx_ess_process.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_table.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_zone_check.h"
#include "ngx_ess_zone_layout.h"


extern ngx_log_t   ngx_unit_log;

/* kinds of streams: whose events come by their key, and from another log */
extern const ngx_ess_kind_t  ngx_unit_bound;
extern const ngx_ess_kind_t  ngx_unit_follows;

/* messages at alert or worse, since the start */
extern ngx_uint_t  ngx_unit_alerts;

/* timers that are set; they never expire */
extern ngx_uint_t  ngx_unit_timers;

/* 1: all messages are shown */
extern ngx_uint_t  ngx_unit_verbose;

/* where those messages go: standard error, unless a test says otherwise */
extern FILE  *ngx_unit_messages;

/* posted events are on ngx_posted_events; runs them */
void ngx_unit_run_posted(void);

/* the counter of faults, mapped; NULL before ngx_unit_fault() */
extern volatile int64_t  *ngx_unit_faults;
void ngx_unit_fault(void);

/* A zone of that size with init called, as a cycle does; bounds: 64k, 1000
   events, an hour, events of 64k. */
ngx_ess_zone_t *ngx_unit_zone(size_t size);

/* A second cycle's handle of the same zone, after its init. */
ngx_ess_zone_t *ngx_unit_reload(ngx_ess_zone_t *old);

/* Appends with a mark of the slot, unless the print is 0. */
ngx_int_t ngx_unit_append_locked(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_str_t *key, ngx_ess_event_t *event, uint64_t print, ngx_uint_t force,
    ngx_ess_wake_t *wake);

void ngx_unit_free(ngx_ess_zone_t *zone);

/* At the end of a test: it must be sound.  Frees it. */
void ngx_unit_end(ngx_ess_zone_t *zone);

/* Of such a handle, without the zone. */
void ngx_unit_free_handle(ngx_ess_zone_t *zone);

/* What the master does for a dead worker. */
void ngx_unit_force_unlock(ngx_ess_zone_t *zone);


#endif /* _NGX_UNIT_H_INCLUDED_ */
