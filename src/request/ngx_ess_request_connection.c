
/*
 * A connection of the worker's without a socket: nobody reads from it, and it
 * has an address all the same.  Nginx closes it, as any other.
 */


#include "ngx_ess_request_connection.h"


static void ngx_ess_request_connection_init(ngx_connection_t *c,
    ngx_log_t *log);
static ngx_http_connection_t *ngx_ess_request_connection_http(
    ngx_connection_t *c, ngx_http_conf_ctx_t *conf);
static ngx_int_t ngx_ess_request_connection_local(ngx_connection_t *c);
static void *ngx_ess_request_connection_copy(ngx_pool_t *pool,
    const void *data, size_t len);
static void ngx_ess_request_connection_handler(ngx_event_t *ev);
static ssize_t ngx_ess_request_connection_recv(ngx_connection_t *c,
    u_char *buf, size_t size);
static ssize_t ngx_ess_request_connection_recv_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static ssize_t ngx_ess_request_connection_send(ngx_connection_t *c,
    u_char *buf, size_t size);


ngx_connection_t *
ngx_ess_request_connection_create(ngx_log_t *own, ngx_http_conf_ctx_t *conf,
    ngx_log_t *log)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    /* number 0, not -1: worker_shutdown_timeout is for it as for any other */

    c = ngx_get_connection(0, log);
    if (c == NULL) {
        return NULL;
    }

    ngx_ess_request_connection_init(c, own);

    pool = ngx_create_pool(1024, own);
    if (pool == NULL) {
        ngx_close_connection(c);
        return NULL;
    }

    c->pool = pool;
    c->data = ngx_ess_request_connection_http(c, conf);

    if (c->data == NULL || ngx_ess_request_connection_local(c) != NGX_OK) {
        ngx_close_connection(c);
        ngx_destroy_pool(pool);
        return NULL;
    }

    return c;
}


static void
ngx_ess_request_connection_init(ngx_connection_t *c, ngx_log_t *log)
{
    /* to close it touches neither the descriptor nor events */

    c->shared = 1;
    c->type = SOCK_STREAM;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    log->connection = c->number;
    ((ngx_http_log_ctx_t *) log->data)->connection = c;

    c->log = log;
    c->log_error = NGX_ERROR_INFO;
    c->read->log = c->log;
    c->write->log = c->log;

    c->read->handler = ngx_ess_request_connection_handler;
    c->write->handler = ngx_ess_request_connection_handler;

    c->recv = ngx_ess_request_connection_recv;
    c->recv_chain = ngx_ess_request_connection_recv_chain;
    c->send = ngx_ess_request_connection_send;

    /* active: nobody adds it to epoll; eof: it is neither kept alive nor
       lingered for */

    c->read->active = 1;
    c->read->eof = 1;
    c->write->active = 1;
    c->write->ready = 1;

    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    /* how the end of the response is seen, with or without a body */

    c->need_last_buf = 1;
}


static ngx_http_connection_t *
ngx_ess_request_connection_http(ngx_connection_t *c,
    ngx_http_conf_ctx_t *conf)
{
    ngx_http_connection_t  *hc;

    hc = ngx_pcalloc(c->pool, sizeof(ngx_http_connection_t));
    if (hc == NULL) {
        return NULL;
    }

    hc->conf_ctx = conf;

    /* an address without names */

    hc->addr_conf = ngx_pcalloc(c->pool, sizeof(ngx_http_addr_conf_t));
    if (hc->addr_conf == NULL) {
        return NULL;
    }

    hc->addr_conf->default_server = ngx_http_get_module_srv_conf(conf,
                                                       ngx_http_core_module);

    /* what was read of it: nothing */

    c->buffer = ngx_pcalloc(c->pool, sizeof(ngx_buf_t));
    if (c->buffer == NULL) {
        return NULL;
    }

    return hc;
}


static ngx_int_t
ngx_ess_request_connection_local(ngx_connection_t *c)
{
    struct sockaddr  *sa;

    sa = ngx_pcalloc(c->pool, sizeof(struct sockaddr_un));
    if (sa == NULL) {
        return NGX_ERROR;
    }

    sa->sa_family = AF_UNIX;

    c->sockaddr = sa;
    c->socklen = offsetof(struct sockaddr_un, sun_path);
    ngx_str_set(&c->addr_text, "unix:");

    c->local_sockaddr = sa;
    c->local_socklen = c->socklen;

    return NGX_OK;
}


ngx_int_t
ngx_ess_request_connection_client(ngx_connection_t *own, ngx_connection_t *c)
{
    void  *sockaddr, *local, *text;

    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    sockaddr = ngx_ess_request_connection_copy(own->pool, c->sockaddr,
                                               c->socklen);
    local = ngx_ess_request_connection_copy(own->pool, c->local_sockaddr,
                                            c->local_socklen);
    text = ngx_ess_request_connection_copy(own->pool, c->addr_text.data,
                                           c->addr_text.len);

    if (sockaddr == NULL || local == NULL || text == NULL) {
        return NGX_ERROR;
    }

    own->sockaddr = sockaddr;
    own->socklen = c->socklen;
    own->local_sockaddr = local;
    own->local_socklen = c->local_socklen;
    own->addr_text.data = text;
    own->addr_text.len = c->addr_text.len;

    return NGX_OK;
}


static void *
ngx_ess_request_connection_copy(ngx_pool_t *pool, const void *data,
    size_t len)
{
    void  *p;

    p = ngx_palloc(pool, len);

    if (p) {
        ngx_memcpy(p, data, len);
    }

    return p;
}


u_char *
ngx_ess_request_connection_log_error(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_request_t  *r;
    ngx_http_log_ctx_t  *ctx;

    p = buf;

    if (log->action) {
        p = ngx_snprintf(buf, len, " while %s", log->action);
        len -= p - buf;
        buf = p;
    }

    ctx = log->data;

    p = ngx_snprintf(buf, len, ", client: %V", &ctx->connection->addr_text);
    len -= p - buf;

    r = ctx->request;

    if (r) {
        return r->log_handler(r, ctx->current_request, p, len);
    }

    return p;
}


/* Until nginx has its own there: worker_shutdown_timeout calls it. */

static void
ngx_ess_request_connection_handler(ngx_event_t *ev)
{
}


static ssize_t
ngx_ess_request_connection_recv(ngx_connection_t *c, u_char *buf,
    size_t size)
{
    return NGX_AGAIN;
}


static ssize_t
ngx_ess_request_connection_recv_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    return NGX_AGAIN;
}


static ssize_t
ngx_ess_request_connection_send(ngx_connection_t *c, u_char *buf,
    size_t size)
{
    /* only what has become something else than HTTP */

    return NGX_ERROR;
}
