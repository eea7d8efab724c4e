/*
 * TLS to a broker: the name that is asked for, and whether the certificate is
 * that node's.  Owns nothing; runs in a worker, before and after the handshake.
 */


#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_tls.h"


#if (NGX_SSL)


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

    if (!node->address
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

    cert = SSL_get_peer_certificate(c->ssl->connection);
    if (cert == NULL) {
        return ngx_ess_amqp_trouble(s, "it has no TLS certificate");
    }

    rc = node->address
         ? X509_check_ip_asc(cert, (char *) node->host.data, 0)
         : X509_check_host(cert, (char *) node->host.data, node->host.len, 0,
                           NULL);

    X509_free(cert);

    if (rc != 1) {
        return ngx_ess_amqp_trouble(s, "its TLS certificate is not for%s"
                                    " \"%V\"",
                                    node->address ? " the address" : "",
                                    &node->host);
    }

    return NGX_OK;
}

#endif
