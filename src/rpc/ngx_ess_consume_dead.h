/*
 * A message that failed for good goes to the queue of "dead=".
 */


#ifndef _NGX_ESS_CONSUME_DEAD_H_INCLUDED_
#define _NGX_ESS_CONSUME_DEAD_H_INCLUDED_


#include "ngx_ess_consume_message.h"


/*
 * Publishes it as it came, with msg->why and what else there is to say in its
 * headers.  msg->settled is called later, once, unless the message is freed
 * before, with what ngx_ess_rpc_publish_pt has.  NGX_OK, or NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_consume_dead(ngx_ess_consume_message_t *msg);


#endif /* _NGX_ESS_CONSUME_DEAD_H_INCLUDED_ */
