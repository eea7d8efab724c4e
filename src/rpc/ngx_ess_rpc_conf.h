/*
 * What ess_consume and ess_rpc need of a worker: one for all of them, made by
 * the first of these directives.
 */


#ifndef _NGX_ESS_RPC_CONF_H_INCLUDED_
#define _NGX_ESS_RPC_CONF_H_INCLUDED_


#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_rpc_figures.h"


/* how a body is compressed, or taken for compressed */

#define NGX_ESS_RPC_NONE      0
#define NGX_ESS_RPC_GZIP      1
#define NGX_ESS_RPC_AUTO      2             /* by its content_encoding */


/* largest body that is published or taken, whatever a location allows */
#define NGX_ESS_RPC_MAX_BODY  (64 * 1024 * 1024)


/* the values of "pack=" and "unpack=" */

extern ngx_conf_enum_t  ngx_ess_rpc_conf_packs[];
extern ngx_conf_enum_t  ngx_ess_rpc_conf_unpacks[];


typedef struct ngx_ess_rpc_conf_s {
    ngx_ess_amqp_conf_t     *amqp;          /* of ess_amqp */
    ngx_array_t              queues;        /* of ngx_ess_consume_conf_queue_t:
                                               that are consumed */
    ngx_array_t              calls;         /* of ngx_ess_call_conf_t *, one a
                                               location with ess_rpc */
    ngx_array_t              exchanges;     /* of ngx_str_t: that calls are
                                               published to; the first one is
                                               "", the default exchange */
    size_t                   max_body;      /* bytes of a message: the largest
                                               of all ess_consume's */
    size_t                   max_reply;     /* the same of all ess_rpc's */
    ngx_ess_rpc_figures_t   *figures;
} ngx_ess_rpc_conf_t;


/* For setters: that of the main configuration.  NULL: no memory. */
ngx_ess_rpc_conf_t *ngx_ess_rpc_conf(ngx_conf_t *cf);

/*
 * 1: clients and publishers may have to do with a queue of that name: it is a
 * short string, and neither the broker's ("amq.") nor one of ours ("ess.").
 */
ngx_uint_t ngx_ess_rpc_conf_queue(ngx_str_t *name);

/* What a location allows a body, within NGX_ESS_RPC_MAX_BODY. */
size_t ngx_ess_rpc_conf_max_body(ngx_http_core_loc_conf_t *clcf);


#define NGX_ESS_RPC_CONF_QUEUE                                                \
    "the name of a queue, of 1 to 255 bytes, that begins with neither "       \
    "\"amq.\" nor \"ess.\""


#endif /* _NGX_ESS_RPC_CONF_H_INCLUDED_ */
