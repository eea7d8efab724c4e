/*
 * A queue is looked for, and declared when it is not there: what one needs of
 * the broker before it consumes.
 */


#ifndef _NGX_ESS_CONSUME_QUEUE_DECLARE_H_INCLUDED_
#define _NGX_ESS_CONSUME_QUEUE_DECLARE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_consume_conf.h"


typedef struct ngx_ess_consume_queue_declare_s
    ngx_ess_consume_queue_declare_t;

/*
 * rc: NGX_OK: it is there; NGX_DECLINED: it is not, or cannot be declared,
 * "code" and "text", which is escaped, are the broker's; NGX_ABORT: the
 * connection is gone.
 */
typedef void (*ngx_ess_consume_queue_declare_pt)(
    ngx_ess_consume_queue_declare_t *d, ngx_int_t rc, ngx_uint_t code,
    ngx_str_t *text);

/* its caller's, which must leave it alone while "busy" */

struct ngx_ess_consume_queue_declare_s {
    ngx_str_t               *name;
    ngx_uint_t               how;           /* ngx_ess_consume_declare_e */
    ngx_ess_consume_queue_declare_pt handler;
    void                    *data;

    unsigned                 busy:1;        /* the handler will be called */
    /* private */
    unsigned                 creates:1;
    ngx_ess_amqp_channel_t  *admin;
    ngx_ess_amqp_op_t        op;
};


/* On a channel where nothing else is done, for what is refused closes it. */
void ngx_ess_consume_queue_declare(ngx_ess_consume_queue_declare_t *d,
    ngx_ess_amqp_channel_t *admin);


#endif /* _NGX_ESS_CONSUME_QUEUE_DECLARE_H_INCLUDED_ */
