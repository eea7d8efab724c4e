/*
 * Clients with several subscriptions, for the unit tests of feeds: whoever was
 * handed over is sent all there is in the next turn of the event loop, as far
 * as its socket takes it.
 */


#include "fake_feeds.h"


static ngx_queue_t   feeds_many_queue;      /* those that were handed over */
static ngx_queue_t  *feeds_many_mark;        /* behind those of this turn */


static void feeds_many_send(ngx_ess_subscriber_t *sub);
static ngx_ess_subscriber_t *feeds_many_next(feeds_client_t *first);
static ngx_int_t feeds_many_frame(feeds_client_t *first,
    ngx_ess_subscriber_t *sub);


void
feeds_many_begin(void)
{
    ngx_queue_init(&feeds_many_queue);
}


void
feeds_many_ready(ngx_ess_subscriber_t *sub)
{
    feeds_client_t  *c;

    c = (feeds_client_t *) sub;

    assert_false(c->taken);
    c->taken = 1;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&feeds_many_queue, &sub->queue);
}


/* What was handed over before this turn. */

void
feeds_many_turn(void)
{
    ngx_queue_t            mark, *q;
    ngx_ess_subscriber_t  *sub;

    ngx_queue_insert_tail(&feeds_many_queue, &mark);
    feeds_many_mark = &mark;

    for ( ;; ) {
        q = ngx_queue_head(&feeds_many_queue);
        ngx_queue_remove(q);

        if (q == &mark) {
            feeds_many_mark = NULL;
            return;
        }

        ngx_queue_insert_tail(&feeds_many_queue, q);

        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        feeds_many_send(sub);
    }
}


/* Of all keys of a client, in the order of the log. */

static void
feeds_many_send(ngx_ess_subscriber_t *sub)
{
    feeds_client_t        *c, *first;
    ngx_ess_subscriber_t  *next;

    c = (feeds_client_t *) sub;
    first = c->parent ? c->parent : c;

    for (next = feeds_many_next(first); next; next = feeds_many_next(first)) {

        if (!ngx_ess_frame_is_data(next->frame)) {
            feeds_say(c, "close;", 6);
            feeds_leave((feeds_client_t *) next);

            if (next == sub) {
                return;
            }

        } else if (feeds_many_frame(first, next) != NGX_OK) {
            break;
        }
    }

    /* without a frame it is idle, but its replay goes on with its socket */

    if (sub->frame || (first->room == 0 && sub->lane->feed->replay)) {
        return;
    }

    c->taken = 0;

    if (ngx_ess_feed_join_idle(sub) != NGX_OK) {
        feeds_say(c, "failed;", 7);
        feeds_leave(c);
    }
}


static ngx_ess_subscriber_t *
feeds_many_next(feeds_client_t *first)
{
    ngx_queue_t           *q;
    feeds_client_t        *c;
    ngx_ess_subscriber_t  *sub, *next;

    next = NULL;

    for (q = ngx_queue_head(&feeds_many_queue);
         q != ngx_queue_sentinel(&feeds_many_queue);
         q = ngx_queue_next(q))
    {
        if (q == feeds_many_mark) {
            continue;
        }

        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
        c = (feeds_client_t *) sub;

        if ((c == first || c->parent == first) && sub->frame
            && (next == NULL || sub->offset
                || (next->offset == 0 && sub->frame->seq < next->frame->seq)))
        {
            next = sub;
        }
    }

    return next;
}


/* NGX_AGAIN: the socket is full. */

static ngx_int_t
feeds_many_frame(feeds_client_t *first, ngx_ess_subscriber_t *sub)
{
    size_t            n;
    ngx_ess_frame_t  *frame;

    frame = sub->frame;
    n = ngx_min(first->room, frame->len - sub->offset);

    feeds_say(first, frame->data + sub->offset, n);
    first->room -= n;
    sub->offset += n;

    if (sub->offset < frame->len) {
        return NGX_AGAIN;
    }

    sub->offset = 0;
    sub->frame = ngx_ess_frame_next(&sub->lane->frames, frame);

    return NGX_OK;
}


void
feeds_many_arrived(ngx_ess_subscriber_t *sub)
{
    ngx_int_t        rc;
    ngx_uint_t       i;
    feeds_client_t  *c, *other;
    feeds_stream_t  *s;

    c = (feeds_client_t *) sub;
    s = feeds_stream(sub->client->stream_id);

    for (i = 0; i < c->nkeys; i++) {

        other = (i + 1 < c->nkeys) ? feeds_client(s) : c;

        rc = ngx_ess_feed_join_arrived(sub, &c->keys[i], &other->client.sub);

        if (rc != NGX_OK) {
            feeds_say(c, "failed;", 7);
            feeds_leave(c);
            return;
        }

        if (other != c) {
            other->parent = c;
            (void) feeds_opened(other, NGX_OK);
        }
    }
}


void
feeds_many_taken(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit, void *data)
{
    ngx_queue_t           *q, *next;
    ngx_ess_subscriber_t  *sub;

    for (q = ngx_queue_head(&feeds_many_queue);
         q != ngx_queue_sentinel(&feeds_many_queue);
         q = next)
    {
        next = ngx_queue_next(q);

        if (q == feeds_many_mark) {
            continue;
        }

        sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);

        if (sub->lane->feed == feed) {
            visit(sub, data);
        }
    }
}


/* Who is slow is not looked for here. */

void
feeds_many_kept(void)
{
}


size_t
feeds_many_over(size_t over, size_t target)
{
    return 0;
}
