
/*
 * What the key of an event may be taken from, of a delivery.  Private to
 * source/.
 */


#ifndef _NGX_ESS_RABBITMQ_KEY_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_KEY_H_INCLUDED_


#include "ngx_ess_amqp.h"


/* a publisher may say so what the key is, whatever the streams' rules are */
#define NGX_ESS_RABBITMQ_KEY_HEADER  "x-ess-key"


/* Sets all of the event that has to do with it.  The bytes stay the
   delivery's. */
void ngx_ess_rabbitmq_key(ngx_ess_event_t *event,
    ngx_ess_amqp_delivery_t *delivery);


#endif /* _NGX_ESS_RABBITMQ_KEY_H_INCLUDED_ */
