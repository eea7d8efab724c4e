
/*
 * The body of a response is collected here.  The memory is of the C library's
 * allocator, for it outlives nginx's request; it belongs to the request without
 * a client, and is the worker's.
 */


#include "ngx_ess_request_collect.h"


#define NGX_ESS_REQUEST_COLLECT_MIN  4096


static ngx_int_t ngx_ess_request_collect_room(
    ngx_ess_request_collect_t *collect, size_t len, off_t expected,
    ngx_log_t *log);


ngx_int_t
ngx_ess_request_collect(ngx_ess_request_collect_t *collect, ngx_chain_t *in,
    off_t expected, off_t *taken, ngx_log_t *log)
{
    size_t      len;
    ngx_buf_t  *b;
    ngx_int_t   rc;

    for ( /* void */ ; in; in = in->next) {

        b = in->buf;

        if (!ngx_buf_in_memory(b) && ngx_buf_size(b) > 0) {
            return NGX_ERROR;
        }

        len = ngx_buf_in_memory(b) ? (size_t) (b->last - b->pos) : 0;

        if (len && !collect->last) {
            rc = ngx_ess_request_collect_room(collect, len, expected, log);
            if (rc != NGX_OK) {
                return rc;
            }

            ngx_memcpy(collect->body.data + collect->body.len, b->pos, len);
            collect->body.len += len;
        }

        b->pos += len;
        *taken += len;

        if (b->in_file) {
            b->file_pos = b->file_last;
        }

        if (b->last_buf) {
            collect->last = 1;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_collect_room(ngx_ess_request_collect_t *collect, size_t len,
    off_t expected, ngx_log_t *log)
{
    u_char  *p;
    size_t   size;

    if (len > collect->max - collect->body.len
        || expected > (off_t) collect->max)
    {
        return NGX_DECLINED;
    }

    len += collect->body.len;

    if (len <= collect->size) {
        return NGX_OK;
    }

    if (expected >= (off_t) len) {
        size = (size_t) expected;

    } else {
        size = ngx_max(len, NGX_ESS_REQUEST_COLLECT_MIN);

        if (size < 2 * collect->size) {
            size = 2 * collect->size;
        }

        if (size > collect->max) {
            size = collect->max;
        }
    }

    p = ngx_alloc(size, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (collect->body.len) {
        ngx_memcpy(p, collect->body.data, collect->body.len);
    }

    if (collect->body.data) {
        ngx_free(collect->body.data);
    }

    collect->body.data = p;
    collect->size = size;

    return NGX_OK;
}


void
ngx_ess_request_collect_free(ngx_ess_request_collect_t *collect)
{
    if (collect->body.data) {
        ngx_free(collect->body.data);
    }

    ngx_str_null(&collect->body);
    collect->size = 0;
}
