/*
 * The directive ess_consume.
 */


#ifndef _NGX_ESS_CONSUME_CONF_H_INCLUDED_
#define _NGX_ESS_CONSUME_CONF_H_INCLUDED_


#include "ngx_ess_rpc_conf.h"


/* what is made of a queue that is not there */

typedef enum {
    NGX_ESS_CONSUME_PASSIVE = 0,            /* nothing, it is waited for */
    NGX_ESS_CONSUME_DURABLE,
    NGX_ESS_CONSUME_TRANSIENT
} ngx_ess_consume_declare_e;


/* what all queues of one directive share */

typedef struct {
    ngx_http_conf_ctx_t     *ctx;           /* of the server that it is in */
    ngx_http_core_loc_conf_t *location;     /* that it is in */
    ngx_http_complex_value_t *uri;          /* NULL: the location's name */
    ngx_str_t                method;
    ngx_uint_t               concurrency;
    ngx_uint_t               declare;       /* ngx_ess_consume_declare_e */
    ngx_uint_t               unpack;        /* NGX_ESS_RPC_… */
    ngx_uint_t               pack;          /* the same, but not AUTO */
    ngx_msec_t               timeout;       /* ms */
    size_t                   max_reply;     /* bytes */
    ngx_uint_t               retries;
    ngx_msec_t               retry_delay;   /* ms */
    ngx_str_t                dead;          /* a queue; empty: none */
    ngx_array_t             *reply;         /* of ngx_str_t: names of queues,
                                               "*" at the end of one stands for
                                               anything, that are answered;
                                               NULL: all but those of ours */
    size_t                   max_body;      /* bytes of a message, also when it
                                               is inflated: what the location
                                               allows; set by _check() */
    unsigned                 sac:1;         /* they have a single active
                                               consumer */
} ngx_ess_consume_conf_t;


typedef struct {
    ngx_str_t                name;
    ngx_ess_consume_conf_t  *consume;
    ngx_uint_t               figures;       /* its row of the figures */
} ngx_ess_consume_conf_queue_t;


/* The setter. */
char *ngx_ess_consume_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* When all directives are read.  NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_consume_conf_check(ngx_conf_t *cf,
    ngx_ess_rpc_conf_t *conf);


#endif /* _NGX_ESS_CONSUME_CONF_H_INCLUDED_ */
