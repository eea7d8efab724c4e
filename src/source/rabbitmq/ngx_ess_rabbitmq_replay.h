/*
 * RabbitMQ streams, from an earlier point on: for subscribers that catch up.
 * Each has a reader on a session that is for this only, so that what is read
 * here does not hold up what is live.  So many of a worker read at a time, the
 * others wait for their turn.  Private to source/.
 */


#ifndef _NGX_ESS_RABBITMQ_REPLAY_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_REPLAY_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_source.h"


void ngx_ess_rabbitmq_replay_init(ngx_ess_amqp_conf_t *conf,
    ngx_uint_t prefetch, ngx_ess_zone_t *zone, ngx_log_t *log);
void ngx_ess_rabbitmq_replay_exit(void);

/* See ngx_ess_source_t. */
ngx_int_t ngx_ess_rabbitmq_replay_start(ngx_ess_source_replay_t *replay);
void ngx_ess_rabbitmq_replay_more(ngx_ess_source_replay_t *replay);
void ngx_ess_rabbitmq_replay_stop(ngx_ess_source_replay_t *replay);


#endif /* _NGX_ESS_RABBITMQ_REPLAY_H_INCLUDED_ */
