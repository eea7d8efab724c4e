
/*
 * From a cursor through nginx's filters, for HTTP/2, which keeps the buffers
 * that it is given until it has sent them, also of a stream that the client
 * has reset: so what it gets is a copy, a piece at a time, which the request's
 * pool owns.  Runs in workers.
 */


#include "ngx_ess_flush.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_memory.h"


/*
 * Of one hand-over.  Half of what the worker may keep is for such pieces, which
 * cannot be taken back: the less there is left, the smaller they are.  Even a
 * client that takes nothing gets one, for nginx tells a stream that it may go
 * on only when it has tried to send.
 */
#define NGX_ESS_FLUSH_FILTERED_MAX    (64 * 1024)
#define NGX_ESS_FLUSH_FILTERED_MIN    1024
#define NGX_ESS_FLUSH_FILTERED_SHARE  64


static void ngx_ess_flush_filtered_free(void *data);
static ngx_int_t ngx_ess_flush_filtered_take(ngx_ess_zone_t *zone,
    ngx_ess_client_t *client);
static size_t ngx_ess_flush_filtered_size(void);


/* of the pieces of this worker */
static size_t  ngx_ess_flush_filtered_bytes;


ngx_ess_filtered_t *
ngx_ess_flush_filtered_create(ngx_http_request_t *r)
{
    ngx_ess_filtered_t  *f;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_ess_filtered_t));
    if (cln == NULL) {
        return NULL;
    }

    f = cln->data;
    ngx_memzero(f, sizeof(ngx_ess_filtered_t));

    cln->handler = ngx_ess_flush_filtered_free;

    return f;
}


static void
ngx_ess_flush_filtered_free(void *data)
{
    ngx_ess_filtered_t *f = data;

    size_t  size;

    if (f->buf.start == NULL) {
        return;
    }

    size = f->buf.end - f->buf.start;

    ngx_ess_flush_filtered_bytes -= size;
    ngx_ess_memory_give(size);

    ngx_free(f->buf.start);
    f->buf.start = NULL;
}


ngx_int_t
ngx_ess_flush_filtered(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;
    ngx_ess_filtered_t  *f;

    r = client->request;
    f = client->filtered;

    r->connection->log->action = "sending events to subscriber";

    if (f->buf.start) {
        rc = ngx_http_output_filter(r, NULL);

    } else {
        rc = ngx_ess_flush_filtered_take(zone, client);

        if (rc == NGX_DECLINED) {
            return NGX_OK;
        }

        if (rc == NGX_OK) {
            rc = ngx_http_output_filter(r, &f->link);
        }
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (f->buf.pos != f->buf.last) {
        return NGX_AGAIN;
    }

    ngx_ess_flush_filtered_free(f);

    if (client->many) {
        return ngx_ess_multi_flush_more(client) ? NGX_BUSY : NGX_OK;
    }

    return ngx_ess_flush_more(client) ? NGX_BUSY : NGX_OK;
}


/* NGX_DECLINED: there is nothing to be sent. */

static ngx_int_t
ngx_ess_flush_filtered_take(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    size_t               size, max;
    ngx_buf_t           *b;
    ngx_uint_t           i, n;
    struct iovec         iovs[NGX_ESS_FLUSH_BUFS];
    ngx_ess_filtered_t  *f;

    n = client->many ? ngx_ess_multi_flush_collect(client, iovs)
                     : ngx_ess_flush_collect(client, iovs);

    if (n == 0) {
        return NGX_DECLINED;
    }

    max = ngx_ess_flush_filtered_size();
    size = 0;

    for (i = 0; i < n && size < max; i++) {
        iovs[i].iov_len = ngx_min(iovs[i].iov_len, max - size);
        size += iovs[i].iov_len;
    }

    n = i;

    f = client->filtered;
    b = &f->buf;

    f->link.buf = b;
    f->link.next = NULL;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = ngx_alloc(size, client->connection->log);
    if (b->start == NULL) {

        if (client->many) {
            ngx_ess_multi_flush_account(zone, client, 0);
        }

        return NGX_ERROR;
    }

    ngx_ess_flush_filtered_bytes += size;
    ngx_ess_memory_take(size);

    b->pos = b->start;
    b->last = b->start;
    b->end = b->start + size;
    b->memory = 1;
    b->flush = 1;
    b->tag = (ngx_buf_tag_t) &ngx_ess_module;

    for (i = 0; i < n; i++) {
        b->last = ngx_cpymem(b->last, iovs[i].iov_base, iovs[i].iov_len);
    }

    if (client->many) {
        ngx_ess_multi_flush_account(zone, client, size);

    } else {
        ngx_ess_flush_account(zone, client, size);
    }

    return NGX_OK;
}


static size_t
ngx_ess_flush_filtered_size(void)
{
    size_t  half, left;

    half = ngx_ess_memory_max() / 2;

    left = (half > ngx_ess_flush_filtered_bytes)
           ? half - ngx_ess_flush_filtered_bytes : 0;

    left /= NGX_ESS_FLUSH_FILTERED_SHARE;

    return ngx_max(NGX_ESS_FLUSH_FILTERED_MIN,
                   ngx_min(left, NGX_ESS_FLUSH_FILTERED_MAX));
}
