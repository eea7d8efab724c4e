/*
 * Methods on channel 0.
 */


#ifndef _NGX_ESS_AMQP_HANDSHAKE_H_INCLUDED_
#define _NGX_ESS_AMQP_HANDSHAKE_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


/* Takes a frame on that channel.  NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_amqp_handshake(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);


#endif /* _NGX_ESS_AMQP_HANDSHAKE_H_INCLUDED_ */
