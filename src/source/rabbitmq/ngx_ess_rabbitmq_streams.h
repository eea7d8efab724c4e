/*
 * RabbitMQ streams, live: consumers that make logs follow the end of their
 * streams.  A part of the exchange source, on a channel of its own.  Private
 * to source/.
 */


#ifndef _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_


#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_replay.h"


void ngx_ess_rabbitmq_streams_init(ngx_ess_exchange_worker_t *w);

/* Others go on with what this worker followed; all that waits is answered.
   After the session was destroyed. */
void ngx_ess_rabbitmq_streams_exit(ngx_ess_exchange_worker_t *w);

/* See ngx_ess_replay_source_t. */
void ngx_ess_rabbitmq_streams_attach(ngx_ess_exchange_worker_t *w,
    ngx_ess_replay_attach_t *attach);
void ngx_ess_rabbitmq_streams_cancel(ngx_ess_replay_attach_t *attach);
void ngx_ess_rabbitmq_streams_changed(ngx_ess_exchange_worker_t *w,
    ngx_ess_stream_ref_t *ref);

/* The session is open: starts what can be started. */
void ngx_ess_rabbitmq_streams_kick(ngx_ess_exchange_worker_t *w);

/* Wakes and acknowledges. */
void ngx_ess_rabbitmq_streams_batch(ngx_ess_exchange_worker_t *w);


#endif /* _NGX_ESS_RABBITMQ_STREAMS_H_INCLUDED_ */
