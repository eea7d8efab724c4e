/*
 * TLS of a session's connection.
 */


#ifndef _NGX_ESS_AMQP_TLS_H_INCLUDED_
#define _NGX_ESS_AMQP_TLS_H_INCLUDED_


#include "ngx_ess_amqp.h"


#if (NGX_SSL)

/* Before the handshake, on the connected socket.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_amqp_tls_create(ngx_ess_amqp_session_t *s);

/* After it: the certificate is trusted and the node's.  NGX_OK, or NGX_ERROR,
   logged. */
ngx_int_t ngx_ess_amqp_tls_verify(ngx_ess_amqp_session_t *s);

#endif


#endif /* _NGX_ESS_AMQP_TLS_H_INCLUDED_ */
