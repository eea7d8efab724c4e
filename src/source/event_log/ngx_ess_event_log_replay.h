/*
 * Event logs, from an earlier point on: for subscribers that catch up.  Private
 * to source/event_log/.
 */


#ifndef _NGX_ESS_EVENT_LOG_REPLAY_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_REPLAY_H_INCLUDED_


#include "ngx_ess_source.h"


void ngx_ess_event_log_replay_init(ngx_array_t *logs, ngx_ess_zone_t *zone,
    ngx_log_t *log);

/* See ngx_ess_source_t. */
ngx_int_t ngx_ess_event_log_replay_start(ngx_ess_source_replay_t *replay);
void ngx_ess_event_log_replay_more(ngx_ess_source_replay_t *replay);
void ngx_ess_event_log_replay_stop(ngx_ess_source_replay_t *replay);


#endif /* _NGX_ESS_EVENT_LOG_REPLAY_H_INCLUDED_ */
