/*
 * The ess_amqp directive: where the broker is and what is expected of it.
 */


#ifndef _NGX_ESS_AMQP_CONF_H_INCLUDED_
#define _NGX_ESS_AMQP_CONF_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_AMQP_PREFETCH_MAX  1024


typedef struct {
    ngx_str_t                host;          /* null terminated */
    in_port_t                port;
    ngx_str_t                user;
    ngx_str_t                password;      /* never logged */
    ngx_str_t                vhost;
    ngx_str_t                name;          /* "host:port", for logs */
    unsigned                 tls:1;
} ngx_ess_amqp_node_t;


typedef struct {
    ngx_array_t              nodes;         /* of ngx_ess_amqp_node_t */
    ngx_str_t                exchange;
    ngx_uint_t               topic;         /* its type: 1: topic, 0: direct */
    ngx_uint_t               quorum;        /* slot queues: 1: quorum queues,
                                               0: classic ones */
    ngx_uint_t               publish;       /* 1: a location publishes to it */
    ngx_str_t                node;          /* of the slot queues' names */
    ngx_uint_t               prefetch;      /* per slot */
    ngx_msec_t               heartbeat;     /* ms, 0: off */
    ngx_msec_t               expires;       /* ms: x-expires */
    size_t                   max_length;    /* bytes: x-max-length-bytes */
    ngx_msec_t               idle;          /* ms: RabbitMQ streams are let go
                                               that long after the last
                                               subscriber */
    ngx_str_t                trusted_certificate;
    ngx_uint_t               verify;        /* 0: off */
    ngx_ssl_t               *ssl;           /* set when a node is amqps */
    ngx_thread_pool_t       *thread_pool;   /* for getaddrinfo() */
} ngx_ess_amqp_conf_t;


/*
 * One ess_amqp directive: cf->args; *conf is made by the first.  Parameters:
 * exchange=name type=direct|topic queues=classic|quorum password_file=path
 * prefetch=number heartbeat=time expires=time max_length=size idle=time
 * trusted_certificate=path verify=on|off;
 * those of the first directive hold for all nodes, and a later one may only
 * repeat them with the same value or leave them out (but password_file=, which
 * is each node's own).  Passwords are in no message.
 */
char *ngx_ess_amqp_conf(ngx_conf_t *cf, ngx_ess_amqp_conf_t **conf);

/* After all directives: defaults, TLS context, thread pool. */
char *ngx_ess_amqp_conf_init(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf);


#endif /* _NGX_ESS_AMQP_CONF_H_INCLUDED_ */
