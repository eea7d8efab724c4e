
/*
 * From a cursor to a socket.  Frames are shared by all subscribers, so each
 * send makes buffers of its own on the stack.  Runs in workers.
 */


#include "ngx_ess_flush.h"


/* as many as nginx takes for one writev() */
#define NGX_ESS_FLUSH_BUFS   64

/* of one send, so that TLS for one client does not keep all others waiting */
#define NGX_ESS_FLUSH_BYTES  (1024 * 1024)


static ngx_uint_t ngx_ess_flush_collect(ngx_ess_subscriber_t *sub,
    ngx_buf_t *bufs, ngx_chain_t *chain);
static void ngx_ess_flush_buf(ngx_buf_t *b, u_char *pos, u_char *last);
static void ngx_ess_flush_account(ngx_ess_zone_t *zone,
    ngx_ess_subscriber_t *sub, size_t sent);
static size_t ngx_ess_flush_account_frame(ngx_ess_subscriber_t *sub,
    size_t sent);
static size_t ngx_ess_flush_account_control(ngx_ess_subscriber_t *sub,
    size_t sent);
static ngx_uint_t ngx_ess_flush_more(ngx_ess_subscriber_t *sub);


ngx_int_t
ngx_ess_flush(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub)
{
    size_t             sent;
    u_char            *start;
    ngx_buf_t          bufs[NGX_ESS_FLUSH_BUFS];
    ngx_uint_t         i, n;
    ngx_chain_t        chain[NGX_ESS_FLUSH_BUFS], *cl;
    ngx_connection_t  *c;

    if (sub->filtered) {
        return ngx_ess_flush_filtered(zone, sub);
    }

    c = sub->connection;

    n = ngx_ess_flush_collect(sub, bufs, chain);

    if (n == 0 && !(c->buffered & NGX_LOWLEVEL_BUFFERED)) {
        return NGX_OK;
    }

    if (!c->write->ready) {
        return NGX_AGAIN;
    }

    c->log->action = "sending events to subscriber";

    /* TLS has a buffer of its own, which an empty chain flushes */

    cl = c->send_chain(c, n ? chain : NULL, NGX_ESS_FLUSH_BYTES);

    if (cl == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    sent = 0;

    for (i = 0; i < n; i++) {
        start = bufs[i].start;
        sent += bufs[i].pos - start;
    }

    ngx_ess_flush_account(zone, sub, sent);

    if (!ngx_ess_flush_more(sub)
        && !(c->buffered & NGX_LOWLEVEL_BUFFERED))
    {
        return NGX_OK;
    }

    return c->write->ready ? NGX_BUSY : NGX_AGAIN;
}


ngx_int_t
ngx_ess_flush_control(ngx_ess_subscriber_t *sub, u_char *data, size_t len)
{
    ngx_ess_control_t  *control;

    if (len > NGX_ESS_TRANSPORT_MAX_CONTROL) {
        return NGX_ERROR;
    }

    control = sub->control;

    if (control == NULL) {
        control = ngx_alloc(sizeof(ngx_ess_control_t), sub->connection->log);
        if (control == NULL) {
            return NGX_ERROR;
        }

        control->sent = 0;
        control->begun = 0;
        control->next_len = 0;

        sub->control = control;
    }

    if (control->begun) {
        ngx_memcpy(control->next, data, len);
        control->next_len = (u_char) len;
        return NGX_OK;
    }

    ngx_memcpy(control->data, data, len);
    control->len = (u_char) len;

    return NGX_OK;
}


void
ngx_ess_flush_control_sent(ngx_ess_subscriber_t *sub)
{
    ngx_ess_control_t  *control;

    control = sub->control;

    if (control->next_len == 0) {
        ngx_free(control);
        sub->control = NULL;
        return;
    }

    ngx_memcpy(control->data, control->next, control->next_len);

    control->len = control->next_len;
    control->sent = 0;
    control->begun = 0;
    control->next_len = 0;
}


static ngx_uint_t
ngx_ess_flush_collect(ngx_ess_subscriber_t *sub, ngx_buf_t *bufs,
    ngx_chain_t *chain)
{
    ngx_uint_t        i, n;
    ngx_ess_frame_t  *frame;

    n = 0;
    frame = sub->frame;

    if (sub->offset) {
        ngx_ess_flush_buf(&bufs[n++], frame->data + sub->offset,
                          frame->data + frame->len);
        frame = frame->next;
    }

    if (sub->control) {
        ngx_ess_flush_buf(&bufs[n++], sub->control->data + sub->control->sent,
                          sub->control->data + sub->control->len);
    }

    if (sub->state < NGX_ESS_SUBSCRIBER_CLOSING) {

        while (frame
               && frame->type != NGX_ESS_FRAME_CLOSE
               && n < NGX_ESS_FLUSH_BUFS)
        {
            ngx_ess_flush_buf(&bufs[n++], frame->data,
                              frame->data + frame->len);
            frame = frame->next;
        }
    }

    if (n == 0) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        chain[i].buf = &bufs[i];
        chain[i].next = (i + 1 < n) ? &chain[i + 1] : NULL;
    }

    /* TLS must not keep a short rest for later */

    bufs[n - 1].flush = 1;

    return n;
}


static void
ngx_ess_flush_buf(ngx_buf_t *b, u_char *pos, u_char *last)
{
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = pos;
    b->pos = pos;
    b->last = last;
    b->end = last;
    b->memory = 1;
}


/* Goes the way of ngx_ess_flush_collect(). */

static void
ngx_ess_flush_account(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub,
    size_t sent)
{
    uint64_t  events, bytes;

    if (sent == 0) {
        return;
    }

    events = sub->events_sent;
    bytes = sub->bytes_sent;

    if (sub->offset) {
        sent = ngx_ess_flush_account_frame(sub, sent);
    }

    if (sent && sub->control) {
        sent = ngx_ess_flush_account_control(sub, sent);
    }

    while (sent && sub->frame) {
        sent = ngx_ess_flush_account_frame(sub, sent);
    }

    ngx_ess_shm_count(zone, NGX_ESS_C_EVENTS_SENT,
                      (int64_t) (sub->events_sent - events));
    ngx_ess_shm_count(zone, NGX_ESS_C_BYTES_SENT,
                      (int64_t) (sub->bytes_sent - bytes));
}


static size_t
ngx_ess_flush_account_frame(ngx_ess_subscriber_t *sub, size_t sent)
{
    size_t  n;

    n = ngx_min(sent, sub->frame->len - sub->offset);

    sub->offset += n;
    sub->bytes_sent += n;

    if (sub->offset == sub->frame->len) {
        sub->events_sent += (sub->frame->type == NGX_ESS_FRAME_EVENT);
        sub->offset = 0;

        if (sub->state >= NGX_ESS_SUBSCRIBER_CLOSING) {
            ngx_ess_frame_release(&sub->feed->frames, sub->frame);
            sub->frame = NULL;

        } else {
            sub->frame = ngx_ess_frame_next(&sub->feed->frames, sub->frame);
        }
    }

    return sent - n;
}


static size_t
ngx_ess_flush_account_control(ngx_ess_subscriber_t *sub, size_t sent)
{
    size_t              n;
    ngx_ess_control_t  *control;

    control = sub->control;

    n = ngx_min(sent, (size_t) (control->len - control->sent));

    control->sent += (u_char) n;
    control->begun = 1;

    if (control->sent == control->len) {
        ngx_ess_flush_control_sent(sub);
    }

    return sent - n;
}


static ngx_uint_t
ngx_ess_flush_more(ngx_ess_subscriber_t *sub)
{
    if (sub->offset || sub->control) {
        return 1;
    }

    return sub->state < NGX_ESS_SUBSCRIBER_CLOSING
           && sub->frame
           && sub->frame->type != NGX_ESS_FRAME_CLOSE;
}
