/*
 * A send to a client with several subscriptions: the order of what is said and
 * of events, turns, what is left when the socket takes little, and no memory.
 *
 * links: src/client/ngx_ess_multi_flush.c src/client/ngx_ess_multi_cell.c
 * links: src/client/ngx_ess_flush.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_memory.c src/encoding/ngx_ess_encoding.c
 * links: t/unit/client/fake_client.c t/unit/client/fake_client_calls.c
 * links: t/unit/ngx_timer.c t/unit/ngx_trace.c
 */


#include "fake_client.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_flush.h"


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)

#define TEST_SUBS  4


static ngx_ess_multi_t       test_multi;
static ngx_ess_multi_kind_t  test_kind;
static ngx_ess_feed_t        test_feeds[TEST_SUBS];
static ngx_ess_multi_cell_t  test_cells[TEST_SUBS];
static ngx_ess_multi_cell_t  test_group;
static const char           *test_label;    /* a piece of its own in front of
                                               the frame; NULL: none */
static ngx_uint_t            test_wanting;  /* a frame has no memory */
static struct iovec          test_iovs[NGX_ESS_FLUSH_BUFS];


void *
ngx_memalign(size_t alignment, size_t size, ngx_log_t *log)
{
    return NULL;
}


void
ngx_ess_multi_idle(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    assert_null(sub->frame);
    ngx_unit_trace("idle %d", (int) sub->number);
}


void
ngx_ess_multi_end(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason)
{
    ngx_ess_frame_release(&sub->lane->frames, sub->frame);
    sub->frame = NULL;
    ngx_queue_remove(&sub->queue);

    ngx_unit_trace("end %d %d %s", (int) sub->number, (int) code, reason);
}


static u_char *
test_block(const char *text)
{
    u_char  *data;

    data = ngx_ess_encoding_alloc(strlen(text), NULL);
    assert_non_null(data);
    memcpy(data, text, strlen(text));

    return data;
}


static ngx_int_t
test_piece(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub)
{
    ngx_ess_frame_t  *frame;

    frame = sub->frame;

    if (test_wanting) {
        return NGX_ERROR;
    }

    if (test_label) {
        ngx_ess_multi_flush_piece(test_block(test_label), strlen(test_label),
                                  NULL, 0);
    }

    ngx_ess_encoding_hold(frame->data);
    ngx_ess_multi_flush_piece(frame->data, frame->len, frame,
                              test_label != NULL);

    return NGX_OK;
}


static void
test_heard(ngx_ess_multi_t *multi)
{
    ngx_unit_trace("heard");
}


static int
test_setup(void **state)
{
    ngx_uint_t  i;

    (void) fake_client_setup(state);
    ngx_ess_memory_init(NULL, 1024 * 1024);
    ngx_memzero(fake.counters, sizeof(fake.counters));

    ngx_memzero(&test_multi, sizeof(ngx_ess_multi_t));
    ngx_memzero(&test_kind, sizeof(ngx_ess_multi_kind_t));
    ngx_memzero(test_feeds, sizeof(test_feeds));
    ngx_memzero(test_cells, sizeof(test_cells));
    ngx_memzero(&test_group, sizeof(ngx_ess_multi_cell_t));

    test_label = NULL;
    test_wanting = 0;
    test_kind.piece = test_piece;
    test_multi.kind = &test_kind;
    test_multi.client = fake.client;
    test_multi.last = &test_multi.answers;
    ngx_queue_init(&test_multi.ready);
    fake.client->multi = &test_multi;

    for (i = 0; i < TEST_SUBS; i++) {
        test_feeds[i].lane.feed = &test_feeds[i];
        test_cells[i].sub.lane = &test_feeds[i].lane;
        test_cells[i].sub.client = fake.client;
        test_cells[i].sub.number = i;
        ngx_queue_init(&test_cells[i].sub.queue);
    }

    return 0;
}


/* nothing is kept */

static int
test_teardown(void **state)
{
    ngx_uint_t             i;
    ngx_ess_subscriber_t  *sub;

    ngx_ess_multi_flush_drop(&test_multi);
    assert_null(test_multi.rest);
    assert_null(test_multi.answers);

    for (i = 0; i < TEST_SUBS; i++) {
        sub = &test_cells[i].sub;

        if (sub->frame) {
            ngx_ess_frame_release(&sub->lane->frames, sub->frame);
        }
    }

    assert_int_equal(ngx_ess_memory_used(), 0);

    ngx_ess_flush_control_drop(fake.client);

    return fake_client_teardown(state);
}


/* One frame more for that subscription, which is ready from then on. */

static ngx_ess_frame_t *
test_frame(ngx_uint_t i, ngx_ess_frame_type_e type, uint64_t seq,
    const char *text, size_t len)
{
    ngx_ess_frame_t           *frame;
    ngx_ess_subscriber_t      *sub;
    ngx_ess_encoding_frame_t   data;

    sub = &test_cells[i].sub;

    data.len = len;
    data.data = NULL;

    if (len) {
        data.data = ngx_ess_encoding_alloc(len, NULL);
        ngx_memset(data.data, text[0], len);
        ngx_memcpy(data.data, text, ngx_min(len, strlen(text)));
    }

    frame = ngx_ess_frame_append(&sub->lane->frames, type, seq, seq, &data,
                                 &fake.log);
    assert_non_null(frame);
    ngx_ess_frame_drop(data.data, len);

    if (sub->frame) {
        ngx_ess_frame_release(&sub->lane->frames, frame);
        return frame;
    }

    sub->frame = frame;

    if (!sub->grouped) {
        ngx_queue_insert_tail(&test_multi.ready, &sub->queue);
    }

    return frame;
}


static ngx_ess_frame_t *
test_event(ngx_uint_t i, const char *text)
{
    return test_frame(i, NGX_ESS_FRAME_EVENT, 1, text, strlen(text));
}


/* as ngx_ess_multi_say() */

static void
test_say(const char *text)
{
    ngx_ess_multi_answer_t  *answer;

    answer = malloc(sizeof(ngx_ess_multi_answer_t));
    assert_non_null(answer);

    answer->next = NULL;
    answer->data = test_block(text);
    answer->len = strlen(text);

    *test_multi.last = answer;
    test_multi.last = &answer->next;
    test_multi.said += answer->len;
}


static void
test_control(const char *text)
{
    assert_int_equal(ngx_ess_flush_control(fake.client, (u_char *) text,
                                           strlen(text), strlen(text)),
                     NGX_OK);
}


static ngx_int_t
test_flush(void)
{
    return ngx_ess_multi_flush(NULL, fake.client);
}


/* The socket takes so many bytes more. */

static ngx_int_t
test_flush_room(size_t room)
{
    fake.room = room;
    fake.write.ready = 1;

    return test_flush();
}


static void
test_nothing(void **state)
{
    assert_int_equal(test_flush(), NGX_OK);

    test_event(0, "a;");
    fake.write.ready = 0;
    assert_int_equal(test_flush(), NGX_AGAIN);
    fake_sent("");
    assert_false(ngx_queue_empty(&test_multi.ready));
}


/* Answers first, whole, and who waits for them hears of it once they are
   taken. */

static void
test_order(void **state)
{
    ngx_ess_frame_t  *frame;

    test_kind.heard = test_heard;

    frame = test_event(0, "a;");
    frame->arrival = ngx_current_msec - 10;
    test_frame(0, NGX_ESS_FRAME_GAP, 2, "gap;", 4);
    test_event(1, "b;");
    test_say("yes;");
    test_say("no;");
    test_control("ping;");

    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("ping;yes;no;a;gap;b;");
    ngx_unit_traced("heard", "idle 0", "idle 1");

    assert_int_equal(test_multi.said, 0);
    assert_ptr_equal(test_multi.last, &test_multi.answers);
    assert_int_equal(fake.client->events_sent, 2);
    assert_int_equal(fake.client->bytes_sent, 15);
    assert_int_equal(fake.counters[NGX_ESS_C_EVENTS_SENT], 2);
    assert_int_equal(fake.counters[NGX_ESS_C_BYTES_SENT], 15);
    assert_int_equal(fake.counters[NGX_ESS_C_AGE_SUM], 20);
}


/* However little is taken, it is the same text. */

static void
test_pieces(void **state)
{
    size_t      room;
    char        text[64];
    size_t      len;
    ngx_int_t   rc;

    test_label = "to:";

    for (room = 1; room < 20; room++) {
        test_say("yes;");
        test_event(0, "a;");
        test_event(0, "b;");
        test_event(1, "c;");
        len = 0;

        do {
            rc = test_flush_room(room);
            memcpy(text + len, fake.out, fake.sent);
            len += fake.sent;
            fake.sent = 0;
        } while (rc != NGX_OK);

        assert_int_equal(len, 19);
        assert_memory_equal(text, "yes;to:a;to:b;to:c;", 19);
        assert_int_equal(fake.client->events_sent, 3 * room);
        assert_null(test_multi.rest);
    }
}


/* A control frame goes as soon as what was begun is whole: not into a piece,
   nor between two that belong together. */

static void
test_control_between(void **state)
{
    test_label = "to:";
    test_event(0, "a;");
    test_event(0, "b;");

    assert_int_equal(test_flush_room(1), NGX_AGAIN);
    test_control("ping;");
    assert_int_equal(test_flush_room(2), NGX_AGAIN);
    fake_sent("to:");

    assert_int_equal(test_flush_room(4), NGX_AGAIN);
    fake_sent("a;pi");

    assert_int_equal(test_flush_room(FAKE_ROOM), NGX_OK);
    fake_sent("ng;to:b;");
}


/* One that waits behind one that was begun is not taken for what follows. */

static void
test_control_behind(void **state)
{
    test_control("ping;");
    assert_int_equal(test_flush_room(2), NGX_AGAIN);
    test_control("pong;");
    test_event(0, "a;");
    test_event(0, "b;");

    assert_int_equal(test_flush_room(FAKE_ROOM), NGX_BUSY);
    fake_sent("ping;a;b;");
    assert_int_equal(fake.client->events_sent, 2);

    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("pong;");
}


/* The bytes at which each buffer of one send begins, which is sent. */

static void
test_collected(const char *text)
{
    char        begins[NGX_ESS_FLUSH_BUFS + 1];
    size_t      size;
    ngx_uint_t  i, n;

    n = ngx_ess_multi_flush_collect(fake.client, test_iovs);
    size = 0;

    for (i = 0; i < n; i++) {
        begins[i] = *(char *) test_iovs[i].iov_base;
        size += test_iovs[i].iov_len;
    }

    begins[n] = '\0';
    assert_string_equal(begins, (char *) text);

    ngx_ess_multi_flush_account(NULL, fake.client, size);
}


static void
test_turn_frames(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 40; i++) {
        test_event(0, "a");
        test_event(1, "b");
    }

    test_event(2, "c");

    test_collected("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbcaaaaaaaaaaaaaaaabbbbbbbbb"
                   "bbbb");
    assert_true(ngx_ess_multi_flush_more(fake.client));

    /* the turn that the send's end has cut is over, too */

    test_collected("aaaaaaaabbbbbbbbbbb");
    assert_false(ngx_ess_multi_flush_more(fake.client));
}


/* Who has large events, and more of them than a send takes, does not keep
   others waiting. */

static void
test_turn_bytes(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        test_frame(0, NGX_ESS_FRAME_EVENT, i, "a", 40000);
    }

    test_event(1, "b");

    test_collected("aa");
    test_collected("baa");
    assert_false(ngx_ess_multi_flush_more(fake.client));
    ngx_unit_traced("idle 1", "idle 0");
}


/* Keys of a stream, in the order of its log. */

static void
test_keys(void **state)
{
    ngx_uint_t             i;
    ngx_ess_subscriber_t  *sub;

    test_group.group.group = 1;
    test_group.group.client = fake.client;
    ngx_queue_insert_tail(&test_multi.ready, &test_group.group.queue);

    for (i = 0; i < 2; i++) {
        sub = &test_cells[i].sub;
        sub->grouped = 1;
        sub->client = (ngx_ess_client_t *) &test_group.group;
        sub->number = i;
    }

    test_frame(0, NGX_ESS_FRAME_EVENT, 1, "1", 1);
    test_frame(1, NGX_ESS_FRAME_EVENT, 2, "2", 1);
    test_frame(0, NGX_ESS_FRAME_EVENT, 3, "3", 1);
    test_frame(0, NGX_ESS_FRAME_EVENT, 5, "5", 1);
    test_frame(1, NGX_ESS_FRAME_EVENT, 4, "4", 1);

    test_group.group.ready =
        ngx_ess_multi_heap_merge(&test_cells[1].sub, &test_cells[0].sub);

    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("12345");
    ngx_unit_traced("idle 1", "idle 0");
    assert_null(test_group.group.ready);
    assert_true(ngx_queue_empty(&test_multi.ready));
}


static void
test_ends(void **state)
{
    test_event(0, "a;");
    test_frame(0, NGX_ESS_FRAME_CLOSE, 2, "", 0);
    test_frame(1, NGX_ESS_FRAME_GONE, 2, "", 0);
    test_event(2, "c;");

    assert_int_equal(test_flush(), NGX_OK);
    fake_sent("a;c;");
    ngx_unit_traced("end 0 1000 The stream has been deleted",
                    "end 1 1013 The stream's source cannot be found",
                    "idle 2");
}


/* Of what was taken only what was begun goes out, and no answer. */

static void
test_cut(void **state)
{
    test_label = "to:";
    test_event(0, "a;");
    test_event(0, "b;");
    assert_int_equal(test_flush_room(1), NGX_AGAIN);
    test_say("yes;");

    ngx_ess_multi_flush_cut(&test_multi);
    assert_int_equal(test_multi.said, 0);
    fake.client->state = NGX_ESS_CLIENT_CLOSING;
    test_control("close;");

    assert_int_equal(test_flush_room(FAKE_ROOM), NGX_OK);
    fake_sent("to:a;close;");
    assert_int_equal(test_flush(), NGX_OK);
}


/* Nothing was begun, or only the second piece is left of it. */

static void
test_cut_whole(void **state)
{
    test_event(0, "a;");
    test_event(0, "b;");
    assert_int_equal(test_flush_room(2), NGX_AGAIN);
    ngx_ess_multi_flush_cut(&test_multi);
    assert_null(test_multi.rest);

    test_label = "to:";
    test_event(0, "c;");
    test_event(0, "d;");
    assert_int_equal(test_flush_room(3), NGX_AGAIN);
    ngx_ess_multi_flush_cut(&test_multi);
    assert_int_equal(test_flush_room(FAKE_ROOM), NGX_OK);
    fake_sent("a;to:c;");
}


/* A rest that cannot be kept is the end; where a piece cannot be made it is to
   be closed, and what it has stays whole. */

static void
test_no_memory(void **state)
{
    test_event(0, "a;");
    fake.fail = 1;
    assert_int_equal(test_flush_room(1), NGX_ERROR);
    assert_true(test_multi.failed);
    assert_null(test_multi.rest);
    assert_int_equal(test_multi.offset, 0);
}


static void
test_no_piece(void **state)
{
    test_event(0, "a;");
    test_event(1, "b;");
    test_wanting = 1;

    assert_int_equal(test_flush(), NGX_OK);
    assert_true(test_multi.failed);

    /* they are no idle ones, for they have frames */

    ngx_unit_traced();
    assert_non_null(test_cells[0].sub.frame);
    assert_ptr_equal(ngx_queue_last(&test_multi.ready),
                     &test_cells[0].sub.queue);
}


static void
test_broken(void **state)
{
    test_event(0, "a;");
    fake.broken = NGX_ECONNRESET;
    assert_int_equal(test_flush(), NGX_ERROR);
    assert_non_null(test_multi.rest);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_nothing),
        TEST(test_order),
        TEST(test_pieces),
        TEST(test_control_between),
        TEST(test_control_behind),
        TEST(test_turn_frames),
        TEST(test_turn_bytes),
        TEST(test_keys),
        TEST(test_ends),
        TEST(test_cut),
        TEST(test_cut_whole),
        TEST(test_no_memory),
        TEST(test_no_piece),
        TEST(test_broken)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
