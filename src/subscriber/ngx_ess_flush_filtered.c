
/*
 * From a cursor through nginx's filters, for HTTP/2, which keeps the buffers
 * that it is given until it has sent them: so the cursor stays at the first
 * frame handed over until all of them are sent.  Runs in workers.
 */


#include "ngx_ess_flush.h"


/* of one hand-over */
#define NGX_ESS_FLUSH_FILTERED_FRAMES  64
#define NGX_ESS_FLUSH_FILTERED_BYTES   (256 * 1024)


static ngx_int_t ngx_ess_flush_filtered_collect(ngx_ess_subscriber_t *sub,
    ngx_chain_t **out);
static ngx_int_t ngx_ess_flush_filtered_buf(ngx_ess_subscriber_t *sub,
    ngx_chain_t ***ll, u_char *data, size_t len);
static void ngx_ess_flush_filtered_sent(ngx_ess_zone_t *zone,
    ngx_ess_subscriber_t *sub);


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
    ngx_ess_filtered_t   *f;

    f = sub->filtered;
    ll = out;
    size = 0;

    if (sub->control) {

        if (ngx_ess_flush_filtered_buf(sub, &ll, sub->control->data,
                                       sub->control->len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        sub->control->begun = 1;
        f->control = 1;
    }

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
        return NGX_OK;
    }

    for (frame = sub->frame;
         frame
         && ngx_ess_frame_is_data(frame)
         && f->frames < NGX_ESS_FLUSH_FILTERED_FRAMES
         && size < NGX_ESS_FLUSH_FILTERED_BYTES;
         frame = frame->next)
    {
        if (ngx_ess_flush_filtered_buf(sub, &ll, frame->data, frame->len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        size += frame->len;
        f->frames++;
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
    ngx_msec_t           arrival;
    ngx_ess_filtered_t  *f;

    f = sub->filtered;
    arrival = f->frames ? sub->frame->arrival : 0;
    events = 0;
    bytes = 0;

    if (f->control) {
        f->control = 0;
        ngx_ess_flush_control_sent(sub);
    }

    for ( /* void */ ; f->frames; f->frames--) {
        events += (sub->frame->type == NGX_ESS_FRAME_EVENT);
        bytes += sub->frame->len;

        sub->frame = ngx_ess_frame_next(&sub->feed->frames, sub->frame);
    }

    if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING && sub->frame) {
        ngx_ess_frame_release(&sub->feed->frames, sub->frame);
        sub->frame = NULL;
    }

    sub->events_sent += events;
    sub->bytes_sent += bytes;

    ngx_ess_flush_count(zone, sub, events, bytes, arrival);
}
