
/*
 * A client of several streams over Server-Sent Events.  Its id line has a place
 * in each stream, and is written when an event is taken for the client: no
 * event of another stream comes between, so that whoever comes back with it has
 * all that it names, and nothing behind.  Runs in the worker that has the
 * connection.
 */


#include "ngx_ess_multi_sse.h"
#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_places.h"
#include "ngx_ess_sse.h"


/* the client's; places and texts lie behind the streams */

typedef struct {
    ngx_uint_t                   n;
    ngx_uint_t                   chunked;   /* 1: the response is */
    ngx_ess_event_id_t          *places;    /* "n" */
    ngx_ess_multi_sse_stream_t   streams[1];    /* "n" */
} ngx_ess_multi_sse_t;


static ngx_int_t ngx_ess_multi_sse_piece(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub);
static ngx_int_t ngx_ess_multi_sse_end(ngx_ess_multi_t *multi,
    ngx_ess_subscriber_t *sub, ngx_uint_t code, const char *reason);
static void ngx_ess_multi_sse_done(ngx_ess_multi_t *multi);
static ngx_uint_t ngx_ess_multi_sse_own(ngx_ess_multi_sse_t *sse,
    ngx_ess_subscriber_t *sub, ngx_ess_encoding_sse_own_t *own);
static void ngx_ess_multi_sse_copy(ngx_str_t *text, u_char **p);


static const ngx_ess_multi_kind_t  ngx_ess_multi_sse_kind = {
    ngx_ess_multi_sse_piece,
    ngx_ess_multi_sse_end,
    NULL,                                  /* heard */
    ngx_ess_multi_sse_done
};


ngx_int_t
ngx_ess_multi_sse_create(ngx_ess_client_t *client,
    ngx_ess_multi_sse_stream_t *streams, ngx_uint_t n)
{
    size_t                len;
    u_char               *p;
    ngx_uint_t            i;
    ngx_ess_multi_t      *multi;
    ngx_ess_multi_sse_t  *sse;

    len = 0;

    for (i = 0; i < n; i++) {
        len += sizeof(ngx_ess_multi_sse_stream_t) + sizeof(ngx_ess_event_id_t)
               + streams[i].label.len + streams[i].stream.len;
    }

    sse = ngx_calloc(offsetof(ngx_ess_multi_sse_t, streams) + len,
                     client->connection->log);
    if (sse == NULL) {
        return NGX_ERROR;
    }

    sse->n = n;
    sse->chunked = ngx_ess_sse_chunks(client->request);
    sse->places = (ngx_ess_event_id_t *) (sse->streams + n);

    p = (u_char *) (sse->places + n);

    for (i = 0; i < n; i++) {
        sse->streams[i] = streams[i];

        ngx_ess_multi_sse_copy(&sse->streams[i].label, &p);
        ngx_ess_multi_sse_copy(&sse->streams[i].stream, &p);
    }

    multi = ngx_ess_multi_create(client, &ngx_ess_multi_sse_kind,
                                 &ngx_ess_encoding_sse_part[sse->chunked]);
    if (multi == NULL) {
        ngx_free(sse);
        return NGX_ERROR;
    }

    multi->own = sse;
    multi->finite = 1;

    client->many = 1;
    client->apart = 1;
    client->multi = multi;

    return NGX_OK;
}


static void
ngx_ess_multi_sse_copy(ngx_str_t *text, u_char **p)
{
    if (text->len == 0) {
        return;
    }

    ngx_memcpy(*p, text->data, text->len);

    text->data = *p;
    *p += text->len;
}


void
ngx_ess_multi_sse_place(ngx_ess_client_t *client, ngx_uint_t number,
    ngx_ess_event_id_t *place)
{
    ngx_ess_multi_sse_t  *sse;

    sse = client->multi->own;

    sse->places[number] = *place;
}


static ngx_int_t
ngx_ess_multi_sse_piece(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    size_t                       len;
    u_char                      *data, id[NGX_ESS_PLACES_LEN];
    ngx_str_t                    part;
    ngx_uint_t                   gap;
    ngx_ess_frame_t             *frame;
    ngx_ess_event_id_t          *place;
    ngx_ess_multi_sse_t         *sse;
    ngx_ess_encoding_sse_own_t   own;

    sse = multi->own;
    frame = sub->frame;
    gap = ngx_ess_frame_is_gap(frame);

    place = &sse->places[ngx_ess_multi_sse_own(sse, sub, &own)];

    place->epoch = sub->lane->feed->ref.epoch;
    place->ordinal = gap ? frame->ordinal - 1 : frame->ordinal;

    own.id.data = id;
    own.id.len = ngx_ess_places_write(id, sse->places, sse->n) - id;

    part.data = frame->data;
    part.len = frame->len;

    len = ngx_ess_encoding_sse_own_len(&own, &part, gap);

    data = ngx_ess_encoding_alloc(len, multi->client->connection->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_encoding_sse_own(data, &own, &part, gap);

    ngx_ess_multi_flush_piece(data, len, NULL, 0);

    ngx_ess_encoding_hold(frame->data);
    ngx_ess_multi_flush_piece(frame->data, frame->len, frame, 1);

    return NGX_OK;
}


/* Its place stays among the others, for an id has them all. */

static ngx_int_t
ngx_ess_multi_sse_end(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub,
    ngx_uint_t code, const char *reason)
{
    size_t                       len;
    u_char                      *data, id[NGX_ESS_PLACES_LEN];
    ngx_str_t                    text;
    ngx_ess_multi_sse_t         *sse;
    ngx_ess_encoding_sse_own_t   own;

    sse = multi->own;

    (void) ngx_ess_multi_sse_own(sse, sub, &own);

    own.id.data = id;
    own.id.len = ngx_ess_places_write(id, sse->places, sse->n) - id;

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    len = ngx_ess_encoding_sse_end_len(&own, code, &text);

    data = ngx_ess_encoding_alloc(len, multi->client->connection->log);
    if (data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_encoding_sse_end(data, &own, code, &text);

    return ngx_ess_multi_say(multi, data, len);
}


/* Which one is it?  All but the id. */

static ngx_uint_t
ngx_ess_multi_sse_own(ngx_ess_multi_sse_t *sse, ngx_ess_subscriber_t *sub,
    ngx_ess_encoding_sse_own_t *own)
{
    uint64_t    id;
    ngx_uint_t  i;

    id = sub->lane->feed->ref.id;

    for (i = 0; i < sse->n - 1 && sse->streams[i].id != id; i++) { /* void */ }

    own->label = sse->streams[i].label;
    own->stream = sse->streams[i].stream;
    own->chunked = (sse->chunked != 0);

    return i;
}


static void
ngx_ess_multi_sse_done(ngx_ess_multi_t *multi)
{
    ngx_free(multi->own);
}
