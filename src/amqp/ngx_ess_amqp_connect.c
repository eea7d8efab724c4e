/*
 * How a session comes to a connected socket: names are resolved in a thread,
 * the addresses of a name and then the nodes are tried in turn, TLS.  The
 * lookup's memory belongs to the lookup, which may outlive the session; the
 * rest to the session.  Runs in a worker, the lookup in its thread pool.
 */


#include "ngx_ess_amqp_session.h"
#include "ngx_ess_amqp_tls.h"
#include "ngx_ess_backoff.h"
#include <netdb.h>


/* ms for one address: connect, TLS and handshake */
#define NGX_ESS_AMQP_HANDSHAKE_TIME  5000


/* one lookup in a thread; outlives the session when it has to */

struct ngx_ess_amqp_resolve_s {
    ngx_pool_t                    *pool;        /* holds this */
    ngx_ess_amqp_session_t        *session;     /* NULL: nobody waits */
    ngx_uint_t                     node;
    u_char                        *host;        /* null terminated */
    in_port_t                      port;
    ngx_uint_t                     done;        /* came too late for one
                                                   attempt, kept for the next */
    int                            error;       /* of getaddrinfo() */
    ngx_uint_t                     naddrs;
    ngx_sockaddr_t                 addrs[NGX_ESS_AMQP_ADDRS];
    socklen_t                      socklens[NGX_ESS_AMQP_ADDRS];
};


static ngx_int_t ngx_ess_amqp_connect_resolve(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_lookup(ngx_ess_amqp_resolve_t *resolve,
    int flags);
static void ngx_ess_amqp_connect_lookup_thread(void *data, ngx_log_t *log);
static void ngx_ess_amqp_connect_lookup_done(ngx_event_t *ev);
static ngx_int_t ngx_ess_amqp_connect_take(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_resolve_t *resolve);
static ngx_int_t ngx_ess_amqp_connect_next(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_connect_address(ngx_ess_amqp_session_t *s);
static ngx_int_t ngx_ess_amqp_connect_prepare(ngx_ess_amqp_session_t *s,
    ngx_connection_t *c);
static ngx_int_t ngx_ess_amqp_connect_failed(ngx_ess_amqp_session_t *s,
    const char *what);
static void ngx_ess_amqp_connect_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_amqp_connect_test(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_lost(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_done(ngx_ess_amqp_session_t *s);

#if (NGX_SSL)
static ngx_int_t ngx_ess_amqp_connect_tls(ngx_ess_amqp_session_t *s);
static void ngx_ess_amqp_connect_tls_handler(ngx_connection_t *c);
static void ngx_ess_amqp_connect_tls_done(ngx_ess_amqp_session_t *s);
#endif


/* goes on until something is under way: a lookup, a connect, or a wait */

void
ngx_ess_amqp_connect(ngx_ess_amqp_session_t *s)
{
    ngx_int_t  rc;

    for ( ;; ) {

        if (s->connect.addr == s->connect.naddrs) {
            s->connect.addr = 0;
            s->connect.naddrs = 0;

            rc = ngx_ess_amqp_connect_resolve(s);

            if (rc == NGX_AGAIN) {
                return;
            }

            if (rc == NGX_ERROR) {

                if (ngx_ess_amqp_connect_next(s) == NGX_DONE) {
                    ngx_ess_amqp_connect_later(s);
                    return;
                }

                continue;
            }
        }

        rc = ngx_ess_amqp_connect_address(s);

        if (rc == NGX_OK) {
            return;
        }

        if (++s->connect.addr == s->connect.naddrs
            && ngx_ess_amqp_connect_next(s) == NGX_DONE)
        {
            ngx_ess_amqp_connect_later(s);
            return;
        }
    }
}


/* NGX_OK: s->node is one to be tried now; NGX_DONE: all were tried */

static ngx_int_t
ngx_ess_amqp_connect_next(ngx_ess_amqp_session_t *s)
{
    s->connect.addr = 0;
    s->connect.naddrs = 0;
    s->node = (s->node + 1) % s->conf->nodes.nelts;

    if (++s->connect.tried < s->conf->nodes.nelts) {
        return NGX_OK;
    }

    return NGX_DONE;
}


void
ngx_ess_amqp_connect_next_address(ngx_ess_amqp_session_t *s)
{
    if (++s->connect.addr < s->connect.naddrs) {
        ngx_ess_amqp_connect(s);
        return;
    }

    ngx_ess_amqp_connect_next_node(s);
}


void
ngx_ess_amqp_connect_next_node(ngx_ess_amqp_session_t *s)
{
    if (ngx_ess_amqp_connect_next(s) == NGX_DONE) {
        ngx_ess_amqp_connect_later(s);
        return;
    }

    ngx_ess_amqp_connect(s);
}


void
ngx_ess_amqp_connect_later(ngx_ess_amqp_session_t *s)
{
    s->state = NGX_ESS_AMQP_IDLE;
    s->connect.addr = 0;
    s->connect.naddrs = 0;
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
    ngx_uint_t  i;

    for (i = 0; i < s->conf->nodes.nelts; i++) {

        if (s->connect.resolves[i] == NULL) {
            continue;
        }

        if (s->connect.resolves[i]->done) {
            ngx_destroy_pool(s->connect.resolves[i]->pool);

        } else {
            s->connect.resolves[i]->session = NULL;
        }

        s->connect.resolves[i] = NULL;
    }
}


/* NGX_OK: there are addresses; NGX_AGAIN: a thread is at it; NGX_ERROR */

static ngx_int_t
ngx_ess_amqp_connect_resolve(ngx_ess_amqp_session_t *s)
{
    ngx_int_t                rc;
    ngx_pool_t              *pool;
    ngx_thread_task_t       *task;
    ngx_ess_amqp_node_t     *node;
    ngx_ess_amqp_resolve_t  *resolve;

    node = ngx_ess_amqp_session_node(s);

    resolve = s->connect.resolves[s->node];

    if (resolve && !resolve->done) {
        /* still at it since the last attempt */
        goto wait;
    }

    if (resolve) {
        s->connect.resolves[s->node] = NULL;

        rc = ngx_ess_amqp_connect_take(s, resolve);
        ngx_destroy_pool(resolve->pool);
        return rc;
    }

    pool = ngx_create_pool(4096, s->parent_log);
    if (pool == NULL) {
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    task = ngx_thread_task_alloc(pool, sizeof(ngx_ess_amqp_resolve_t));
    if (task == NULL) {
        goto failed;
    }

    resolve = task->ctx;
    ngx_memzero(resolve, sizeof(ngx_ess_amqp_resolve_t));

    resolve->pool = pool;
    resolve->session = s;
    resolve->node = s->node;
    resolve->port = node->port;

    /* a copy: the configuration may be gone before the thread is done */

    resolve->host = ngx_pnalloc(pool, node->host.len + 1);
    if (resolve->host == NULL) {
        goto failed;
    }

    ngx_cpystrn(resolve->host, node->host.data, node->host.len + 1);

    ngx_ess_amqp_connect_lookup(resolve, AI_NUMERICHOST);

    if (resolve->error == 0) {
        rc = ngx_ess_amqp_connect_take(s, resolve);
        ngx_destroy_pool(pool);
        return rc;
    }

    task->handler = ngx_ess_amqp_connect_lookup_thread;
    task->event.handler = ngx_ess_amqp_connect_lookup_done;
    task->event.data = resolve;

    if (s->conf->thread_pool == NULL
        || ngx_thread_task_post(s->conf->thread_pool, task) != NGX_OK)
    {
        goto failed;
    }

    s->connect.resolves[s->node] = resolve;

wait:

    s->state = NGX_ESS_AMQP_RESOLVING;
    ngx_add_timer(&s->connect.timer, NGX_ESS_AMQP_HANDSHAKE_TIME);

    return NGX_AGAIN;

failed:

    ngx_destroy_pool(pool);

    return ngx_ess_amqp_trouble(s, "its name cannot be looked up in a"
                                " thread");
}


/* blocks, unless the flags say that the host is an address */

static void
ngx_ess_amqp_connect_lookup(ngx_ess_amqp_resolve_t *resolve, int flags)
{
    struct addrinfo   hints, *res, *r;

    ngx_memzero(&hints, sizeof(struct addrinfo));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;

    resolve->error = getaddrinfo((char *) resolve->host, NULL, &hints, &res);
    if (resolve->error) {
        return;
    }

    for (r = res; r && resolve->naddrs < NGX_ESS_AMQP_ADDRS; r = r->ai_next) {

        if (r->ai_addrlen > (socklen_t) sizeof(ngx_sockaddr_t)) {
            continue;
        }

        if (r->ai_family != AF_INET
#if (NGX_HAVE_INET6)
            && r->ai_family != AF_INET6
#endif
           )
        {
            continue;
        }

        ngx_inet_set_port(r->ai_addr, resolve->port);

        ngx_memcpy(&resolve->addrs[resolve->naddrs], r->ai_addr,
                   r->ai_addrlen);
        resolve->socklens[resolve->naddrs++] = r->ai_addrlen;
    }

    freeaddrinfo(res);
}


static void
ngx_ess_amqp_connect_lookup_thread(void *data, ngx_log_t *log)
{
    ngx_ess_amqp_connect_lookup(data, 0);
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

    if (s == NULL) {
        ngx_destroy_pool(resolve->pool);
        return;
    }

    resolve->done = 1;

    if (s->state == NGX_ESS_AMQP_RESOLVING && s->node == resolve->node) {
        ngx_del_timer(&s->connect.timer);
        s->state = NGX_ESS_AMQP_IDLE;

        ngx_ess_amqp_connect(s);
    }
}


static ngx_int_t
ngx_ess_amqp_connect_take(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_resolve_t *resolve)
{
    if (resolve->error) {
        return ngx_ess_amqp_trouble(s, "its name cannot be resolved: %s",
                                    gai_strerror(resolve->error));
    }

    if (resolve->naddrs == 0) {
        return ngx_ess_amqp_trouble(s, "its name has no address");
    }

    s->connect.addr = 0;
    s->connect.naddrs = resolve->naddrs;
    ngx_memcpy(s->connect.addrs, resolve->addrs, sizeof(s->connect.addrs));
    ngx_memcpy(s->connect.socklens, resolve->socklens,
               sizeof(s->connect.socklens));

    return NGX_OK;
}


/* NGX_OK: under way; NGX_ERROR, logged: not this address */

static ngx_int_t
ngx_ess_amqp_connect_address(ngx_ess_amqp_session_t *s)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *pc;

    pc = &s->connect.peer;
    ngx_memzero(pc, sizeof(ngx_peer_connection_t));

    pc->sockaddr = &s->connect.addrs[s->connect.addr].sockaddr;
    pc->socklen = s->connect.socklens[s->connect.addr];

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

    c = pc->connection;

    if (rc != NGX_OK && rc != NGX_AGAIN) {

        if (c) {
            ngx_close_connection(c);
            pc->connection = NULL;
        }

        return ngx_ess_amqp_connect_failed(s, "connect() failed");
    }

    if (ngx_ess_amqp_connect_prepare(s, c) != NGX_OK) {
        ngx_close_connection(c);
        pc->connection = NULL;
        return ngx_ess_amqp_trouble(s, "no memory");
    }

    s->state = NGX_ESS_AMQP_CONNECTING;
    ngx_add_timer(&s->connect.timer, NGX_ESS_AMQP_HANDSHAKE_TIME);

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_connect_prepare(ngx_ess_amqp_session_t *s, ngx_connection_t *c)
{
    /* of the connection only: TLS takes from it */

    s->connect.pool = ngx_create_pool(512, &s->trouble.quiet_log);
    if (s->connect.pool == NULL) {
        return NGX_ERROR;
    }

    c->data = s;
    c->pool = s->connect.pool;
    c->read->handler = ngx_ess_amqp_connect_handler;
    c->write->handler = ngx_ess_amqp_connect_handler;

    return NGX_OK;
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
    ngx_connection_t        *c;
    ngx_ess_amqp_session_t  *s;

    c = ev->data;
    s = c->data;

    if (ngx_ess_amqp_connect_test(s) == NGX_OK) {
        ngx_ess_amqp_connect_done(s);

    } else {
        ngx_ess_amqp_connect_lost(s);
    }
}


static ngx_int_t
ngx_ess_amqp_connect_test(ngx_ess_amqp_session_t *s)
{
    int                err;
    socklen_t          len;
    ngx_connection_t  *c;

    c = s->connect.peer.connection;
    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_log_error(NGX_LOG_ERR, c->log, err, "connect() failed");
        return ngx_ess_amqp_connect_failed(s, "connect() failed");
    }

    return NGX_OK;
}


static void
ngx_ess_amqp_connect_lost(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_connect_close(s);
    s->state = NGX_ESS_AMQP_IDLE;
    ngx_ess_amqp_connect_next_address(s);
}


static void
ngx_ess_amqp_connect_done(ngx_ess_amqp_session_t *s)
{
    (void) ngx_tcp_nodelay(s->connect.peer.connection);

#if (NGX_SSL)

    if (ngx_ess_amqp_session_node(s)->tls) {

        if (ngx_ess_amqp_connect_tls(s) != NGX_OK) {
            (void) ngx_ess_amqp_connect_failed(s, "TLS cannot be started");
            ngx_ess_amqp_connect_lost(s);
        }

        return;
    }

#endif

    s->connect.handler(s);
}


#if (NGX_SSL)

static ngx_int_t
ngx_ess_amqp_connect_tls(ngx_ess_amqp_session_t *s)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = s->connect.peer.connection;

    s->state = NGX_ESS_AMQP_TLS;

    if (ngx_ess_amqp_tls_create(s) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_ess_amqp_connect_tls_handler;
        return NGX_OK;
    }

    ngx_ess_amqp_connect_tls_done(s);

    return NGX_OK;
}


static void
ngx_ess_amqp_connect_tls_handler(ngx_connection_t *c)
{
    ngx_ess_amqp_session_t  *s;

    s = c->data;

    ngx_ess_amqp_connect_tls_done(s);
}


static void
ngx_ess_amqp_connect_tls_done(ngx_ess_amqp_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connect.peer.connection;

    if (!c->ssl->handshaked) {
        (void) ngx_ess_amqp_connect_failed(s, "the TLS handshake failed");
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    if (s->conf->verify && ngx_ess_amqp_tls_verify(s) != NGX_OK) {
        ngx_ess_amqp_connect_lost(s);
        return;
    }

    s->connect.handler(s);
}

#endif
