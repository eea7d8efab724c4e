/*
 * rabbitmq-c's headers by the names that the installed version has: 0.12 moved
 * them to a folder.  Includes nothing of nginx, so that the bench can use it.
 */


#ifndef _NGX_ESS_RABBITMQ_C_H_INCLUDED_
#define _NGX_ESS_RABBITMQ_C_H_INCLUDED_


#include <ngx_auto_config.h>
#include <stdlib.h>
#include <stdint.h>

#if (NGX_ESS_HAVE_RABBITMQ_C_AMQP_H)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#endif


#endif /* _NGX_ESS_RABBITMQ_C_H_INCLUDED_ */
