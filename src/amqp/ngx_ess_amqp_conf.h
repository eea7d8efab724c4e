/*
 * Where a broker is and how it is spoken to: what all AMQP connections of a
 * directive share.
 */


#ifndef _NGX_ESS_AMQP_CONF_H_INCLUDED_
#define _NGX_ESS_AMQP_CONF_H_INCLUDED_


#include "ngx_ess_param.h"
#include "ngx_ess_amqp_url.h"


typedef struct {
    ngx_array_t              nodes;         /* of ngx_ess_amqp_node_t */
    ngx_msec_t               heartbeat;     /* ms, 0: off */
    ngx_str_t                trusted_certificate;
    ngx_uint_t               verify;        /* 0: off */
    ngx_str_t                password_file; /* of the directive being read */
    ngx_uint_t               tls;           /* 1: a node is amqps */
    ngx_ssl_t               *ssl;           /* with it */
    ngx_thread_pool_t       *thread_pool;   /* for getaddrinfo() */
} ngx_ess_amqp_conf_t;


/* What is not set yet is marked so.  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_amqp_conf_create(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf);

/*
 * One ess_amqp directive: cf->args, a node's URL and parameters.  Those of the
 * connection: password_file=path heartbeat=time trusted_certificate=path
 * verify=on|off; others are in "params", with offsets from the beginning of
 * "conf", which is then the first field of what they are in.  Those of the
 * first directive hold for all nodes, and a later one may only repeat them
 * with the same value or leave them out (but password_file=, which is each
 * node's own).  Passwords are in no message.
 */
char *ngx_ess_amqp_conf(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf,
    const ngx_ess_param_t *params);

/* After all directives: defaults, TLS context, thread pool. */
char *ngx_ess_amqp_conf_init(ngx_conf_t *cf, ngx_ess_amqp_conf_t *conf);


#endif /* _NGX_ESS_AMQP_CONF_H_INCLUDED_ */
