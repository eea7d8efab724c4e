/*
 * Several streams on one event stream: what is written for a client before each
 * event, as one text; and its places.
 *
 * links: src/client/ngx_ess_multi_sse.c
 * links: src/encoding/ngx_ess_encoding.c src/encoding/ngx_ess_encoding_sse.c
 * links: src/encoding/ngx_ess_sse_codec.c src/ngx_ess_utf8.c
 * links: src/subscriber/ngx_ess_places.c src/subscriber/ngx_ess_position.c
 * links: src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c src/ngx_ess_percent.c
 * links: t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_encoding_sse.h"
#include "ngx_ess_multi_flush.h"
#include "ngx_ess_multi_sse.h"
#include "ngx_ess_sse.h"


static char                test_sent[4096];
static ngx_uint_t          test_chunks;     /* 1: of HTTP/1.1 */
static ngx_uint_t          test_fail;       /* the nth allocation */
static ngx_uint_t          test_pieces;
static ngx_uint_t          test_events;     /* of them */

static ngx_connection_t    test_connection;
static ngx_http_request_t  test_request;
static ngx_ess_client_t    test_client;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return (test_fail && --test_fail == 0) ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return (test_fail && --test_fail == 0) ? NULL : calloc(1, size);
}


ngx_uint_t
ngx_ess_sse_chunks(ngx_http_request_t *r)
{
    return test_chunks;
}


ngx_ess_multi_t *
ngx_ess_multi_create(ngx_ess_client_t *client,
    const ngx_ess_multi_kind_t *kind, const ngx_ess_encoding_t *encoding)
{
    ngx_ess_multi_t  *multi;

    multi = ngx_calloc(sizeof(ngx_ess_multi_t), NULL);

    if (multi) {
        multi->client = client;
        multi->kind = kind;
        multi->encoding = encoding;
    }

    return multi;
}


static void
test_send(u_char *data, size_t len)
{
    strncat(test_sent, (char *) data, len);
    (void) ngx_ess_encoding_free(data);
}


void
ngx_ess_multi_flush_piece(u_char *data, size_t len, ngx_ess_frame_t *frame,
    ngx_uint_t behind)
{
    assert_int_equal(behind, test_pieces & 1);

    test_pieces++;
    test_events += (frame != NULL);

    test_send(data, len);
}


ngx_int_t
ngx_ess_multi_say(ngx_ess_multi_t *multi, u_char *data, size_t len)
{
    test_send(data, len);

    return NGX_OK;
}


static int
test_setup(void **state)
{
    test_sent[0] = '\0';
    test_chunks = 0;
    test_fail = 0;
    test_pieces = 0;
    test_events = 0;

    memset(&test_client, 0, sizeof(test_client));

    test_client.connection = &test_connection;
    test_client.request = &test_request;

    return 0;
}


/* Three streams, with the ids 11 to 13; the second one has a label. */

static ngx_int_t
begin(void)
{
    ngx_uint_t          i;
    ngx_ess_event_id_t  place;
    char                text[3][8] = { "abc", "def", "ghi" };
    char                label[] = "prices";

    ngx_ess_multi_sse_stream_t  streams[3];

    for (i = 0; i < 3; i++) {
        streams[i].stream = (ngx_str_t) { 3, (u_char *) text[i] };
        streams[i].label = (ngx_str_t) { 0, NULL };
        streams[i].id = 11 + i;
    }

    streams[1].label = (ngx_str_t) { 6, (u_char *) label };

    if (ngx_ess_multi_sse_create(&test_client, streams, 3) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < 3; i++) {
        place.epoch = 0xa + i;
        place.ordinal = i;
        ngx_ess_multi_sse_place(&test_client, i, &place);
    }

    return NGX_OK;
}


static void
end(void)
{
    test_client.multi->kind->done(test_client.multi);
    free(test_client.multi);
}


/* A frame of the stream with that id, or with a code its end. */

static ngx_int_t
give(uint64_t id, uint64_t ordinal, const char *body, ngx_uint_t code)
{
    ngx_int_t                  rc;
    ngx_ess_feed_t             feed;
    ngx_ess_frame_t            frame;
    ngx_ess_subscriber_t       sub;
    ngx_ess_encoding_event_t   event;
    ngx_ess_encoding_frame_t   data;
    const ngx_ess_encoding_t  *encoding;

    memset(&feed, 0, sizeof(feed));
    memset(&frame, 0, sizeof(frame));
    memset(&sub, 0, sizeof(sub));

    feed.ref.id = id;
    feed.ref.epoch = 0xa0 + id;
    feed.lane.feed = &feed;

    sub.lane = &feed.lane;
    sub.frame = &frame;

    if (code) {
        return test_client.multi->kind->end(test_client.multi, &sub, code,
                                            body);
    }

    encoding = test_client.multi->encoding;
    frame.ordinal = ordinal;

    if (body) {
        event.body = (ngx_str_t) { strlen(body), (u_char *) body };
        rc = encoding->encode(encoding, &event, 0, &data, NULL);

    } else {
        frame.type = NGX_ESS_FRAME_GAP;
        rc = encoding->gap(encoding, NULL, 1, 3, ordinal - 1, &data, NULL);
    }

    assert_int_equal(rc, NGX_OK);

    frame.data = data.data;
    frame.len = data.len;

    rc = test_client.multi->kind->piece(test_client.multi, &sub);

    (void) ngx_ess_encoding_free(data.data);

    return rc;
}


#define SENT(text)                                                            \
    assert_string_equal(test_sent, text);                                     \
    test_sent[0] = '\0'

static void
test_places(void **state)
{
    assert_int_equal(begin(), NGX_OK);
    assert_int_equal(test_client.multi->finite, 1);

    give(13, 7, "one", 0);
    SENT("id: a-0,b-1,ad-7\ndata: one\n\n");

    give(12, 9, "two", 0);
    SENT("event: prices\nid: a-0,ac-9,ad-7\ndata: two\n\n");

    /* a gap has the place behind it */

    give(11, 6, NULL, 0);
    SENT("event: gap\nid: ab-5,ac-9,ad-7\n"
         "data: {\"stream\":\"abc\",\"from\":3,\"to\":5}\n\n");

    give(12, 3, NULL, 0);
    SENT("event: gap\nid: ab-5,ac-2,ad-7\n"
         "data: {\"stream\":\"def\",\"label\":\"prices\",\"from\":3,"
         "\"to\":null}\n\n");

    give(12, 0, "deleted", 1000);
    SENT("event: end\nid: ab-5,ac-2,ad-7\n"
         "data: {\"stream\":\"def\",\"label\":\"prices\",\"code\":1000,"
         "\"reason\":\"deleted\"}\n\n");

    give(11, 6, "\xff", 0);
    SENT("event: binary\nid: ab-6,ac-2,ad-7\n: base64\ndata: /w==\n\n");

    assert_int_equal(test_pieces, 10);
    assert_int_equal(test_events, 5);

    end();
}


static void
test_chunked(void **state)
{
    test_chunks = 1;

    assert_int_equal(begin(), NGX_OK);

    give(13, 7, "one", 0);
    SENT("1c\r\nid: a-0,b-1,ad-7\ndata: one\n\n\r\n");

    give(11, 0, "x", 1000);
    SENT("4d\r\nevent: end\nid: a-0,b-1,ad-7\ndata: {\"stream\":\"abc\","
         "\"code\":1000,\"reason\":\"x\"}\n\n\r\n");

    end();
}


static void
test_memory(void **state)
{
    ngx_uint_t  i;

    for (i = 1; i <= 2; i++) {
        test_fail = i;
        assert_int_equal(begin(), NGX_ERROR);
        assert_null(test_client.multi);
    }

    assert_int_equal(begin(), NGX_OK);

    test_fail = 2;
    assert_int_equal(give(11, 1, "x", 0), NGX_ERROR);

    test_fail = 1;
    assert_int_equal(give(11, 1, "x", 1000), NGX_ERROR);

    assert_int_equal(test_pieces, 0);

    end();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_places, test_setup),
        cmocka_unit_test_setup(test_chunked, test_setup),
        cmocka_unit_test_setup(test_memory, test_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
