/*
 * TLS to a broker: the name that is asked for, and whether the certificate is
 * that node's.  Owns nothing; runs in a worker, before and after the handshake.
 */


#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_tls.h"


#if (NGX_SSL)


static ngx_uint_t ngx_ess_amqp_tls_is_address(ngx_str_t *host);


ngx_int_t
ngx_ess_amqp_tls_create(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t     *c;
    ngx_ess_amqp_node_t  *node;

    c = s->connect.peer.connection;

    node = ngx_ess_amqp_session_node(s);

    if (ngx_ssl_create_connection(s->conf->ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_ess_amqp_tls_is_address(&node->host)
        && SSL_set_tlsext_host_name(c->ssl->connection,
                                    (char *) node->host.data)
           == 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_tls_verify(ngx_ess_amqp_session_t *s)
{
    int                   rc;
    long                  err;
    X509                 *cert;
    ngx_connection_t     *c;
    ngx_ess_amqp_node_t  *node;

    c = s->connect.peer.connection;

    node = ngx_ess_amqp_session_node(s);

    err = SSL_get_verify_result(c->ssl->connection);

    if (err != X509_V_OK) {
        return ngx_ess_amqp_trouble(s, "its TLS certificate is not trusted:"
                                    " (%l:%s)", err,
                                    X509_verify_cert_error_string(err));
    }

    if (!ngx_ess_amqp_tls_is_address(&node->host)) {

        if (ngx_ssl_check_host(c, &node->host) != NGX_OK) {
            return ngx_ess_amqp_trouble(s, "its TLS certificate is not for"
                                        " \"%V\"", &node->host);
        }

        return NGX_OK;
    }

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return ngx_ess_amqp_trouble(s, "it has no TLS certificate");
    }

    rc = X509_check_ip_asc(cert, (char *) node->host.data, 0);

    X509_free(cert);

    if (rc != 1) {
        return ngx_ess_amqp_trouble(s, "its TLS certificate is not for the"
                                    " address \"%V\"", &node->host);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_amqp_tls_is_address(ngx_str_t *host)
{
    u_char  addr[16];

    if (ngx_inet_addr(host->data, host->len) != INADDR_NONE) {
        return 1;
    }

#if (NGX_HAVE_INET6)
    if (ngx_inet6_addr(host->data, host->len, addr) == NGX_OK) {
        return 1;
    }
#endif

    return 0;
}

#endif
