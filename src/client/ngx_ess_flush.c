
/*
 * From a cursor to a socket.  Frames are shared by all subscribers, so each
 * send makes buffers of its own on the stack.  Runs in workers.
 */


#include "ngx_ess_flush.h"
#include "ngx_ess_counter.h"


/* of one send, so that TLS for one client does not keep all others waiting */
#define NGX_ESS_FLUSH_BYTES  (1024 * 1024)


static ngx_uint_t ngx_ess_flush_speaks(ngx_ess_client_t *client);
static void ngx_ess_flush_iov(struct iovec *iov, u_char *pos, u_char *last);
static ssize_t ngx_ess_flush_send(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t n);
static ssize_t ngx_ess_flush_chain(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t n);
static size_t ngx_ess_flush_account_frame(ngx_ess_client_t *client,
    size_t sent);
static ngx_uint_t ngx_ess_flush_bucket(const uint32_t *bounds, ngx_uint_t n,
    uint64_t value);


ngx_int_t
ngx_ess_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ssize_t            sent;
    ngx_uint_t         n;
    struct iovec       iovs[NGX_ESS_FLUSH_BUFS];
    ngx_connection_t  *c;

    c = client->connection;

    n = ngx_ess_flush_collect(client, iovs);

    if (n == 0 && !(c->buffered & NGX_LOWLEVEL_BUFFERED)) {
        return NGX_OK;
    }

    if (!c->write->ready) {
        return NGX_AGAIN;
    }

    sent = ngx_ess_flush_write(c, iovs, n);

    if (sent == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_ess_flush_account(zone, client, (size_t) sent);

    if (!ngx_ess_flush_more(client)
        && !(c->buffered & NGX_LOWLEVEL_BUFFERED))
    {
        return NGX_OK;
    }

    return c->write->ready ? NGX_BUSY : NGX_AGAIN;
}


ssize_t
ngx_ess_flush_write(ngx_connection_t *c, struct iovec *iovs, ngx_uint_t n)
{
    c->log->action = "sending events to subscriber";

    return (c->send_chain == ngx_send_chain)
           ? ngx_ess_flush_send(c, iovs, n)
           : ngx_ess_flush_chain(c, iovs, n);
}


/*
 * To a plain socket, as nginx's own functions would, but without buffers and a
 * chain around the frames; and the kernel takes less time for send() and
 * sendmsg() than for writev(), which is for files as well.
 */

static ssize_t
ngx_ess_flush_send(ngx_connection_t *c, struct iovec *iovs, ngx_uint_t n)
{
    size_t         size;
    ssize_t        sent;
    ngx_err_t      err;
    ngx_uint_t     i;
    struct msghdr  msg;

    size = 0;

    for (i = 0; i < n; i++) {
        size += iovs[i].iov_len;
    }

    do {

        if (n == 1) {
            sent = send(c->fd, iovs[0].iov_base, size, 0);

        } else {
            ngx_memzero(&msg, sizeof(struct msghdr));

            msg.msg_iov = iovs;
            msg.msg_iovlen = n;

            sent = sendmsg(c->fd, &msg, 0);
        }

        err = (sent == -1) ? ngx_errno : 0;

    } while (err == NGX_EINTR);

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;
        return 0;
    }

    if (err) {
        c->write->error = 1;
        (void) ngx_connection_error(c, err, "sending to a subscriber failed");
        return NGX_ERROR;
    }

    if ((size_t) sent < size) {
        c->write->ready = 0;
    }

    c->sent += sent;

    return sent;
}


/* TLS has a buffer of its own, which an empty chain flushes. */

static ssize_t
ngx_ess_flush_chain(ngx_connection_t *c, struct iovec *iovs, ngx_uint_t n)
{
    ssize_t      sent;
    ngx_buf_t    bufs[NGX_ESS_FLUSH_BUFS];
    ngx_uint_t   i;
    ngx_chain_t  chain[NGX_ESS_FLUSH_BUFS];

    for (i = 0; i < n; i++) {
        ngx_memzero(&bufs[i], sizeof(ngx_buf_t));

        bufs[i].start = iovs[i].iov_base;
        bufs[i].pos = iovs[i].iov_base;
        bufs[i].last = bufs[i].pos + iovs[i].iov_len;
        bufs[i].end = bufs[i].last;
        bufs[i].memory = 1;

        chain[i].buf = &bufs[i];
        chain[i].next = (i + 1 < n) ? &chain[i + 1] : NULL;
    }

    if (n) {
        /* a short rest must not be kept for later */
        bufs[n - 1].flush = 1;
    }

    if (c->send_chain(c, n ? chain : NULL, NGX_ESS_FLUSH_BYTES)
        == NGX_CHAIN_ERROR)
    {
        return NGX_ERROR;
    }

    sent = 0;

    for (i = 0; i < n; i++) {
        sent += bufs[i].pos - bufs[i].start;
    }

    return sent;
}


ngx_int_t
ngx_ess_flush_control(ngx_ess_client_t *client, u_char *data, size_t len,
    size_t last)
{
    size_t               kept;
    ngx_ess_control_t   *control, *old, **waiting;

    waiting = &client->control;

    if (*waiting && (*waiting)->sent) {
        waiting = &(*waiting)->next;
    }

    old = *waiting;
    kept = old ? old->len : 0;

    if ((client->control || client->blocked)
        && kept + len > NGX_ESS_FLUSH_CONTROL)
    {
        kept = 0;
        data += len - last;
        len = last;
    }

    control = ngx_alloc(offsetof(ngx_ess_control_t, data) + kept + len,
                        client->connection->log);
    if (control == NULL) {
        return NGX_ERROR;
    }

    control->next = NULL;
    control->len = (uint32_t) (kept + len);
    control->sent = 0;

    if (kept) {
        ngx_memcpy(control->data, old->data, kept);
    }

    ngx_memcpy(control->data + kept, data, len);

    if (old) {
        ngx_free(old);
    }

    *waiting = control;

    return NGX_OK;
}


void
ngx_ess_flush_control_drop(ngx_ess_client_t *client)
{
    ngx_ess_control_t  *control;

    while (client->control) {
        control = client->control;
        client->control = control->next;
        ngx_free(control);
    }
}


ngx_uint_t
ngx_ess_flush_collect(ngx_ess_client_t *client, struct iovec *iovs)
{
    ngx_uint_t          n;
    ngx_ess_frame_t    *frame;
    ngx_ess_control_t  *control;

    n = 0;
    frame = client->sub.frame;

    if (frame && client->sub.offset) {
        ngx_ess_flush_iov(&iovs[n++], frame->data + client->sub.offset,
                          frame->data + frame->len);
        frame = frame->next;
    }

    if (ngx_ess_flush_speaks(client)) {
        control = client->control;
        ngx_ess_flush_iov(&iovs[n++], control->data + control->sent,
                          control->data + control->len);
    }

    if (client->state < NGX_ESS_CLIENT_CLOSING) {

        while (frame
               && ngx_ess_frame_is_data(frame)
               && n < NGX_ESS_FLUSH_BUFS)
        {
            ngx_ess_flush_iov(&iovs[n++], frame->data,
                              frame->data + frame->len);
            frame = frame->next;
        }
    }

    return n;
}


/* Its control frame may go out: not before the rest of an event, while which
   is to be read again it has no frame. */

static ngx_uint_t
ngx_ess_flush_speaks(ngx_ess_client_t *client)
{
    return client->control && client->sub.lane->feed->rest == NULL;
}


static void
ngx_ess_flush_iov(struct iovec *iov, u_char *pos, u_char *last)
{
    iov->iov_base = pos;
    iov->iov_len = last - pos;
}


/* Goes the way of ngx_ess_flush_collect(). */

void
ngx_ess_flush_account(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    size_t sent)
{
    uint64_t    events, bytes;
    ngx_msec_t  arrival;

    if (sent == 0) {
        return;
    }

    events = client->events_sent;
    bytes = client->bytes_sent;
    arrival = 0;

    if (client->sub.frame) {
        arrival = client->sub.frame->arrival;

        if (client->sub.offset) {
            sent = ngx_ess_flush_account_frame(client, sent);
        }
    }

    if (sent && client->control) {
        sent = ngx_ess_flush_account_control(client, sent);
    }

    while (sent && client->sub.frame) {
        sent = ngx_ess_flush_account_frame(client, sent);
    }

    ngx_ess_flush_count(zone, client, client->events_sent - events,
                        client->bytes_sent - bytes, arrival);
}


/*
 * Frames that are complete are events.  "arrival" is that of the first, 0: not
 * known.
 */

void
ngx_ess_flush_count(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    uint64_t events, uint64_t bytes, ngx_msec_t arrival)
{
    uint64_t    *counters;
    ngx_msec_t   age;
    ngx_uint_t   i, kind;

    counters = ngx_ess_counter_own(zone);

    if (bytes == 0 || counters == NULL) {
        return;
    }

    kind = client->transport->kind;

    counters[NGX_ESS_C_EVENTS_SENT + kind] += events;
    counters[NGX_ESS_C_BYTES_SENT + kind] += bytes;

    if (events == 0) {
        return;
    }

    i = ngx_ess_flush_bucket(ngx_ess_counter_batches, NGX_ESS_BATCHES, events);

    counters[NGX_ESS_C_BATCH + i]++;
    counters[NGX_ESS_C_BATCH_SUM] += events;

    if (arrival == 0) {
        return;
    }

    age = ngx_current_msec - arrival;

    i = ngx_ess_flush_bucket(ngx_ess_counter_ages, NGX_ESS_AGES, age);

    counters[NGX_ESS_C_AGE + i] += events;
    counters[NGX_ESS_C_AGE_SUM] += age * events;
}


/* Of "n", the last of which has no bound. */

static ngx_uint_t
ngx_ess_flush_bucket(const uint32_t *bounds, ngx_uint_t n, uint64_t value)
{
    ngx_uint_t  i;

    for (i = 0; i < n - 1 && value > bounds[i]; i++) { /* void */ }

    return i;
}


static size_t
ngx_ess_flush_account_frame(ngx_ess_client_t *client, size_t sent)
{
    size_t                 n;
    ngx_ess_frames_t      *frames;
    ngx_ess_subscriber_t  *sub;

    sub = &client->sub;

    n = ngx_min(sent, sub->frame->len - sub->offset);

    sub->offset += n;
    client->bytes_sent += n;

    if (sub->offset == sub->frame->len) {
        client->events_sent += (sub->frame->type == NGX_ESS_FRAME_EVENT);
        sub->offset = 0;

        frames = &sub->lane->frames;

        if (client->state >= NGX_ESS_CLIENT_CLOSING) {
            ngx_ess_frame_release(frames, sub->frame);
            sub->frame = NULL;

        } else {
            sub->frame = ngx_ess_frame_next(frames, sub->frame);
        }
    }

    return sent - n;
}


size_t
ngx_ess_flush_account_control(ngx_ess_client_t *client, size_t sent)
{
    size_t              n;
    ngx_ess_control_t  *control;

    control = client->control;

    n = ngx_min(sent, (size_t) (control->len - control->sent));

    control->sent += (uint32_t) n;

    if (control->sent < control->len) {
        return sent - n;
    }

    client->control = control->next;
    ngx_free(control);

    return sent - n;
}


ngx_uint_t
ngx_ess_flush_more(ngx_ess_client_t *client)
{
    ngx_ess_frame_t  *frame;

    if (ngx_ess_flush_speaks(client)) {
        return 1;
    }

    frame = client->sub.frame;

    return frame
           && (client->sub.offset
               || (client->state < NGX_ESS_CLIENT_CLOSING
                   && ngx_ess_frame_is_data(frame)));
}
