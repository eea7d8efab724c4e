
/*
 * Bodies of requests and responses, in a worker.  All memory is the request's.
 */


#include "ngx_ess_body.h"


static ngx_int_t ngx_ess_body_copy(ngx_http_request_t *r, ngx_buf_t *b,
    u_char *p, size_t size);


ngx_int_t
ngx_ess_body_read(ngx_http_request_t *r, ngx_pool_t *pool, size_t max,
    ngx_str_t *text)
{
    off_t         len;
    size_t        size;
    ngx_chain_t  *cl;

    text->data = NULL;
    text->len = 0;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    size = (size_t) ngx_min(len, (off_t) max);

    if (size == 0) {
        return NGX_OK;
    }

    text->data = ngx_pnalloc(pool, size);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    for (cl = r->request_body->bufs; cl && text->len < size; cl = cl->next) {
        len = ngx_min(ngx_buf_size(cl->buf), (off_t) (size - text->len));

        if (ngx_ess_body_copy(r, cl->buf, text->data + text->len, (size_t) len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        text->len += (size_t) len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_body_copy(ngx_http_request_t *r, ngx_buf_t *b, u_char *p, size_t size)
{
    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);
        return NGX_OK;
    }

    if (!b->in_file || size == 0) {
        return NGX_OK;
    }

    if (ngx_read_file(b->file, p, size, b->file_pos) != (ssize_t) size) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "ess: the request body cannot be read from \"%V\"",
                      &b->file->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_body_send(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (text == NULL || text->len == 0) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_ess_body_answer(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *type,
    ngx_str_t *text)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = text ? (off_t) text->len : 0;

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    rc = ngx_ess_body_send(r, text);

    /* what does not fit now nginx sends when the request is finalized */

    return (rc == NGX_AGAIN) ? NGX_OK : rc;
}
