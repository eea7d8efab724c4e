/*
 * What those get who are at the end of a stream: every record once, in order,
 * and a notice of each gap.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"


static void
test_every_event_comes_once_and_in_order(void **state)
{
    static const feeds_row_t  rows[] = {
        { "j",          "" },
        { "j!",         "" },
        { "je!",        "e1:x;" },
        { "jee!",       "e1:x;e2:x;" },
        { "je!e!!e!",   "e1:x;e2:x;e3:x;" },
        { "eeje!",      "e3:x;" },
        { "eexxje!",    "e3:x;" },
        { "eejxxe!",    "e3:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
    feeds_end(NULL);
    feeds_begin(NULL);
    feeds_rows(rows, 1, &feeds_plain);
}


static void
test_an_event_that_was_too_large_is_announced_with_the_next(void **state)
{
    static const feeds_row_t  rows[] = {
        { "j-e!",       "gap 1-1;e2:x;" },
        { "j--!e!",     "gap 1-2;e3:x;" },
        { "je-e!",      "e1:x;gap 2-2;e3:x;" },
        { "je!--e!",    "e1:x;gap 2-3;e4:x;" },
        { "je-!",       "e1:x;" },
        { "je-!!e!",    "e1:x;gap 2-2;e3:x;" },
        { "je-e-e!",    "e1:x;gap 2-2;e3:x;gap 4-4;e5:x;" },
        { "je-p!",      "e1:x;gap 2-2;close;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_what_was_evicted_unread_is_a_gap(void **state)
{
    static const feeds_row_t  rows[] = {
        { "jeex!",      "gap 1-1;e2:x;" },
        { "jeexx!",     "gap 1-2;" },
        { "jeexx!e!",   "gap 1-2;e3:x;" },
        { "je!eexx!",   "e1:x;gap 2-2;e3:x;" },
        { "je!eexxx!",  "e1:x;gap 2-3;" },
        { "je-exx!",    "gap 1-3;" },
        { "je-ex!",     "gap 1-2;e3:x;" },
        { "je-x!",      "gap 1-2;" },
        { "jeexD!",     "gap 1-1;e2:x;close;" },
        { "jepx!",      "gap 1-1;close;" },
        { "jepexx!",    "gap 1-1;e2:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);

    assert_int_equal(feeds.counters[NGX_ESS_C_GAPS], 11);
    assert_int_equal(feeds.counters[NGX_ESS_C_EVENTS_LOST], 16);
}


static void
test_a_record_that_was_evicted_and_was_no_event_is_no_gap(void **state)
{
    static const feeds_row_t  rows[] = {
        { "je!pexx!",   "e1:x;e2:x;" },
        { "jpex!",      "e1:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);

    assert_int_equal(feeds.counters[NGX_ESS_C_GAPS], 0);
    assert_int_equal(feeds.counters[NGX_ESS_C_EVENTS_LOST], 0);
}


static void
test_a_gap_of_unknown_length_has_no_end(void **state)
{
    static const feeds_row_t  rows[] = {
        { "jg!",        "gap 1-?;e1:x;" },
        { "jeg!",       "e1:x;gap 2-?;e2:x;" },
        { "je-g!",      "e1:x;gap 2-2;e3:x;" },
        { "jege!",      "e1:x;gap 2-?;e2:x;e3:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_ordinals_that_a_broker_left_out_are_no_gap(void **state)
{
    static const feeds_row_t  rows[] = {
        { "j-e!",       "e2:x;" },
        { "je--e!",     "e1:x;e4:x;" },
        { "je-p!",      "e1:x;close;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 1, &feeds_plain);
}


static void
test_ordinals_that_are_gone_from_a_broker_are_a_gap(void **state)
{
    static const feeds_row_t  rows[] = {
        { "j-g!",       "gap 1-1;e2:x;" },
        { "je--g!",     "e1:x;gap 2-3;e4:x;" },
        { "je--ge!",    "e1:x;gap 2-3;e4:x;e5:x;" },
        { "jeg!",       "e1:x;e2:x;" },
        { "jeex!",      "gap 1-1;e2:x;" },
        { "je-exx!",    "gap 1-3;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 1, &feeds_plain);
}


static void
test_a_stream_that_ends_closes_behind_its_last_event(void **state)
{
    static const feeds_row_t  rows[] = {
        { "jp!",        "close;" },
        { "jep!",       "e1:x;close;" },
        { "jpe!",       "close;" },
        { "jG!",        "gone;" },
        { "jeG!",       "e1:x;gone;" },
        { "jD!",        "close;" },
        { "jeeD!",      "e1:x;e2:x;close;" },
        { "1jeeD!",     "e1:x;e2:x;close;" },
        { "jM!",        "close;" },
        { "je!M!",      "e1:x;close;" },
        { "jN!",        "gone;" },
        { "je!eN!",     "e1:x;gone;" },
        { "jepD!",      "e1:x;close;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_an_encoding_without_words_gets_events_only(void **state)
{
    static const feeds_row_t  rows[] = {
        { "j-e!",       "e2:x;" },
        { "jeex!",      "e2:x;" },
        { "jeexx!e!",   "e3:x;" },
        { "jg!",        "e1:x;" },
        { "je-p!",      "e1:x;close;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_silent);

    assert_int_equal(feeds.counters[NGX_ESS_C_GAPS], 0);
    assert_int_equal(feeds.counters[NGX_ESS_C_EVENTS_LOST], 3);
}


static void
test_an_event_is_read_and_encoded_once_for_all(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[5];
    feeds_stream_t  *s;

    s = feeds_stream(1);

    for (i = 0; i < 5; i++) {
        clients[i] = feeds_join(s, i < 3 ? &feeds_plain : &feeds_deflated);
    }

    feeds_append(s, "{a}");
    feeds_append(s, "b");
    feeds_changed(s);

    for (i = 0; i < 5; i++) {
        feeds_expect(clients[i], i < 3 ? "e1:{a};e2:b;" : "E1:{a};E2:b;");
    }

    /* by two feeds */

    assert_int_equal(s->reads, 2);
    assert_int_equal(feeds.encoded, 4);
    assert_int_equal(feeds.encoded_one, 0);
    assert_int_equal(feeds.counters[NGX_ESS_C_UNANNOTATED], 2);
}


static void
test_what_an_encoding_leaves_out_is_no_gap(void **state)
{
    feeds_client_t  *live, *all, *back;
    feeds_stream_t  *s;

    s = feeds_stream(1);

    live = feeds_join(s, &feeds_strict);
    feeds_append(s, "!1");
    feeds_changed(s);
    feeds_expect(live, "");

    feeds_append(s, "a");
    feeds_append(s, "!3");
    feeds_append(s, "!4");
    feeds_append(s, "b");
    feeds_append(s, "!6");
    feeds_changed(s);
    feeds_expect(live, "e2:a;e5:b;");

    all = feeds_replay(s, &feeds_strict, 0);
    back = feeds_replay(s, &feeds_strict, 5);
    feeds_run();
    feeds_append(s, "!7");
    feeds_append(s, "c");
    feeds_changed(s);
    feeds_expect(live, "e8:c;");
    feeds_expect(all, "e2:a;e5:b;e8:c;");
    feeds_expect(back, "e8:c;");
    assert_int_equal(feeds.counters[NGX_ESS_C_GAPS], 0);
    assert_true(feeds.counters[NGX_ESS_C_LEFT_OUT] >= 6);
}


static void
test_who_comes_later_gets_what_comes_later(void **state)
{
    feeds_client_t  *a, *b;
    feeds_stream_t  *s;

    /* the feed did not hear yet of what came before b */

    s = feeds_stream(1);

    a = feeds_join(s, &feeds_plain);
    feeds_lost(s);
    feeds_append(s, "x");

    b = feeds_join(s, &feeds_plain);
    feeds_append(s, "y");
    feeds_changed(s);

    feeds_expect(a, "gap 1-1;e2:x;e3:y;");
    feeds_expect(b, "e3:y;");

    /* nor is it told of what came before it only */

    feeds_append(s, "z");
    feeds_expect(feeds_join(s, &feeds_plain), "");
    feeds_changed(s);
    feeds_expect(a, "e4:z;");
    feeds_expect(b, "e4:z;");
}


static void
test_who_comes_after_an_event_that_was_too_large_has_no_gap(void **state)
{
    feeds_client_t  *a, *b, *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);

    a = feeds_join(s, &feeds_plain);
    feeds_lost(s);
    b = feeds_join(s, &feeds_plain);
    feeds_lost(s);
    c = feeds_join(s, &feeds_plain);
    feeds_append(s, "x");
    feeds_changed(s);

    feeds_expect(a, "gap 1-1;gap 2-2;e3:x;");
    feeds_expect(b, "gap 2-2;e3:x;");
    feeds_expect(c, "e3:x;");

    /* from now on all miss the same */

    feeds_lost(s);
    feeds_append(s, "y");
    feeds_changed(s);

    feeds_expect(a, "gap 4-4;e5:y;");
    feeds_expect(b, "gap 4-4;e5:y;");
    feeds_expect(c, "gap 4-4;e5:y;");
}


static void
test_who_comes_after_a_loss_has_no_gap(void **state)
{
    ngx_uint_t       large;
    feeds_client_t  *a, *b, *c;
    feeds_stream_t  *s;

    for (large = 0; large < 2; large++) {
        s = feeds_stream(1 + large);
        a = feeds_join(s, &feeds_plain);

        if (large) {
            feeds_lost(s);
        }

        b = feeds_join(s, &feeds_plain);
        feeds_append_type(s, NGX_ESS_RECORD_LOSS);
        c = feeds_join(s, &feeds_plain);
        feeds_append(s, "x");
        feeds_changed(s);

        feeds_expect(a, large ? "gap 1-1;gap 2-?;e2:x;" : "gap 1-?;e1:x;");
        feeds_expect(b, large ? "gap 2-?;e2:x;" : "gap 1-?;e1:x;");
        feeds_expect(c, large ? "e2:x;" : "e1:x;");
    }
}


static void
test_what_a_slice_leaves_is_read_in_the_next(void **state)
{
    ngx_uint_t       i, turns;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    s->slice = 2;
    c = feeds_join(s, &feeds_plain);

    for (i = 0; i < 5; i++) {
        feeds_append(s, "x");
    }

    turns = feeds.turns;
    feeds_changed(s);
    feeds_expect(c, "e1:x;e2:x;e3:x;e4:x;e5:x;");

    /* sent before more is read, and others have their turn between */

    assert_int_equal(s->reads, 3);
    assert_int_equal(c->flushes, 1 + 3);
    assert_true(feeds.turns - turns >= 3);
    assert_true(feeds.done);
}


static void
test_a_long_burst_is_read_in_slices(void **state)
{
    u_char          *p;
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    static char  text[16 * 1024];

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);
    p = (u_char *) text;

    for (i = 1; i <= 600; i++) {
        feeds_append(s, "x");
        p += sprintf((char *) p, "e%d:x;", (int) i);
    }

    feeds_changed(s);
    feeds_expect(c, text);
    assert_true(s->reads > 1);
}


static void
test_an_event_of_any_size_comes_whole(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    static char  body[700000], text[1024 + sizeof(body)];

    static const size_t  sizes[] = {
        65535, 65536, 65537, 262143, 262144, 262145, sizeof(body) - 1
    };

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        s = feeds_stream(i + 1);

        ngx_memset(body, 'x', sizes[i]);
        body[sizes[i]] = '\0';

        sprintf(text, "e1:a;e2:%s;e3:b;", body);

        /* to those at the end, and to one that reads for itself */

        c = feeds_join(s, &feeds_plain);

        feeds_append(s, "a");
        feeds_append(s, body);
        feeds_append(s, "b");
        feeds_changed(s);
        feeds_expect(c, text);

        c = feeds_replay(s, &feeds_plain, 0);
        feeds_run();
        feeds_expect(c, text);
    }
}


static void
test_a_gap_before_a_large_event_is_told(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    static char  body[300001], text[64 + sizeof(body)];

    ngx_memset(body, 'x', sizeof(body) - 1);
    sprintf(text, "gap 1-2;e3:%s;", body);

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);

    feeds_append(s, "a");
    feeds_append(s, "b");
    feeds_append(s, body);
    feeds_evict(s, 2);
    feeds_changed(s);

    feeds_expect(c, text);
    assert_int_equal(feeds.counters[NGX_ESS_C_EVENTS_LOST], 2);
}


static void
test_an_event_that_no_buffer_takes_closes_and_alerts(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join(s, &feeds_plain);

    feeds_append(s, "x");
    s->refused = 1;
    feeds_changed(s);

    feeds_expect(c, "failed;");
    assert_int_equal(feeds.alerts, 1);
    feeds.alerts = 0;
}


static void
test_who_waits_for_its_socket_gets_it_all_later(void **state)
{
    feeds_client_t  *frame, *stuffed;
    feeds_stream_t  *s;

    s = feeds_stream(1);

    /* at a frame; and full of what is no frame */

    frame = feeds_join(s, &feeds_plain);
    stuffed = feeds_join(s, &feeds_plain);

    feeds_block(frame);
    feeds_stuff(stuffed);

    feeds_append(s, "a");
    feeds_changed(s);
    feeds_append(s, "b");
    feeds_changed(s);

    feeds_expect(frame, "");
    feeds_expect(stuffed, "");

    feeds_take(frame, 2);
    feeds_expect(frame, "e1");
    feeds_take(stuffed, 0);
    feeds_expect(stuffed, "e1:a;e2:b;");
    feeds_take(frame, FEEDS_ROOM);
    feeds_expect(frame, ":a;e2:b;");
}


static void
test_who_is_being_closed_gets_no_more(void **state)
{
    feeds_client_t  *c, *d;
    feeds_stream_t  *s;

    s = feeds_stream(1);

    c = feeds_join(s, &feeds_plain);
    d = feeds_join(s, &feeds_plain);
    c->lingers = 1;

    ngx_ess_feed_replaced(&s->ref, 1);
    feeds_expect(c, "replaced;");

    feeds_append(s, "a");
    feeds_changed(s);
    feeds_expect(c, "");
    feeds_expect(d, "e1:a;");
    assert_int_equal(feeds_subscribers(s), 2);

    /* nor is anything kept for it */

    assert_int_equal(ngx_ess_memory_used(), 0);
}


static void
test_without_memory_a_client_is_closed_but_misses_nothing(void **state)
{
    char             got[2][64];
    ngx_uint_t       i, n, failed;
    feeds_client_t  *clients[4];
    feeds_stream_t  *s;

    /* each allocation of the reading fails once */

    for (n = 1; /* void */ ; n++) {
        s = feeds_stream(1);
        s->slice = 2;

        for (i = 0; i < 4; i++) {
            clients[i] = feeds_join(s, i % 2 ? &feeds_other : &feeds_plain);
        }

        clients[2]->lingers = 1;
        feeds_stuff(clients[3]);

        feeds_append(s, "a");
        feeds_lost(s);
        feeds_append(s, "b");
        feeds_append(s, "c");

        feeds.fail = n;
        feeds_changed(s);
        feeds.fail = 0;
        failed = feeds.failed;

        feeds_take(clients[3], 0);

        for (i = 0; i < 2; i++) {
            snprintf(got[i], sizeof(got[i]), "%s", clients[i]->text);

            if (!feeds_is_gone(clients[i])) {
                assert_string_equal(got[i], "e1:a;gap 2-2;e3:b;e4:c;");

            } else if (strcmp(got[i], "failed;") != 0) {
                assert_string_equal(got[i], "e1:a;gap 2-2;e3:b;failed;");
            }
        }

        /* the same happens to all of a feed, whatever they are doing */

        assert_string_equal(clients[2]->text, got[0]);
        assert_string_equal(clients[3]->text,
                            feeds_is_gone(clients[1])
                            && got[1][0] == 'e' ? "failed;" : got[1]);

        /* who comes afterwards finds nothing amiss */

        clients[0] = feeds_join(s, &feeds_plain);
        feeds_append(s, "d");
        feeds_changed(s);
        feeds_expect(clients[0], "e5:d;");

        feeds_end(NULL);
        feeds_begin(NULL);

        if (!failed) {
            break;
        }
    }

    assert_true(n > 10);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_every_event_comes_once_and_in_order),
        feeds_test(test_an_event_that_was_too_large_is_announced_with_the_next),
        feeds_test(test_what_was_evicted_unread_is_a_gap),
        feeds_test(test_a_record_that_was_evicted_and_was_no_event_is_no_gap),
        feeds_test(test_a_gap_of_unknown_length_has_no_end),
        feeds_test(test_ordinals_that_a_broker_left_out_are_no_gap),
        feeds_test(test_ordinals_that_are_gone_from_a_broker_are_a_gap),
        feeds_test(test_a_stream_that_ends_closes_behind_its_last_event),
        feeds_test(test_an_encoding_without_words_gets_events_only),
        feeds_test(test_an_event_is_read_and_encoded_once_for_all),
        feeds_test(test_what_an_encoding_leaves_out_is_no_gap),
        feeds_test(test_who_comes_later_gets_what_comes_later),
        feeds_test(test_who_comes_after_an_event_that_was_too_large_has_no_gap),
        feeds_test(test_who_comes_after_a_loss_has_no_gap),
        feeds_test(test_what_a_slice_leaves_is_read_in_the_next),
        feeds_test(test_a_long_burst_is_read_in_slices),
        feeds_test(test_an_event_of_any_size_comes_whole),
        feeds_test(test_a_gap_before_a_large_event_is_told),
        feeds_test(test_an_event_that_no_buffer_takes_closes_and_alerts),
        feeds_test(test_who_waits_for_its_socket_gets_it_all_later),
        feeds_test(test_who_is_being_closed_gets_no_more),
        feeds_test(test_without_memory_a_client_is_closed_but_misses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
