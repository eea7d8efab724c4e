
/*
 * A request without a client, as the streams of HTTP/2 are requests without a
 * socket: a connection of the worker's that nothing is read from, and whose
 * send_chain collects the response.  All of it is the worker's.
 *
 * It has two lives: the request, with its connection, ends first; then, from
 * a posted event, whoever asked is told and this record goes.  After an abort
 * nobody is told.
 */


#include "ngx_ess_request.h"
#include "ngx_ess_request_collect.h"
#include "ngx_ess_request_connection.h"
#include "ngx_ess_request_in.h"


/* not there in a nginx without stub_status, whatever ours was built for */
extern ngx_atomic_t  *ngx_stat_active  __attribute__((weak));


typedef enum {
    NGX_ESS_REQUEST_CREATED = 0,
    NGX_ESS_REQUEST_RUNNING,
    NGX_ESS_REQUEST_ABORTED                 /* whoever asked is gone */
} ngx_ess_request_state_e;


/* found by the connection's log, the only thing that subrequests and internal
   redirects leave alone */

typedef struct {
    ngx_http_log_ctx_t         log_ctx;     /* the first: it is log.data */
    ngx_log_t                  log;         /* the connection's */
    ngx_ess_request_t          req;
    ngx_ess_request_state_e    state;
    ngx_connection_t          *connection;  /* NULL: nginx let go of it */
    ngx_ess_request_collect_t  collect;
    ngx_event_t                timeout;
    ngx_event_t                event;       /* to stop it, then to tell */
    ngx_pool_t                *pool;        /* of the abort */
    unsigned                   whole:1;     /* the response */
} ngx_ess_request_ctx_t;


static ngx_int_t ngx_ess_request_connect(ngx_ess_request_ctx_t *ctx,
    ngx_log_t *log);
static ngx_int_t ngx_ess_request_nginx(ngx_ess_request_ctx_t *ctx,
    ngx_connection_t *c);
static ngx_ess_request_ctx_t *ngx_ess_request_ctx(ngx_ess_request_t *req);
static ngx_chain_t *ngx_ess_request_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);
static ngx_int_t ngx_ess_request_whole(ngx_ess_request_ctx_t *ctx);
static ngx_int_t ngx_ess_request_response(ngx_ess_request_t *req);
static void ngx_ess_request_ended(void *data);
static void ngx_ess_request_gone(void *data);
static void ngx_ess_request_timeout_handler(ngx_event_t *ev);
static void ngx_ess_request_event_handler(ngx_event_t *ev);
static void ngx_ess_request_stop(ngx_ess_request_ctx_t *ctx);
static void ngx_ess_request_free(ngx_ess_request_ctx_t *ctx);


ngx_uint_t
ngx_ess_request_room(void)
{
    ngx_uint_t  n, room, reserve;

    /* one for this request and one for its upstream; others' idle connections
       make room when nginx asks for one */

    n = ngx_cycle->connection_n;
    room = ngx_cycle->free_connection_n;
    reserve = ngx_max(n / 8, ngx_min(8, n / 4));

    return room > 2
           && room + ngx_cycle->reusable_connections_n >= reserve + 2;
}


ngx_ess_request_t *
ngx_ess_request_create(const ngx_ess_request_conf_t *conf, ngx_log_t *log)
{
    ngx_ess_request_ctx_t  *ctx;

    ctx = ngx_calloc(sizeof(ngx_ess_request_ctx_t), log);
    if (ctx == NULL) {
        return NULL;
    }

    ctx->req.conf = conf;
    ctx->req.end = NGX_ESS_REQUEST_BROKEN;
    ctx->collect.max = conf->max;

    ctx->log = *log;
    ctx->log.handler = ngx_ess_request_connection_log_error;
    ctx->log.data = ctx;
    ctx->log.action = NULL;

    ctx->timeout.handler = ngx_ess_request_timeout_handler;
    ctx->timeout.data = ctx;
    ctx->timeout.log = ngx_cycle->log;

    ctx->event.handler = ngx_ess_request_event_handler;
    ctx->event.data = ctx;
    ctx->event.log = ngx_cycle->log;

    if (ngx_ess_request_connect(ctx, log) != NGX_OK) {
        ngx_free(ctx);
        return NULL;
    }

    return &ctx->req;
}


static ngx_int_t
ngx_ess_request_connect(ngx_ess_request_ctx_t *ctx, ngx_log_t *log)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = ngx_ess_request_connection_create(&ctx->log, ctx->req.conf->ctx, log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->send_chain = ngx_ess_request_send_chain;

    ctx->req.request = ngx_http_create_request(c);

    if (ctx->req.request == NULL) {
        pool = c->pool;
        ngx_close_connection(c);
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    /* nginx takes it off when it closes the connection */

    if (&ngx_stat_active) {
        (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
    }

    if (ngx_ess_request_nginx(ctx, c) != NGX_OK) {
        ctx->req.request->logged = 1;
        ngx_http_free_request(ctx->req.request, 0);
        ngx_http_close_connection(c);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_nginx(ngx_ess_request_ctx_t *ctx, ngx_connection_t *c)
{
    ngx_http_cleanup_t  *ended;
    ngx_http_request_t  *r;
    ngx_pool_cleanup_t  *gone;

    r = ctx->req.request;
    c->data = r;

    if (ngx_list_init(&r->headers_in.headers, r->pool, 20,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* there is one, so nginx reads none */

    r->request_body = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (r->request_body == NULL) {
        return NGX_ERROR;
    }

    r->request_body->last_saved = 1;

    /* the header filter makes no text then, and nothing is chunked */

    r->http_version = NGX_HTTP_VERSION_9;
    ngx_str_set(&r->http_protocol, "HTTP/1.1");

    r->internal = 1;
    r->valid_location = 1;

    /* nothing of a response comes as a part of a file */

    r->main_filter_need_in_memory = 1;

    ended = ngx_http_cleanup_add(r, 0);
    if (ended == NULL) {
        return NGX_ERROR;
    }

    gone = ngx_pool_cleanup_add(c->pool, 0);
    if (gone == NULL) {
        return NGX_ERROR;
    }

    ended->handler = ngx_ess_request_ended;
    ended->data = ctx;

    gone->handler = ngx_ess_request_gone;
    gone->data = ctx;

    ctx->connection = c;

    return NGX_OK;
}


ngx_int_t
ngx_ess_request_target(ngx_ess_request_t *req, ngx_str_t *method,
    ngx_str_t *uri)
{
    return ngx_ess_request_in_target(req->request, method, uri);
}


ngx_int_t
ngx_ess_request_header(ngx_ess_request_t *req, ngx_str_t *name,
    ngx_str_t *value)
{
    return ngx_ess_request_in_header(req->request, name, value);
}


ngx_int_t
ngx_ess_request_body(ngx_ess_request_t *req, ngx_str_t *type, ngx_str_t *body)
{
    return ngx_ess_request_in_body(req->request, type, body);
}


ngx_int_t
ngx_ess_request_client(ngx_ess_request_t *req, ngx_connection_t *c)
{
    return ngx_ess_request_connection_client(req->request->connection, c);
}


void
ngx_ess_request_run(ngx_ess_request_t *req)
{
    ngx_connection_t       *c;
    ngx_ess_request_ctx_t  *ctx;

    ctx = ngx_ess_request_ctx(req);
    c = ctx->connection;

    ctx->state = NGX_ESS_REQUEST_RUNNING;

    /* not cancelable: a worker that leaves waits for it */

    ngx_add_timer(&ctx->timeout, req->conf->timeout);

    ngx_http_process_request(req->request);
    ngx_http_run_posted_requests(c);
}


void
ngx_ess_request_abort(ngx_ess_request_t *req, ngx_pool_t *pool)
{
    ngx_http_request_t     *r;
    ngx_ess_request_ctx_t  *ctx;

    ctx = ngx_ess_request_ctx(req);
    r = req->request;

    ctx->pool = pool;

    if (ctx->timeout.timer_set) {
        ngx_del_timer(&ctx->timeout);
    }

    if (ctx->state == NGX_ESS_REQUEST_CREATED) {
        ctx->state = NGX_ESS_REQUEST_ABORTED;

        r->logged = 1;
        ngx_http_free_request(r, 0);
        ngx_http_close_connection(ctx->log_ctx.connection);
    }

    ctx->state = NGX_ESS_REQUEST_ABORTED;
    req->conf = NULL;

    if (ctx->connection == NULL) {
        ngx_ess_request_free(ctx);
        return;
    }

    /* this may be called from somewhere within it */

    ngx_post_event(&ctx->event, &ngx_posted_events);
}


ngx_ess_request_t *
ngx_ess_request_of(ngx_http_request_t *r)
{
    ngx_log_t              *log;
    ngx_ess_request_ctx_t  *ctx;

    log = r->connection->log;

    if (log->handler != ngx_ess_request_connection_log_error) {
        return NULL;
    }

    ctx = log->data;

    return ctx->state == NGX_ESS_REQUEST_ABORTED ? NULL : &ctx->req;
}


static ngx_ess_request_ctx_t *
ngx_ess_request_ctx(ngx_ess_request_t *req)
{
    return (ngx_ess_request_ctx_t *)
               ((u_char *) req - offsetof(ngx_ess_request_ctx_t, req));
}


static ngx_chain_t *
ngx_ess_request_send_chain(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    ngx_int_t               rc;
    ngx_ess_request_ctx_t  *ctx;

    ctx = c->log->data;

    if (ctx->state != NGX_ESS_REQUEST_RUNNING) {
        return NGX_CHAIN_ERROR;
    }

    rc = ngx_ess_request_collect(&ctx->collect, in,
                             ctx->req.request->headers_out.content_length_n,
                             &c->sent, c->log);

    if (rc == NGX_OK && ctx->collect.last && !ctx->whole) {
        rc = ngx_ess_request_whole(ctx);
    }

    if (rc == NGX_OK) {
        return NULL;
    }

    if (rc == NGX_DECLINED) {
        ctx->req.end = NGX_ESS_REQUEST_TOO_LARGE;

        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "response is larger than %uz bytes", ctx->collect.max);
    }

    /* nginx might go on reading it from the upstream */

    ngx_post_event(&ctx->event, &ngx_posted_events);

    return NGX_CHAIN_ERROR;
}


/* All of the response is here; of what nginx does from now on nothing is a part
   of it. */

static ngx_int_t
ngx_ess_request_whole(ngx_ess_request_ctx_t *ctx)
{
    if (ngx_ess_request_response(&ctx->req) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->req.end = NGX_ESS_REQUEST_DONE;
    ctx->whole = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_response(ngx_ess_request_t *req)
{
    u_char                  *p;
    size_t                   len;
    ngx_http_headers_out_t  *out;

    out = &req->request->headers_out;

    req->status = req->request->err_status ? req->request->err_status
                                           : out->status;

    /* the header filter would have put them together, or left them out */

    len = out->content_type.len;

    if (len == 0
        || req->status == NGX_HTTP_NO_CONTENT
        || req->status == NGX_HTTP_NOT_MODIFIED)
    {
        return NGX_OK;
    }

    p = ngx_alloc(len + sizeof("; charset=") - 1 + out->charset.len,
                  ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    req->type.data = p;
    p = ngx_cpymem(p, out->content_type.data, len);

    if (out->content_type_len == len && out->charset.len) {
        p = ngx_cpymem(p, "; charset=", sizeof("; charset=") - 1);
        p = ngx_cpymem(p, out->charset.data, out->charset.len);
    }

    req->type.len = p - req->type.data;

    return NGX_OK;
}


/* A cleanup handler of nginx's request: what is to be known of it is looked up
   now. */

static void
ngx_ess_request_ended(void *data)
{
    ngx_http_request_t     *r;
    ngx_ess_request_ctx_t  *ctx;

    ctx = data;
    r = ctx->req.request;

    /* a reset of the socket, by reset_timedout_connection */

    r->connection->timedout = 0;

    if (ctx->state != NGX_ESS_REQUEST_RUNNING) {
        return;
    }

    if (!ctx->whole && r->header_sent) {
        (void) ngx_ess_request_response(&ctx->req);
    }

    if (ctx->req.conf->ended) {
        ctx->req.conf->ended(&ctx->req, r);
    }
}


/* The last of nginx's request. */

static void
ngx_ess_request_gone(void *data)
{
    ngx_ess_request_ctx_t  *ctx;

    ctx = data;

    /* what is logged of the pool has no connection any more */

    ctx->connection->pool->log = ngx_cycle->log;
    ctx->connection = NULL;
    ctx->req.request = NULL;
    ctx->req.body = ctx->collect.body;

    if (ctx->timeout.timer_set) {
        ngx_del_timer(&ctx->timeout);
    }

    if (ctx->state != NGX_ESS_REQUEST_CREATED) {
        ngx_post_event(&ctx->event, &ngx_posted_events);
    }
}


static void
ngx_ess_request_timeout_handler(ngx_event_t *ev)
{
    ngx_ess_request_ctx_t  *ctx;

    ctx = ev->data;

    /* or its subrequests go on, for a mirror */

    if (!ctx->whole) {
        ctx->req.end = NGX_ESS_REQUEST_TIMEOUT;

        ngx_log_error(NGX_LOG_ERR, &ctx->log, NGX_ETIMEDOUT,
                      "request was not answered in %M ms",
                      ctx->req.conf->timeout);
    }

    ngx_ess_request_stop(ctx);
}


static void
ngx_ess_request_event_handler(ngx_event_t *ev)
{
    ngx_ess_request_ctx_t  *ctx;

    ctx = ev->data;

    if (ctx->connection) {
        ngx_ess_request_stop(ctx);
        return;
    }

    if (ctx->state == NGX_ESS_REQUEST_RUNNING) {
        ctx->req.conf->handler(&ctx->req);
    }

    ngx_ess_request_free(ctx);
}


/* As worker_shutdown_timeout does it; not from within the request. */

static void
ngx_ess_request_stop(ngx_ess_request_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->connection;

    c->close = 1;
    c->error = 1;
    c->read->handler(c->read);
}


static void
ngx_ess_request_free(ngx_ess_request_ctx_t *ctx)
{
    if (ctx->event.posted) {
        ngx_delete_posted_event(&ctx->event);
    }

    ngx_ess_request_collect_free(&ctx->collect);

    if (ctx->req.type.data) {
        ngx_free(ctx->req.type.data);
    }

    if (ctx->pool) {
        ngx_destroy_pool(ctx->pool);
    }

    ngx_free(ctx);
}
