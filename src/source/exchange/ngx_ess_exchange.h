/*
 * Exchange streams: slot queues, their consumers and bindings, on one
 * session per worker.
 */


#ifndef _NGX_ESS_EXCHANGE_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_H_INCLUDED_


#include "ngx_ess_source.h"


/* Keys of the exchange, and RabbitMQ streams; the conf of both is one
   ngx_ess_exchange_conf_t. */
extern const ngx_ess_source_t  ngx_ess_exchange;
extern const ngx_ess_source_t  ngx_ess_exchange_streams;


#endif /* _NGX_ESS_EXCHANGE_H_INCLUDED_ */
