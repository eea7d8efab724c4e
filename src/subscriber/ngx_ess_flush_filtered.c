
/*
 * From a cursor through nginx's filters, for HTTP/2, which keeps the buffers
 * that it is given until it has sent them, also of a stream that the client
 * has reset: so frames are pinned, and what is no frame is copied.  The cursor
 * stays at the first frame handed over until all of them are sent.  Runs in
 * workers.
 */


#include "ngx_ess_flush.h"


/* of one hand-over */
#define NGX_ESS_FLUSH_FILTERED_BYTES  (256 * 1024)


static void ngx_ess_flush_filtered_unpin(void *data);
static ngx_int_t ngx_ess_flush_filtered_collect(ngx_ess_subscriber_t *sub,
    ngx_chain_t **out);
static ngx_int_t ngx_ess_flush_filtered_buf(ngx_ess_subscriber_t *sub,
    ngx_chain_t ***ll, u_char *data, size_t len);
static void ngx_ess_flush_filtered_sent(ngx_ess_zone_t *zone,
    ngx_ess_subscriber_t *sub);


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

    cln->handler = ngx_ess_flush_filtered_unpin;

    return f;
}


static void
ngx_ess_flush_filtered_unpin(void *data)
{
    ngx_ess_filtered_t *f = data;

    ngx_uint_t  i;

    for (i = 0; i < f->n; i++) {
        ngx_ess_frame_unpin(f->frames[i]);
    }

    f->n = 0;
}


ngx_int_t
ngx_ess_flush_filtered(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub)
{
    ngx_chain_t          *out;
    ngx_http_request_t   *r;
    ngx_ess_filtered_t   *f;

    r = sub->request;
    f = sub->filtered;
    out = NULL;

    if (f->busy == NULL
        && ngx_ess_flush_filtered_collect(sub, &out) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (out == NULL && f->busy == NULL) {
        return NGX_OK;
    }

    r->connection->log->action = "sending events to subscriber";

    if (ngx_http_output_filter(r, out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_chain_update_chains(r->pool, &f->free, &f->busy, &out,
                            (ngx_buf_tag_t) &ngx_ess_module);

    if (f->busy) {
        return NGX_AGAIN;
    }

    ngx_ess_flush_filtered_sent(zone, sub);

    if (sub->control
        || (sub->state < NGX_ESS_SUBSCRIBER_CLOSING
            && sub->frame && ngx_ess_frame_is_data(sub->frame)))
    {
        return NGX_BUSY;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_flush_filtered_collect(ngx_ess_subscriber_t *sub, ngx_chain_t **out)
{
    size_t                size;
    ngx_chain_t         **ll;
    ngx_ess_frame_t      *frame;
    ngx_ess_control_t    *control;
    ngx_ess_filtered_t   *f;

    f = sub->filtered;
    control = sub->control;
    ll = out;
    size = 0;

    if (control) {

        ngx_memcpy(f->data, control->data, control->len);

        if (ngx_ess_flush_filtered_buf(sub, &ll, f->data, control->len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        control->begun = 1;
        f->control = 1;
    }

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
        return NGX_OK;
    }

    for (frame = sub->frame;
         frame
         && ngx_ess_frame_is_data(frame)
         && f->n < NGX_ESS_FLUSH_FILTERED_FRAMES
         && size < NGX_ESS_FLUSH_FILTERED_BYTES;
         frame = frame->next)
    {
        if (ngx_ess_flush_filtered_buf(sub, &ll, frame->data, frame->len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_ess_frame_pin(frame);
        f->frames[f->n++] = frame;

        size += frame->len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_flush_filtered_buf(ngx_ess_subscriber_t *sub, ngx_chain_t ***ll,
    u_char *data, size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(sub->request->pool, &sub->filtered->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = data;
    b->pos = data;
    b->last = data + len;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;
    b->tag = (ngx_buf_tag_t) &ngx_ess_module;

    **ll = cl;
    *ll = &cl->next;

    return NGX_OK;
}


static void
ngx_ess_flush_filtered_sent(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub)
{
    uint64_t             events, bytes;
    ngx_uint_t           i;
    ngx_msec_t           arrival;
    ngx_ess_filtered_t  *f;

    f = sub->filtered;
    arrival = f->n ? f->frames[0]->arrival : 0;
    events = 0;
    bytes = 0;

    if (f->control) {
        f->control = 0;
        ngx_ess_flush_control_sent(sub);
    }

    for (i = 0; i < f->n; i++) {
        events += (f->frames[i]->type == NGX_ESS_FRAME_EVENT);
        bytes += f->frames[i]->len;

        /* one that is being closed has no cursor any more */

        if (sub->frame) {
            sub->frame = ngx_ess_frame_next(&sub->feed->frames, sub->frame);
        }
    }

    ngx_ess_flush_filtered_unpin(f);

    sub->events_sent += events;
    sub->bytes_sent += bytes;

    ngx_ess_flush_count(zone, sub, events, bytes, arrival);
}
