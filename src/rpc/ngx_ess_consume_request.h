/*
 * The request that a message becomes.
 */


#ifndef _NGX_ESS_CONSUME_REQUEST_H_INCLUDED_
#define _NGX_ESS_CONSUME_REQUEST_H_INCLUDED_


#include "ngx_ess_consume_message.h"


/*
 * Lets nginx run it: msg->responded is called later, once, when there is a
 * response or will be none; unless the message is freed before.  NGX_OK;
 * NGX_DECLINED: its address is none, it can never be run; NGX_ERROR: no
 * memory, or no connection.
 */
ngx_int_t ngx_ess_consume_request(ngx_ess_consume_message_t *msg);

/* Which message nginx's request is of; NULL: of none. */
ngx_ess_consume_message_t *ngx_ess_consume_request_message(
    ngx_http_request_t *r);


#endif /* _NGX_ESS_CONSUME_REQUEST_H_INCLUDED_ */
