
/*
 * What a client with several subscriptions is sent: in one call what is left of
 * the last one, what is said to it, and frames of its subscriptions, each in
 * its turn.  A frame that was taken is the client's, whatever becomes of its
 * subscription.  Runs in the worker that has the connection.
 */


#include "ngx_ess_multi_flush.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_multi_drop.h"


/* a control frame has a buffer of its own, and what is taken last may be two */
#define NGX_ESS_MULTI_FLUSH_PIECES  (NGX_ESS_FLUSH_BUFS - 1)
#define NGX_ESS_MULTI_FLUSH_LAST    (NGX_ESS_MULTI_FLUSH_PIECES - 1)


typedef struct {
    u_char                      *data;      /* counted */
    size_t                       len;
    ngx_msec_t                   arrival;   /* as of a frame */
    unsigned                     events:1;  /* that end with it */
    unsigned                     behind:1;  /* the one before is not whole
                                               without it */
} ngx_ess_multi_piece_t;


struct ngx_ess_multi_rest_s {
    ngx_uint_t                   n;
    ngx_ess_multi_piece_t        pieces[1]; /* "n" */
};


static void ngx_ess_multi_flush_rest(ngx_ess_multi_t *multi);
static void ngx_ess_multi_flush_answers(ngx_ess_multi_t *multi);
static void ngx_ess_multi_flush_ready(ngx_ess_multi_t *multi);
static ngx_int_t ngx_ess_multi_flush_turn(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);
static ngx_uint_t ngx_ess_multi_flush_room(void);
static ngx_uint_t ngx_ess_multi_flush_step(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub);
static void ngx_ess_multi_flush_ended(ngx_ess_subscriber_t *sub);
static ngx_uint_t ngx_ess_multi_flush_within(ngx_uint_t i);
static ngx_int_t ngx_ess_multi_flush_keep(ngx_ess_multi_t *multi,
    ngx_uint_t first);


/* of the client that is being sent to */
static ngx_ess_multi_piece_t
    ngx_ess_multi_flush_pieces[NGX_ESS_MULTI_FLUSH_PIECES];
static ngx_uint_t   ngx_ess_multi_flush_n;
static size_t       ngx_ess_multi_flush_bytes;


ngx_int_t
ngx_ess_multi_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client)
{
    ssize_t            sent;
    ngx_uint_t         n;
    struct iovec       iovs[NGX_ESS_FLUSH_BUFS];
    ngx_connection_t  *c;

    c = client->connection;

    if (!c->write->ready) {
        return NGX_AGAIN;
    }

    n = ngx_ess_multi_flush_collect(client, iovs);

    if (n == 0 && !(c->buffered & NGX_LOWLEVEL_BUFFERED)) {
        return NGX_OK;
    }

    sent = ngx_ess_flush_write(c, iovs, n);

    ngx_ess_multi_flush_account(zone, client,
                                (sent == NGX_ERROR) ? 0 : (size_t) sent);

    if (sent == NGX_ERROR || c->error) {
        return NGX_ERROR;
    }

    if (!ngx_ess_multi_flush_more(client)
        && !(c->buffered & NGX_LOWLEVEL_BUFFERED))
    {
        return NGX_OK;
    }

    return c->write->ready ? NGX_BUSY : NGX_AGAIN;
}


ngx_uint_t
ngx_ess_multi_flush_collect(ngx_ess_client_t *client, struct iovec *iovs)
{
    size_t                  offset;
    ngx_uint_t              i, n;
    ngx_ess_multi_t        *multi;
    ngx_ess_control_t      *control;
    ngx_ess_multi_piece_t  *piece;

    multi = client->multi;

    ngx_ess_multi_flush_rest(multi);

    if (client->state < NGX_ESS_CLIENT_CLOSING) {
        ngx_ess_multi_flush_answers(multi);
        ngx_ess_multi_flush_ready(multi);
    }

    n = 0;
    offset = multi->offset;
    control = client->control;

    for (i = 0; i < ngx_ess_multi_flush_n || control; /* void */ ) {

        if (control && offset == 0 && !ngx_ess_multi_flush_within(i)) {
            iovs[n].iov_base = control->data + control->sent;
            iovs[n++].iov_len = control->len - control->sent;
            control = NULL;
            continue;
        }

        piece = &ngx_ess_multi_flush_pieces[i++];

        iovs[n].iov_base = piece->data + offset;
        iovs[n++].iov_len = piece->len - offset;
        offset = 0;
    }

    return n;
}


static void
ngx_ess_multi_flush_rest(ngx_ess_multi_t *multi)
{
    ngx_uint_t             i;
    ngx_ess_multi_rest_t  *rest;

    rest = multi->rest;

    ngx_ess_multi_flush_n = 0;
    ngx_ess_multi_flush_bytes = 0;

    if (rest == NULL) {
        return;
    }

    for (i = 0; i < rest->n; i++) {
        ngx_ess_multi_flush_bytes += rest->pieces[i].len;
    }

    ngx_memcpy(ngx_ess_multi_flush_pieces, rest->pieces,
               rest->n * sizeof(ngx_ess_multi_piece_t));

    ngx_ess_multi_flush_n = rest->n;

    ngx_free(rest);
    multi->rest = NULL;
}


static void
ngx_ess_multi_flush_answers(ngx_ess_multi_t *multi)
{
    ngx_ess_multi_answer_t  *answer;

    while (multi->answers && ngx_ess_multi_flush_room()) {

        answer = multi->answers;
        multi->answers = answer->next;
        multi->said -= answer->len;

        if (multi->answers == NULL) {
            multi->last = &multi->answers;
        }

        ngx_ess_multi_flush_piece(answer->data, answer->len, NULL, 0);
        ngx_free(answer);
    }

    if (multi->answers == NULL && multi->kind->heard) {
        multi->kind->heard(multi);
    }
}


/* Not before all answers: one may tell of a subscription, also the one that is
   being made. */

static void
ngx_ess_multi_flush_ready(ngx_ess_multi_t *multi)
{
    ngx_queue_t  *q;

    while (multi->answers == NULL
           && !multi->told
           && !multi->failed
           && ngx_ess_multi_flush_room()
           && !ngx_queue_empty(&multi->ready))
    {
        q = ngx_queue_head(&multi->ready);

        if (ngx_ess_multi_flush_turn(multi, (ngx_ess_multi_cell_t *)
                                     ngx_queue_data(q, ngx_ess_subscriber_t,
                                                    queue))
            == NGX_AGAIN)
        {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&multi->ready, q);
        }
    }
}


static ngx_uint_t
ngx_ess_multi_flush_room(void)
{
    return ngx_ess_multi_flush_n < NGX_ESS_MULTI_FLUSH_LAST
           && ngx_ess_multi_flush_bytes < NGX_ESS_MULTI_FLUSH_BYTES;
}


/*
 * NGX_AGAIN: its turn is over, there is more.  NGX_OK: it is not ready any
 * more.  A send that is full ends a turn, too, or one whose events are large
 * would be the first one each time.
 */

static ngx_int_t
ngx_ess_multi_flush_turn(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_uint_t              i, last;
    ngx_ess_subscriber_t   *sub;
    ngx_ess_multi_group_t  *group;

    group = cell->sub.group ? &cell->group : NULL;

    for (i = 0;
         i < NGX_ESS_MULTI_FLUSH_FRAMES
         && !multi->failed
         && ngx_ess_multi_flush_room();
         i++)
    {
        sub = group ? group->ready : &cell->sub;

        if (sub->frame && !ngx_ess_frame_is_data(sub->frame)) {
            ngx_ess_multi_flush_ended(sub);
            return NGX_OK;
        }

        if (group) {
            group->ready = ngx_ess_multi_heap_pop(group->ready);
        }

        if (ngx_ess_multi_flush_step(multi, sub)) {

            if (group) {
                group->ready = ngx_ess_multi_heap_merge(group->ready, sub);
            }

            continue;
        }

        last = (group == NULL || group->ready == NULL);

        if (last) {
            ngx_queue_remove(&cell->sub.queue);
            ngx_queue_init(&cell->sub.queue);
        }

        ngx_ess_multi_idle(multi, sub);

        if (last) {
            return NGX_OK;
        }
    }

    return NGX_AGAIN;
}


/* Takes the next frame, if there is any; 1: there is another one, or for want
   of memory the same. */

static ngx_uint_t
ngx_ess_multi_flush_step(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    if (sub->frame == NULL) {
        /* of a replay, which has nothing more to read */
        return 0;
    }

    if (multi->kind->piece(multi, sub) != NGX_OK) {
        multi->failed = 1;
        return 1;
    }

    sub->frame = ngx_ess_frame_next(&sub->lane->frames, sub->frame);

    return sub->frame != NULL;
}


static void
ngx_ess_multi_flush_ended(ngx_ess_subscriber_t *sub)
{
    if (sub->frame->type == NGX_ESS_FRAME_GONE) {
        ngx_ess_multi_end(sub, NGX_ESS_CLIENT_LATER,
                          "The stream's source cannot be found");
        return;
    }

    ngx_ess_multi_end(sub, NGX_ESS_CLIENT_NORMAL,
                      "The stream has been deleted");
}


void
ngx_ess_multi_flush_piece(u_char *data, size_t len, ngx_ess_frame_t *frame,
    ngx_uint_t behind)
{
    ngx_ess_multi_piece_t  *piece;

    piece = &ngx_ess_multi_flush_pieces[ngx_ess_multi_flush_n++];

    piece->data = data;
    piece->len = len;
    piece->events = (frame && frame->type == NGX_ESS_FRAME_EVENT);
    piece->behind = (behind != 0);
    piece->arrival = frame ? frame->arrival : 0;

    ngx_ess_multi_flush_bytes += len;
}


/* Goes the way of ngx_ess_multi_flush_collect(). */

void
ngx_ess_multi_flush_account(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    size_t sent)
{
    size_t                  n;
    uint64_t                events, bytes;
    ngx_msec_t              arrival;
    ngx_uint_t              i, control;
    ngx_ess_multi_t        *multi;
    ngx_ess_multi_piece_t  *piece;

    multi = client->multi;

    /* those that wait behind it were not collected */
    control = (client->control != NULL);

    events = 0;
    bytes = 0;
    arrival = 0;
    i = 0;

    while (sent) {

        if (control && multi->offset == 0 && !ngx_ess_multi_flush_within(i)) {
            control = 0;
            sent = ngx_ess_flush_account_control(client, sent);
            continue;
        }

        piece = &ngx_ess_multi_flush_pieces[i];
        n = ngx_min(sent, piece->len - multi->offset);

        sent -= n;
        bytes += n;
        multi->offset += n;

        if (multi->offset < piece->len) {
            break;
        }

        multi->offset = 0;
        events += piece->events;

        if (arrival == 0) {
            arrival = piece->arrival;
        }

        ngx_ess_frame_drop(piece->data, piece->len);
        i++;
    }

    client->events_sent += events;
    client->bytes_sent += bytes;

    ngx_ess_flush_count(zone, client, events, bytes, arrival);

    if (ngx_ess_multi_flush_keep(multi, i) != NGX_OK) {

        /* perhaps within a frame, so nothing can be said any more */

        multi->failed = 1;
        client->connection->error = 1;
    }
}


/* Is that piece one that the one before needs? */

static ngx_uint_t
ngx_ess_multi_flush_within(ngx_uint_t i)
{
    return i < ngx_ess_multi_flush_n && ngx_ess_multi_flush_pieces[i].behind;
}


/* What is left, from that piece on, until the socket takes more. */

static ngx_int_t
ngx_ess_multi_flush_keep(ngx_ess_multi_t *multi, ngx_uint_t first)
{
    ngx_uint_t              n;
    ngx_ess_multi_rest_t   *rest;
    ngx_ess_multi_piece_t  *piece;

    n = ngx_ess_multi_flush_n - first;
    ngx_ess_multi_flush_n = 0;

    if (n == 0) {
        return NGX_OK;
    }

    rest = ngx_alloc(offsetof(ngx_ess_multi_rest_t, pieces)
                     + n * sizeof(ngx_ess_multi_piece_t),
                     multi->client->connection->log);
    if (rest == NULL) {

        while (n--) {
            piece = &ngx_ess_multi_flush_pieces[first++];
            ngx_ess_frame_drop(piece->data, piece->len);
        }

        multi->offset = 0;

        return NGX_ERROR;
    }

    rest->n = n;
    ngx_memcpy(rest->pieces, &ngx_ess_multi_flush_pieces[first],
               n * sizeof(ngx_ess_multi_piece_t));

    multi->rest = rest;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_multi_flush_more(ngx_ess_client_t *client)
{
    ngx_ess_multi_t  *multi;

    multi = client->multi;

    if (client->control || multi->rest) {
        return 1;
    }

    return client->state < NGX_ESS_CLIENT_CLOSING
           && (multi->answers
               || (!multi->told && !ngx_queue_empty(&multi->ready)));
}


void
ngx_ess_multi_flush_cut(ngx_ess_multi_t *multi)
{
    ngx_uint_t               i, n;
    ngx_ess_multi_rest_t    *rest;
    ngx_ess_multi_answer_t  *answer;

    while (multi->answers) {
        answer = multi->answers;
        multi->answers = answer->next;

        ngx_ess_encoding_free(answer->data);
        ngx_free(answer);
    }

    multi->last = &multi->answers;
    multi->said = 0;

    rest = multi->rest;

    if (rest == NULL) {
        return;
    }

    n = (multi->offset || rest->pieces[0].behind);

    while (n && n < rest->n && rest->pieces[n].behind) {
        n++;
    }

    for (i = n; i < rest->n; i++) {
        ngx_ess_frame_drop(rest->pieces[i].data, rest->pieces[i].len);
    }

    rest->n = n;

    if (n == 0) {
        ngx_free(rest);
        multi->rest = NULL;
    }
}


void
ngx_ess_multi_flush_drop(ngx_ess_multi_t *multi)
{
    ngx_uint_t  i;

    ngx_ess_multi_flush_cut(multi);

    if (multi->rest) {

        for (i = 0; i < multi->rest->n; i++) {
            ngx_ess_frame_drop(multi->rest->pieces[i].data,
                               multi->rest->pieces[i].len);
        }

        ngx_free(multi->rest);
        multi->rest = NULL;
    }
}
