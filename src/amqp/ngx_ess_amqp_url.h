/*
 * amqp[s]://[user[:password]@]host[:port][/vhost] taken apart; a pure
 * function, for outside bytes.
 */


#ifndef _NGX_ESS_AMQP_URL_H_INCLUDED_
#define _NGX_ESS_AMQP_URL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a host name and the short strings of AMQP */
#define NGX_ESS_AMQP_URL_MAX           255
#define NGX_ESS_AMQP_URL_PASSWORD_MAX  1024


typedef struct {
    ngx_str_t                host;          /* without brackets; null
                                               terminated */
    in_port_t                port;
    ngx_str_t                user;          /* decoded; "guest" without one */
    ngx_str_t                password;      /* decoded; never logged */
    ngx_str_t                vhost;         /* decoded; "/" without one */
    unsigned                 tls:1;
    unsigned                 ipv6:1;        /* the host was in brackets */
    unsigned                 has_password:1;

    /* the user's */
    ngx_str_t                name;          /* "host:port", for logs */
    unsigned                 address:1;     /* the host is one */
} ngx_ess_amqp_node_t;


/*
 * "buf" has room for url->len bytes and lives as long as *node, which points
 * into it.  NULL: all is well; otherwise what is wrong, in words that hold
 * nothing of the url.
 */
const char *ngx_ess_amqp_url_parse(ngx_ess_amqp_node_t *node, ngx_str_t *url,
    u_char *buf);


#endif /* _NGX_ESS_AMQP_URL_H_INCLUDED_ */
