
/*
 * The request after its response has begun: a client costs most of what it
 * costs for a request that only the access log will look at again.  Owns
 * nothing.  Runs in the worker that has the connection.
 */


#include "ngx_ess_client_request.h"
#include "ngx_ess_client.h"


/* a buffer of the header, and where its bytes are now */

typedef struct {
    u_char                  *start;
    u_char                  *end;
    u_char                  *copy;
} ngx_ess_client_request_moved_t;


static ngx_uint_t ngx_ess_client_request_wanted(ngx_ess_client_t *client);
static ngx_pool_cleanup_t *ngx_ess_client_request_realip(ngx_http_request_t *r);
static void ngx_ess_client_request_disown(ngx_ess_client_t *client);
static u_char *ngx_ess_client_request_room(ngx_pool_t *pool, size_t size);
static void ngx_ess_client_request_moved(ngx_http_request_t *r,
    ngx_ess_client_request_moved_t *m);
static void ngx_ess_client_request_moved_list(ngx_list_t *list,
    ngx_ess_client_request_moved_t *m, ngx_uint_t lowcase);
static void ngx_ess_client_request_moved_variables(ngx_http_request_t *r,
    ngx_ess_client_request_moved_t *m);
static void ngx_ess_client_request_moved_data(u_char **p,
    ngx_ess_client_request_moved_t *m);
static void ngx_ess_client_request_free_buffers(ngx_http_connection_t *hc,
    ngx_connection_t *c);


/* at NULL in an nginx that does not have it */
extern ngx_module_t  ngx_http_realip_module __attribute__((weak));


ngx_int_t
ngx_ess_client_request_own(ngx_ess_client_t *client)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool;
    ngx_http_request_t  *r;

    r = client->request;

    pool = ngx_pool_cleanup_add(r->pool, 0);
    if (pool == NULL) {
        ngx_free(client);
        return NGX_ERROR;
    }

    pool->handler = ngx_free;
    pool->data = client;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ess_client_detach;
    cln->data = client;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_client_request_releasable(ngx_ess_client_t *client)
{
    ngx_http_request_t  *r;

    r = client->request;

    return r->main->count == 1
           && r->blocked == 0
           && r->postponed == NULL
           && r->main->posted_requests == NULL
           && r->out == NULL
           && r->http_version < NGX_HTTP_VERSION_20
           && !ngx_ess_client_request_wanted(client);
}


/* Does another module wait for the request's end? */

static ngx_uint_t
ngx_ess_client_request_wanted(ngx_ess_client_t *client)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool, *realip;

    for (cln = client->request->cleanup; cln; cln = cln->next) {
        if (cln->handler && cln->data != client) {
            return 1;
        }
    }

    realip = ngx_ess_client_request_realip(client->request);

    for (pool = client->request->pool->cleanup; pool; pool = pool->next) {
        if (pool->handler && pool->data != client && pool != realip) {
            return 1;
        }
    }

    return 0;
}


/*
 * The cleanup of realip, if it has found an address: all that it wants is to
 * give the connection its own one back, for the next request on it: there is
 * none.
 */

static ngx_pool_cleanup_t *
ngx_ess_client_request_realip(ngx_http_request_t *r)
{
    void                *ctx;
    ngx_pool_cleanup_t  *cln;

    static ngx_pool_cleanup_pt  handler;

    if (&ngx_http_realip_module == NULL) {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_realip_module);

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        /* after an internal redirect the context is gone, the cleanup is not;
           by then its handler is known */

        if (ctx && cln->data == ctx) {
            handler = cln->handler;
        }

        if (cln->handler && cln->handler == handler) {
            return cln;
        }
    }

    return NULL;
}


static void
ngx_ess_client_request_disown(ngx_ess_client_t *client)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool;

    for (cln = client->request->cleanup; cln; cln = cln->next) {
        if (cln->data == client) {
            cln->handler = NULL;
        }
    }

    for (pool = client->request->pool->cleanup; pool; pool = pool->next) {
        if (pool->data == client) {
            pool->handler = NULL;
        }
    }
}


ngx_int_t
ngx_ess_client_request_release(ngx_ess_client_t *client)
{
    ngx_str_t               text;
    socklen_t               socklen;
    struct sockaddr        *sockaddr;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;

    r = client->request;
    c = client->connection;
    hc = r->http_connection;

    sockaddr = NULL;

    /* an address that realip has found goes with the request's pool, but for
       its text */

    if (ngx_ess_client_request_realip(r)) {
        sockaddr = ngx_palloc(c->pool, c->socklen);
        if (sockaddr == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(sockaddr, c->sockaddr, c->socklen);
    }

    socklen = c->socklen;
    text = c->addr_text;

    ngx_ess_client_request_disown(client);

    ngx_http_free_request(r, 0);

    if (sockaddr) {
        c->sockaddr = sockaddr;
        c->socklen = socklen;
        c->addr_text = text;
    }

    c->destroyed = 0;
    c->data = client;

    client->request = NULL;

    ngx_ess_client_request_free_buffers(hc, c);

    return NGX_OK;
}


void
ngx_ess_client_request_shrink(ngx_ess_client_t *client)
{
    ngx_buf_t                *b;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_connection_t    *hc;
    ngx_ess_client_request_moved_t   m;

    r = client->request;
    c = client->connection;
    hc = r->http_connection;
    b = c->buffer;

    /* over HTTP/2 the buffer is not this request's; a long header is in
       buffers of its own, too, to which parts of others may point */

    if (r->http_version >= NGX_HTTP_VERSION_20
        || r->header_in != b
        || hc->busy
        || ngx_ess_client_request_wanted(client))
    {
        return;
    }

    m.start = b->start;
    m.end = b->last;

    m.copy = ngx_ess_client_request_room(r->pool, m.end - m.start);
    if (m.copy == NULL) {
        return;
    }

    ngx_memcpy(m.copy, m.start, m.end - m.start);

    ngx_ess_client_request_moved(r, &m);
    ngx_ess_client_request_free_buffers(hc, c);
}


/* One block more would cost more than is gained. */

static u_char *
ngx_ess_client_request_room(ngx_pool_t *pool, size_t size)
{
    ngx_pool_t  *p;

    for (p = pool->current; p; p = p->d.next) {
        if ((size_t) (p->d.end - p->d.last) >= size) {
            return ngx_pnalloc(pool, size);
        }
    }

    return NULL;
}


static void
ngx_ess_client_request_moved(ngx_http_request_t *r,
    ngx_ess_client_request_moved_t *m)
{
    ngx_ess_client_request_moved_data(&r->request_line.data, m);
    ngx_ess_client_request_moved_data(&r->uri.data, m);
    ngx_ess_client_request_moved_data(&r->args.data, m);
    ngx_ess_client_request_moved_data(&r->exten.data, m);
    ngx_ess_client_request_moved_data(&r->unparsed_uri.data, m);
    ngx_ess_client_request_moved_data(&r->method_name.data, m);
    ngx_ess_client_request_moved_data(&r->http_protocol.data, m);
    ngx_ess_client_request_moved_data(&r->schema.data, m);
    ngx_ess_client_request_moved_data(&r->headers_in.server.data, m);
    ngx_ess_client_request_moved_data(&r->headers_in.user.data, m);
    ngx_ess_client_request_moved_data(&r->headers_in.passwd.data, m);

    ngx_ess_client_request_moved_list(&r->headers_in.headers, m, 1);
    ngx_ess_client_request_moved_list(&r->headers_out.headers, m, 0);
    ngx_ess_client_request_moved_variables(r, m);
}


/* nginx sets no lower case names in a response. */

static void
ngx_ess_client_request_moved_list(ngx_list_t *list,
    ngx_ess_client_request_moved_t *m, ngx_uint_t lowcase)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_ess_client_request_moved_data(&h[i].key.data, m);
            ngx_ess_client_request_moved_data(&h[i].value.data, m);

            if (lowcase) {
                ngx_ess_client_request_moved_data(&h[i].lowcase_key, m);
            }
        }
    }
}


/* Values that were looked up are kept, with the regular expressions' input. */

static void
ngx_ess_client_request_moved_variables(ngx_http_request_t *r,
    ngx_ess_client_request_moved_t *m)
{
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (r->variables[i].valid) {
            ngx_ess_client_request_moved_data(&r->variables[i].data, m);
        }
    }

#if (NGX_PCRE)

    ngx_ess_client_request_moved_data(&r->captures_data, m);

#endif
}


static void
ngx_ess_client_request_moved_data(u_char **p, ngx_ess_client_request_moved_t *m)
{
    if (*p >= m->start && *p < m->end) {
        *p = m->copy + (*p - m->start);
    }
}


static void
ngx_ess_client_request_free_buffers(ngx_http_connection_t *hc,
    ngx_connection_t *c)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = hc->busy; cl; cl = cl->next) {
        (void) ngx_pfree(c->pool, cl->buf->start);
    }

    for (cl = hc->free; cl; cl = cl->next) {
        (void) ngx_pfree(c->pool, cl->buf->start);
    }

    hc->busy = NULL;
    hc->nbusy = 0;
    hc->free = NULL;

    b = c->buffer;

    if (ngx_pfree(c->pool, b->start) != NGX_OK) {
        b->pos = b->last;
        return;
    }

    b->start = NULL;
    b->pos = NULL;
    b->last = NULL;
    b->end = NULL;
}
