/*
 * The reply to a message that somebody waits for.
 */


#ifndef _NGX_ESS_CONSUME_REPLY_H_INCLUDED_
#define _NGX_ESS_CONSUME_REPLY_H_INCLUDED_


#include "ngx_ess_consume_message.h"


/*
 * Makes it of the response, which is "req", copies what it needs of that, and
 * publishes it; without a response it says so.  msg->settled is called later,
 * once, unless the message is freed before, with what
 * ngx_ess_rpc_publish_pt has.  NGX_OK, or NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_consume_reply(ngx_ess_consume_message_t *msg,
    ngx_ess_request_t *req);

/* The same of a message that cannot become a request: says what msg->why
   means, TOO_LARGE, INFLATE or URI. */
ngx_int_t ngx_ess_consume_reply_refusal(ngx_ess_consume_message_t *msg);


#endif /* _NGX_ESS_CONSUME_REPLY_H_INCLUDED_ */
