/*
 * How a session comes to a connected socket: names are resolved in a thread,
 * the addresses of a name and then the nodes are tried in turn, TLS.  The
 * lookup's memory belongs to the lookup, which may outlive the session; the
 * rest to the session.  Runs in a worker, the lookup in its thread pool.
 */


#include "ngx_ess_amqp_session.h"
#include "ngx_ess_backoff.h"


/* ms for one address: connect, TLS and handshake */
#define NGX_ESS_AMQP_HANDSHAKE_TIME  5000


/* one lookup; outlives the session when it has to */

struct ngx_ess_amqp_resolve_s {
    ngx_thread_task_t              task;
    ngx_ess_amqp_session_t        *session;     /* NULL: nobody waits */
    ngx_uint_t                     node;
    int                            flags;
    int                            error;       /* of getaddrinfo() */
    struct addrinfo               *addrs;       /* without an error */
    ngx_uint_t                     done;        /* 1: the two are known, perhaps
                                                   too late for one attempt */
    u_char                         host[1];     /* null terminated */
};


static ngx_int_t ngx_ess_amqp_connect_another(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_leave(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_connect_resolve(ngx_ess_amqp_session_t *s);
static ngx_ess_amqp_resolve_t *ngx_ess_amqp_connect_lookup(
    ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_lookup_thread(void *data, ngx_log_t *log);
static void ngx_ess_amqp_connect_lookup_done(ngx_event_t *ev);
static void ngx_ess_amqp_connect_lookup_free(ngx_ess_amqp_resolve_t *resolve);
static ngx_int_t ngx_ess_amqp_connect_address(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_connect_failed(ngx_ess_amqp_session_t *s,
    const char *what);
static void ngx_ess_amqp_connect_handler(ngx_event_t *ev);
static void ngx_ess_amqp_connect_lost(ngx_ess_amqp_session_t *s);

#if (NGX_SSL)
static void ngx_ess_amqp_connect_tls(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_tls_handler(ngx_connection_t *c);
static ngx_int_t ngx_ess_amqp_connect_tls_create(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_connect_tls_verify(ngx_ess_amqp_session_t *s);
#endif


/* goes on until something is under way: a lookup, a connect, or a wait */

void
ngx_ess_amqp_connect(ngx_ess_amqp_session_t *s)
{
    ngx_int_t  rc;

    do {
        rc = s->connect.addr ? NGX_OK : ngx_ess_amqp_connect_resolve(s);

        if (rc == NGX_OK) {
            rc = ngx_ess_amqp_connect_address(s);
        }

        if (rc == NGX_AGAIN) {
            return;
        }

    } while (ngx_ess_amqp_connect_another(s) == NGX_OK);

    ngx_ess_amqp_connect_later(s);
}


/* NGX_OK: there is an address or a node to be tried now; NGX_DONE: all were */

static ngx_int_t
ngx_ess_amqp_connect_another(ngx_ess_amqp_session_t *s)
{
    if (s->connect.addr && s->connect.addr->ai_next) {
        s->connect.addr = s->connect.addr->ai_next;
        return NGX_OK;
    }

    ngx_ess_amqp_connect_leave(s);

    s->node = (s->node + 1) % s->conf->nodes.nelts;

    return (++s->connect.tried < s->conf->nodes.nelts) ? NGX_OK : NGX_DONE;
}


/* What was looked up of the node is looked up again. */

static void
ngx_ess_amqp_connect_leave(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_resolve_t  **resolve;

    resolve = &s->connect.resolves[s->node];

    s->connect.addr = NULL;

    if (*resolve && (*resolve)->done) {
        ngx_ess_amqp_connect_lookup_free(*resolve);
        *resolve = NULL;
    }
}


void
ngx_ess_amqp_connect_next(ngx_ess_amqp_session_t *s)
{
    if (ngx_ess_amqp_connect_another(s) == NGX_OK) {
        ngx_ess_amqp_connect(s);

    } else {
        ngx_ess_amqp_connect_later(s);
    }
}


void
ngx_ess_amqp_connect_later(ngx_ess_amqp_session_t *s)
{
    if (s->connect.addr) {
        ngx_ess_amqp_connect_leave(s);
    }

    s->state = NGX_ESS_AMQP_IDLE;
    s->connect.tried = 0;

    ngx_add_timer(&s->connect.timer, ngx_ess_backoff(s->connect.attempt++));
}


void
ngx_ess_amqp_connect_close(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connect.peer.connection;

    if (c) {
        s->connect.peer.connection = NULL;

        /* nothing that TLS says of its end is worth a line */
        c->log = &s->trouble.quiet_log;

#if (NGX_SSL)
        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(c);
        }
#endif

        ngx_close_connection(c);
    }

    if (s->connect.pool) {
        ngx_destroy_pool(s->connect.pool);
        s->connect.pool = NULL;
    }

    if (s->connect.timer.timer_set) {
        ngx_del_timer(&s->connect.timer);
    }
}


void
ngx_ess_amqp_connect_forget(ngx_ess_amqp_session_t *s)
{
    ngx_uint_t               i;
    ngx_ess_amqp_resolve_t  *resolve;

    for (i = 0; i < s->conf->nodes.nelts; i++) {
        resolve = s->connect.resolves[i];

        if (resolve == NULL) {
            continue;
        }

        resolve->session = NULL;

        if (resolve->done) {
            ngx_ess_amqp_connect_lookup_free(resolve);
        }
    }
}


/* NGX_OK: there are addresses; NGX_AGAIN: a thread is at it; NGX_ERROR */

static ngx_int_t
ngx_ess_amqp_connect_resolve(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_resolve_t  *resolve;

    resolve = s->connect.resolves[s->node];

    if (resolve == NULL) {
        resolve = ngx_ess_amqp_connect_lookup(s);

        if (resolve == NULL) {
            return ngx_ess_amqp_trouble(s, "its name cannot be looked up in a"
                                        " thread");
        }

        s->connect.resolves[s->node] = resolve;
    }

    /* perhaps it was begun in the last attempt, or even ended */

    if (!resolve->done) {
        s->state = NGX_ESS_AMQP_RESOLVING;
        ngx_add_timer(&s->connect.timer, NGX_ESS_AMQP_HANDSHAKE_TIME);

        return NGX_AGAIN;
    }

    if (resolve->error) {
        return ngx_ess_amqp_trouble(s, "its name cannot be resolved: %s",
                                    gai_strerror(resolve->error));
    }

    s->connect.addr = resolve->addrs;

    return NGX_OK;
}


static ngx_ess_amqp_resolve_t *
ngx_ess_amqp_connect_lookup(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_node_t     *node;
    ngx_ess_amqp_resolve_t  *resolve;

    node = ngx_ess_amqp_session_node(s);

    resolve = ngx_calloc(sizeof(ngx_ess_amqp_resolve_t) + node->host.len,
                         s->parent_log);
    if (resolve == NULL) {
        return NULL;
    }

    resolve->session = s;
    resolve->node = s->node;

    /* a copy: the configuration may be gone before the thread is done */

    ngx_memcpy(resolve->host, node->host.data, node->host.len);

    if (node->address) {
        resolve->flags = AI_NUMERICHOST;
        ngx_ess_amqp_connect_lookup_thread(resolve, s->parent_log);
        resolve->done = 1;

        return resolve;
    }

    resolve->task.ctx = resolve;
    resolve->task.handler = ngx_ess_amqp_connect_lookup_thread;
    resolve->task.event.handler = ngx_ess_amqp_connect_lookup_done;
    resolve->task.event.data = resolve;

    if (ngx_thread_task_post(s->conf->thread_pool, &resolve->task) != NGX_OK) {
        ngx_free(resolve);
        return NULL;
    }

    return resolve;
}


/* blocks, unless the flags say that the host is an address */

static void
ngx_ess_amqp_connect_lookup_thread(void *data, ngx_log_t *log)
{
    ngx_ess_amqp_resolve_t *resolve = data;

    struct addrinfo  hints;

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = resolve->flags;
#if !(NGX_HAVE_INET6)
    hints.ai_family = AF_INET;
#endif

    resolve->error = getaddrinfo((char *) resolve->host, NULL, &hints,
                                 &resolve->addrs);
}


/* In the event loop again.  A name server that is down can make each lookup
   take longer than an attempt waits for it. */

static void
ngx_ess_amqp_connect_lookup_done(ngx_event_t *ev)
{
    ngx_ess_amqp_session_t  *s;
    ngx_ess_amqp_resolve_t  *resolve;

    resolve = ev->data;
    s = resolve->session;

    resolve->done = 1;

    if (s == NULL) {
        ngx_ess_amqp_connect_lookup_free(resolve);
        return;
    }

    if (s->state == NGX_ESS_AMQP_RESOLVING && s->node == resolve->node) {
        ngx_del_timer(&s->connect.timer);
        s->state = NGX_ESS_AMQP_IDLE;

        ngx_ess_amqp_connect(s);
    }
}


static void
ngx_ess_amqp_connect_lookup_free(ngx_ess_amqp_resolve_t *resolve)
{
    if (resolve->error == 0) {
        freeaddrinfo(resolve->addrs);
    }

    ngx_free(resolve);
}


/* NGX_AGAIN: under way; NGX_ERROR, logged: not this address */

static ngx_int_t
ngx_ess_amqp_connect_address(ngx_ess_amqp_session_t *s)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *pc;

    pc = &s->connect.peer;
    ngx_memzero(pc, sizeof(ngx_peer_connection_t));

    pc->sockaddr = s->connect.addr->ai_addr;
    pc->socklen = s->connect.addr->ai_addrlen;

    ngx_inet_set_port(pc->sockaddr, ngx_ess_amqp_session_node(s)->port);

    s->connect.addr_name.data = s->connect.addr_text;
    s->connect.addr_name.len = ngx_sock_ntop(pc->sockaddr, pc->socklen,
                                             s->connect.addr_text,
                                             NGX_SOCKADDR_STRLEN, 1);

    s->trouble.quiet_len = 0;

    pc->name = &s->connect.addr_name;
    pc->get = ngx_event_get_peer;
    pc->log = &s->trouble.quiet_log;
    pc->log_error = NGX_ERROR_ERR;
    pc->so_keepalive = 1;

    rc = ngx_event_connect_peer(pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_ess_amqp_connect_close(s);
        return ngx_ess_amqp_connect_failed(s, "connect() failed");
    }

    /* of the connection only: TLS takes from it */

    s->connect.pool = ngx_create_pool(512, &s->trouble.quiet_log);
    if (s->connect.pool == NULL) {
        ngx_ess_amqp_connect_close(s);
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    c = pc->connection;
    c->data = s;
    c->pool = s->connect.pool;
    c->read->handler = ngx_ess_amqp_connect_handler;
    c->write->handler = ngx_ess_amqp_connect_handler;

    s->state = NGX_ESS_AMQP_CONNECTING;
    ngx_add_timer(&s->connect.timer, NGX_ESS_AMQP_HANDSHAKE_TIME);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


/* with what nginx had to say, if it said something */

static ngx_int_t
ngx_ess_amqp_connect_failed(ngx_ess_amqp_session_t *s, const char *what)
{
    if (s->trouble.quiet_len == 0) {
        return ngx_ess_amqp_trouble(s, "%s, address %V", what,
                                    &s->connect.addr_name);
    }

    return ngx_ess_amqp_trouble(s, "%*s, address %V", s->trouble.quiet_len,
                                s->trouble.quiet, &s->connect.addr_name);
}


static void
ngx_ess_amqp_connect_handler(ngx_event_t *ev)
{
    int                      err;
    socklen_t                len;
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = ev->data;
    s = c->data;
    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_error(NGX_LOG_ERR, c->log, err, "connect() failed");
        (void) ngx_ess_amqp_connect_failed(s, "connect() failed");
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    (void) ngx_tcp_nodelay(c);

#if (NGX_SSL)
    if (ngx_ess_amqp_session_node(s)->tls) {
        ngx_ess_amqp_connect_tls(s);
        return;
    }
#endif

    s->connect.handler(s);
}


static void
ngx_ess_amqp_connect_lost(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_connect_close(s);
    s->state = NGX_ESS_AMQP_IDLE;
    ngx_ess_amqp_connect_next(s);
}


#if (NGX_SSL)

static void
ngx_ess_amqp_connect_tls(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connect.peer.connection;

    s->state = NGX_ESS_AMQP_TLS;

    if (ngx_ess_amqp_connect_tls_create(s) != NGX_OK) {
        (void) ngx_ess_amqp_connect_failed(s, "TLS cannot be started");
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        c->ssl->handler = ngx_ess_amqp_connect_tls_handler;
        return;
    }

    ngx_ess_amqp_connect_tls_handler(c);
}


static void
ngx_ess_amqp_connect_tls_handler(ngx_connection_t *c)
{
    ngx_ess_amqp_session_t  *s;

    s = c->data;

    if (!c->ssl->handshaked) {
        (void) ngx_ess_amqp_connect_failed(s, "the TLS handshake failed");
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    if (s->conf->verify && ngx_ess_amqp_connect_tls_verify(s) != NGX_OK) {
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    s->connect.handler(s);
}


/* The name that is asked for. */

static ngx_int_t
ngx_ess_amqp_connect_tls_create(ngx_ess_amqp_session_t *s)
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


/* The certificate is trusted and the node's; else it is logged. */

static ngx_int_t
ngx_ess_amqp_connect_tls_verify(ngx_ess_amqp_session_t *s)
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
