/*
 * The address for the reply is a publisher's choice, and it is the worker that
 * publishes there, with its own rights.  Pure functions, for outside bytes.
 */


#ifndef _NGX_ESS_CONSUME_DOOR_H_INCLUDED_
#define _NGX_ESS_CONSUME_DOOR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* 1: replies may go there.  "patterns": of ngx_str_t, a "*" at the end of one
   stands for anything; NULL: all queues but this module's own. */
ngx_uint_t ngx_ess_consume_door(ngx_str_t *reply_to, ngx_array_t *patterns);

/* 1: it is what a caller writes for its own channel, "amq.rabbitmq.reply-to",
   for which the broker puts another one: it came past that, and says
   nothing of whose channel. */
ngx_uint_t ngx_ess_consume_door_bare(ngx_str_t *reply_to);

/* 1: it is not a queue, but a caller's channel: "direct reply-to". */
ngx_uint_t ngx_ess_consume_door_direct(ngx_str_t *reply_to);


#endif /* _NGX_ESS_CONSUME_DOOR_H_INCLUDED_ */
