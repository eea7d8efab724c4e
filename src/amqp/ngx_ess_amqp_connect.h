/*
 * The way to a connected socket: nodes in turn, their addresses, TLS.
 */


#ifndef _NGX_ESS_AMQP_CONNECT_H_INCLUDED_
#define _NGX_ESS_AMQP_CONNECT_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include <netdb.h>


typedef struct ngx_ess_amqp_resolve_s  ngx_ess_amqp_resolve_t;


typedef struct {
    ngx_uint_t                     tried;       /* nodes in this attempt */
    ngx_uint_t                     attempt;     /* for the backoff */
    ngx_ess_amqp_resolve_t       **resolves;    /* per node, or NULL */
    struct addrinfo               *addr;        /* of the node, to be tried;
                                                   NULL: not known */
    ngx_str_t                      addr_name;
    u_char                         addr_text[NGX_SOCKADDR_STRLEN];

    ngx_peer_connection_t          peer;
    ngx_pool_t                    *pool;        /* of the connection only */
    ngx_event_t                    timer;       /* retry, or time limit of the
                                                   handshake */

    /* the socket is connected, TLS done */
    void                         (*handler)(ngx_ess_amqp_session_t *s);
} ngx_ess_amqp_connect_t;


/* Goes on with the next address or node, or waits for the next attempt. */
void ngx_ess_amqp_connect(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_connect_next(ngx_ess_amqp_session_t *s);
void ngx_ess_amqp_connect_later(ngx_ess_amqp_session_t *s);

/* Closes the socket, if there is one. */
void ngx_ess_amqp_connect_close(ngx_ess_amqp_session_t *s);

/* Lookups under way are nobody's any more. */
void ngx_ess_amqp_connect_forget(ngx_ess_amqp_session_t *s);


#endif /* _NGX_ESS_AMQP_CONNECT_H_INCLUDED_ */
