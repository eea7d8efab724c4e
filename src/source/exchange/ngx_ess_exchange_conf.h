/*
 * The ess_amqp directive: what is expected of the broker.
 */


#ifndef _NGX_ESS_EXCHANGE_CONF_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_CONF_H_INCLUDED_


#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_source.h"


/* ngx_ess_kind_t's "source" */

#define NGX_ESS_SOURCE_EXCHANGE  0
#define NGX_ESS_SOURCE_STREAM    1          /* a RabbitMQ stream, whose name
                                               its routing key is */

#define NGX_ESS_EXCHANGE_PREFETCH_MAX  1024


typedef struct {
    ngx_ess_amqp_conf_t      amqp;          /* must be the first */
    ngx_str_t                exchange;
    ngx_uint_t               topic;         /* its type: 1: topic, 0: direct */
    ngx_uint_t               quorum;        /* slot queues: 1: quorum queues,
                                               0: classic ones */
    ngx_uint_t               publish;       /* 1: a location publishes to it */
    ngx_str_t                node;          /* of the slot queues' names */
    ngx_uint_t               prefetch;      /* per slot */
    ngx_msec_t               expires;       /* ms: x-expires */
    size_t                   max_length;    /* bytes: x-max-length-bytes */
    ngx_msec_t               idle;          /* ms: RabbitMQ streams are let go
                                               that long after the last
                                               subscriber */
} ngx_ess_exchange_conf_t;


/*
 * The directive: the first one makes the conf of both its sources.  Beside the
 * connection's parameters: exchange=name type=direct|topic
 * queues=classic|quorum prefetch=number expires=time max_length=size idle=time.
 */
char *ngx_ess_exchange_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Of the rows: see ngx_ess_source_t. */
char *ngx_ess_exchange_conf_init(ngx_conf_t *cf, void *conf, ngx_str_t *node);
ngx_int_t ngx_ess_exchange_conf_module(ngx_cycle_t *cycle, void *conf,
    ngx_uint_t publishes);
uint64_t ngx_ess_exchange_conf_epoch(void *conf, ngx_str_t *key);
const char *ngx_ess_exchange_conf_advise(void *conf, ngx_str_t *key);


#endif /* _NGX_ESS_EXCHANGE_CONF_H_INCLUDED_ */
