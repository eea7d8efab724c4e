
/*
 * The request after its response has begun: a client costs most of what it
 * costs for a request that only the access log will look at again.  Owns
 * nothing.  Runs in the worker that has the connection.
 */


#include "ngx_ess_request.h"
#include "ngx_ess_client.h"


/* a buffer of the header, and where its bytes are now */

typedef struct {
    u_char                  *start;
    u_char                  *end;
    u_char                  *copy;
} ngx_ess_request_moved_t;


static void ngx_ess_request_free(void *data);
static ngx_uint_t ngx_ess_request_wanted(ngx_ess_client_t *client);
static ngx_uint_t ngx_ess_request_is_realip(ngx_http_request_t *r,
    ngx_pool_cleanup_t *cln);
static ngx_int_t ngx_ess_request_address(ngx_http_request_t *r,
    ngx_addr_t *addr);
static void ngx_ess_request_disown(ngx_ess_client_t *client);
static u_char *ngx_ess_request_room(ngx_pool_t *pool, size_t size);
static void ngx_ess_request_moved(ngx_http_request_t *r,
    ngx_ess_request_moved_t *m);
static void ngx_ess_request_moved_list(ngx_list_t *list,
    ngx_ess_request_moved_t *m);
static void ngx_ess_request_moved_variables(ngx_http_request_t *r,
    ngx_ess_request_moved_t *m);
static void ngx_ess_request_moved_str(ngx_str_t *str,
    ngx_ess_request_moved_t *m);
static void ngx_ess_request_free_buffers(ngx_http_connection_t *hc,
    ngx_connection_t *c);


/* realip, which nginx need not have; its cleanup is known when it was seen */
static ngx_module_t         *ngx_ess_request_realip;
static ngx_pool_cleanup_pt   ngx_ess_request_realip_cleanup;


void
ngx_ess_request_init(ngx_cycle_t *cycle)
{
    ngx_uint_t  i;

    ngx_ess_request_realip = NULL;

    for (i = 0; cycle->modules[i]; i++) {
        if (ngx_strcmp(cycle->modules[i]->name, "ngx_http_realip_module")
            == 0)
        {
            ngx_ess_request_realip = cycle->modules[i];
        }
    }
}


ngx_int_t
ngx_ess_request_own(ngx_ess_client_t *client)
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

    pool->handler = ngx_ess_request_free;
    pool->data = client;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ess_client_detach;
    cln->data = client;

    return NGX_OK;
}


static void
ngx_ess_request_free(void *data)
{
    ngx_free(data);
}


ngx_uint_t
ngx_ess_request_releasable(ngx_ess_client_t *client)
{
    ngx_http_request_t  *r;

    r = client->request;

    return r->main->count == 1
           && r->blocked == 0
           && r->postponed == NULL
           && r->main->posted_requests == NULL
           && r->out == NULL
           && r->http_version < NGX_HTTP_VERSION_20
           && !ngx_ess_request_wanted(client);
}


/* Does another module wait for the request's end? */

static ngx_uint_t
ngx_ess_request_wanted(ngx_ess_client_t *client)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pool;

    for (cln = client->request->cleanup; cln; cln = cln->next) {
        if (cln->handler && cln->data != client) {
            return 1;
        }
    }

    for (pool = client->request->pool->cleanup; pool; pool = pool->next) {
        if (pool->handler && pool->data != client
            && !ngx_ess_request_is_realip(client->request, pool))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * All that realip wants is to give the connection its own address back, for
 * the next request on it: there is none.
 */

static ngx_uint_t
ngx_ess_request_is_realip(ngx_http_request_t *r, ngx_pool_cleanup_t *cln)
{
    void  *ctx;

    if (ngx_ess_request_realip == NULL) {
        return 0;
    }

    ctx = r->ctx[ngx_ess_request_realip->ctx_index];

    /* after an internal redirect the context is gone, the cleanup is not */

    if (ctx && cln->data == ctx) {
        ngx_ess_request_realip_cleanup = cln->handler;
    }

    return cln->handler == ngx_ess_request_realip_cleanup;
}


/* The address that realip has found, beyond the request's pool; NULL: it has
   not. */

static ngx_int_t
ngx_ess_request_address(ngx_http_request_t *r, ngx_addr_t *addr)
{
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;

    c = r->connection;

    addr->sockaddr = NULL;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler && ngx_ess_request_is_realip(r, cln)) {
            break;
        }
    }

    if (cln == NULL) {
        return NGX_OK;
    }

    addr->sockaddr = ngx_palloc(c->pool, c->socklen);
    if (addr->sockaddr == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(addr->sockaddr, c->sockaddr, c->socklen);

    addr->socklen = c->socklen;

    /* realip has this from the connection's pool */
    addr->name = c->addr_text;

    return NGX_OK;
}


static void
ngx_ess_request_disown(ngx_ess_client_t *client)
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
ngx_ess_request_release(ngx_ess_client_t *client)
{
    ngx_addr_t              addr;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;

    r = client->request;
    c = client->connection;
    hc = r->http_connection;

    if (ngx_ess_request_address(r, &addr) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_ess_request_disown(client);

    ngx_http_free_request(r, 0);

    /* realip has given the connection its own address back */

    if (addr.sockaddr) {
        c->sockaddr = addr.sockaddr;
        c->socklen = addr.socklen;
        c->addr_text = addr.name;
    }

    c->destroyed = 0;
    c->data = client;

    client->request = NULL;

    ngx_ess_request_free_buffers(hc, c);

    return NGX_OK;
}


void
ngx_ess_request_shrink(ngx_ess_client_t *client)
{
    u_char                   *copy;
    ngx_buf_t                *b;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_connection_t    *hc;
    ngx_ess_request_moved_t   m;

    r = client->request;
    c = client->connection;
    hc = r->http_connection;
    b = c->buffer;

    /* over HTTP/2 the buffer is not this request's; a long header is in
       buffers of its own, too, to which parts of others may point */

    if (r->http_version >= NGX_HTTP_VERSION_20
        || r->header_in != b
        || hc->busy
        || ngx_ess_request_wanted(client))
    {
        return;
    }

    copy = ngx_ess_request_room(r->pool, b->last - b->start);
    if (copy == NULL) {
        return;
    }

    m.start = b->start;
    m.end = ngx_cpymem(copy, b->start, b->last - b->start) - copy + b->start;
    m.copy = copy;

    ngx_ess_request_moved(r, &m);
    ngx_ess_request_free_buffers(hc, c);
}


/* One block more would cost more than is gained. */

static u_char *
ngx_ess_request_room(ngx_pool_t *pool, size_t size)
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
ngx_ess_request_moved(ngx_http_request_t *r, ngx_ess_request_moved_t *m)
{
    ngx_ess_request_moved_str(&r->request_line, m);
    ngx_ess_request_moved_str(&r->uri, m);
    ngx_ess_request_moved_str(&r->args, m);
    ngx_ess_request_moved_str(&r->exten, m);
    ngx_ess_request_moved_str(&r->unparsed_uri, m);
    ngx_ess_request_moved_str(&r->method_name, m);
    ngx_ess_request_moved_str(&r->http_protocol, m);
    ngx_ess_request_moved_str(&r->schema, m);
    ngx_ess_request_moved_str(&r->headers_in.server, m);
    ngx_ess_request_moved_str(&r->headers_in.user, m);
    ngx_ess_request_moved_str(&r->headers_in.passwd, m);

    ngx_ess_request_moved_list(&r->headers_in.headers, m);
    ngx_ess_request_moved_list(&r->headers_out.headers, m);
    ngx_ess_request_moved_variables(r, m);
}


static void
ngx_ess_request_moved_list(ngx_list_t *list, ngx_ess_request_moved_t *m)
{
    ngx_str_t         lowcase;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_ess_request_moved_str(&h[i].key, m);
            ngx_ess_request_moved_str(&h[i].value, m);

            lowcase.data = h[i].lowcase_key;
            ngx_ess_request_moved_str(&lowcase, m);
            h[i].lowcase_key = lowcase.data;
        }
    }
}


/* Values that were looked up are kept, with the regular expressions' input. */

static void
ngx_ess_request_moved_variables(ngx_http_request_t *r,
    ngx_ess_request_moved_t *m)
{
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (!r->variables[i].valid) {
            continue;
        }

        value.data = r->variables[i].data;
        ngx_ess_request_moved_str(&value, m);
        r->variables[i].data = value.data;
    }

#if (NGX_PCRE)

    value.data = r->captures_data;
    ngx_ess_request_moved_str(&value, m);
    r->captures_data = value.data;

#endif
}


static void
ngx_ess_request_moved_str(ngx_str_t *str, ngx_ess_request_moved_t *m)
{
    if (str->data >= m->start && str->data < m->end) {
        str->data = m->copy + (str->data - m->start);
    }
}


static void
ngx_ess_request_free_buffers(ngx_http_connection_t *hc, ngx_connection_t *c)
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
