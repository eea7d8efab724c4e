/*
 * What those get who begin earlier, from the log, and how they come to the
 * others.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include "fake_feeds.h"
#include "ngx_ess_log.h"


static void
test_a_replay_begins_behind_an_ordinal_and_goes_on(void **state)
{
    static const feeds_row_t  rows[] = {
        { "r0.",            "" },
        { "eeer0.",         "e1:x;e2:x;e3:x;" },
        { "eeer1.",         "e2:x;e3:x;" },
        { "eeer3.",         "" },
        { "eeer3.e!",       "e4:x;" },
        { "eer1e.e!",       "e2:x;e3:x;e4:x;" },
        { "1eeeer0.",       "e1:x;e2:x;e3:x;e4:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_what_a_replay_asked_for_and_is_gone_is_a_gap(void **state)
{
    static const feeds_row_t  rows[] = {
        /* before it came */
        { "eeexr0.",        "gap 1-1;e2:x;e3:x;" },
        { "eeexxr0.",       "gap 1-2;e3:x;" },
        { "eeexxr1.",       "gap 2-2;e3:x;" },
        { "eeexxr2.",       "e3:x;" },
        { "eeexxxr1.",      "gap 2-3;" },
        { "eeexxxr1.e!",    "gap 2-3;e4:x;" },
        { "-eer0.",         "gap 1-1;e2:x;e3:x;" },
        { "e-er0.",         "e1:x;gap 2-2;e3:x;" },
        { "e-er1.",         "gap 2-2;e3:x;" },
        { "e-er2.",         "e3:x;" },
        { "eegr0.",         "e1:x;e2:x;gap 3-?;e3:x;" },

        /* an ordinal that nobody knows */
        { "eer5.",          "gap 6-?;" },
        { "eer5.e!",        "gap 6-?;e3:x;" },

        /* while it is read */
        { "eer0x.",         "gap 1-1;e2:x;" },
        { "1eeeer0b.xxt",   "e1:x;gap 2-2;e3:x;e4:x;" },
        { "1eeeer0b.xxxxt", "e1:x;gap 2-4;" },
        { "1eer0b.-t",      "e1:x;e2:x;" },
        { "1eer0b.-et",     "e1:x;e2:x;gap 3-3;e4:x;" },
        { "1eer0b.x-ext",   "e1:x;gap 2-3;e4:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_what_closed_others_before_does_not_close_a_replay(void **state)
{
    static const feeds_row_t  rows[] = {
        { "eper0.",         "e1:x;e2:x;" },
        { "eGer0.",         "e1:x;e2:x;" },
        { "per0p.",         "e1:x;close;" },
        { "er0p.",          "e1:x;close;" },
        { "er0.p!",         "e1:x;close;" },
        { "e-per0.",        "e1:x;gap 2-2;e3:x;" },
        { "eeDr0.",         "e1:x;e2:x;close;" },
        { "er0D.",          "e1:x;close;" },
        { "1eer0b.Dt",      "e1:x;e2:x;close;" },
        { "1eer0b.Mt",      "e1:x;close;" },
        { "er0M.",          "close;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_plain);
}


static void
test_a_replay_of_an_encoding_without_words_gets_events_only(void **state)
{
    static const feeds_row_t  rows[] = {
        { "eeexr0.",        "e2:x;e3:x;" },
        { "e-er0.",         "e1:x;e3:x;" },
        { "1eeeer0b.xxt",   "e1:x;e3:x;e4:x;" },
        { NULL, NULL }
    };

    feeds_rows(rows, 0, &feeds_silent);
}


static void
test_a_replay_reads_on_only_when_its_client_has_it_all(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_script(s, &feeds_plain, "1eeer0b.");
    assert_int_equal(s->reads, 1);

    feeds_changed(s);
    feeds_take(c, 4);
    assert_int_equal(s->reads, 1);
    feeds_expect(c, "e1:x");

    feeds_take(c, 1);
    feeds_expect(c, ";");
    assert_int_equal(s->reads, 2);

    feeds_take(c, FEEDS_ROOM);
    feeds_expect(c, "e2:x;e3:x;");
}


typedef struct {
    const char  *script;
    uint64_t     since;                     /* an event has ten times its
                                               ordinal */
    const char  *text;
} test_since_t;


static void
test_a_replay_begins_at_a_timestamp(void **state)
{
    ngx_uint_t           i;
    feeds_client_t      *c;
    feeds_stream_t      *s;
    ngx_ess_log_place_t  place;

    static const test_since_t  rows[] = {
        { "eee",        0,      "e1:x;e2:x;e3:x;e4:y;" },
        { "eee",        20,     "e2:x;e3:x;e4:y;" },
        { "eee",        21,     "e3:x;e4:y;" },
        { "eee",        31,     "e4:y;" },
        { "ee-e",       25,     "gap 3-3;e4:x;e5:y;" },
        { "epe",        20,     "e2:x;e3:y;" },

        /* of what is gone some may have been asked for */
        { "eeexx",      25,     "gap 1-2;e3:x;e4:y;" },
        { "eeex",       25,     "e3:x;e4:y;" },
        { "eeexxx",     25,     "gap 1-3;e4:y;" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s = feeds_stream(i + 1);
        (void) feeds_script(s, NULL, rows[i].script);

        assert_int_equal(ngx_ess_log_search_since(NULL, &s->ref, rows[i].since, 0,
                                                  &place),
                         NGX_OK);

        c = feeds_place(s, &feeds_plain, &place);
        feeds_run();
        feeds_append(s, "y");
        feeds_changed(s);
        feeds_expect(c, rows[i].text);
    }
}


static void
test_what_was_before_another_epoch_is_told_first(void **state)
{
    feeds_client_t      *c;
    feeds_stream_t      *s;
    ngx_ess_log_place_t  place;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "eeex");

    assert_int_equal(ngx_ess_log_search_ordinal(NULL, &s->ref, 0, &place),
                     NGX_OK);

    place.gap.from = 8;
    place.gap.to = 0;

    c = feeds_place(s, &feeds_plain, &place);
    feeds_run();
    feeds_expect(c, "gap 8-?;e2:x;e3:x;");
}


static void
test_who_is_not_open_yet_gets_all_when_it_is(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *clients[4];
    feeds_stream_t  *s;

    s = feeds_stream(1);
    (void) feeds_script(s, NULL, "1eex");
    feeds.opening = 1;

    clients[0] = feeds_join(s, &feeds_plain);
    clients[1] = feeds_replay(s, &feeds_plain, 0);
    clients[2] = feeds_replay(s, &feeds_plain, 1);
    clients[3] = feeds_replay(s, &feeds_plain, 2);
    feeds_run();

    feeds_append(s, "y");
    feeds_lost(s);
    feeds_append(s, "z");
    feeds_changed(s);

    for (i = 0; i < 4; i++) {
        feeds_expect(clients[i], "");
        feeds_open(clients[i]);
    }

    feeds_run();
    feeds_expect(clients[0], "e3:y;gap 4-4;e5:z;");
    feeds_expect(clients[1], "gap 1-1;e2:x;e3:y;gap 4-4;e5:z;");
    feeds_expect(clients[2], "e2:x;e3:y;gap 4-4;e5:z;");
    feeds_expect(clients[3], "e3:y;gap 4-4;e5:z;");

    /* or leaves before */

    clients[1] = feeds_replay(s, &feeds_plain, 0);
    feeds_run();
    feeds_leave(clients[1]);
    assert_int_equal(feeds_subscribers(s), 4);
}


static void
test_a_replay_without_memory_fails_or_is_whole(void **state)
{
    ngx_uint_t       n, failed;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (n = 1; /* void */ ; n++) {
        s = feeds_stream(1);
        (void) feeds_script(s, NULL, "1eee-ex");

        feeds.fail = n;
        c = feeds_replay(s, &feeds_plain, 0);
        feeds_run();
        feeds.fail = 0;
        failed = feeds.failed;

        if (c) {
            feeds_expect_or_closed(c, "gap 1-1;e2:x;e3:x;gap 4-4;e5:x;");
        }

        assert_int_equal(feeds_subscribers(s), c && !feeds_is_gone(c));

        feeds_end(NULL);
        feeds_begin(NULL);

        if (!failed) {
            break;
        }
    }

    assert_true(n > 8);
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_a_replay_begins_behind_an_ordinal_and_goes_on),
        feeds_test(test_what_a_replay_asked_for_and_is_gone_is_a_gap),
        feeds_test(test_what_closed_others_before_does_not_close_a_replay),
        feeds_test(test_a_replay_of_an_encoding_without_words_gets_events_only),
        feeds_test(test_a_replay_reads_on_only_when_its_client_has_it_all),
        feeds_test(test_a_replay_begins_at_a_timestamp),
        feeds_test(test_what_was_before_another_epoch_is_told_first),
        feeds_test(test_who_is_not_open_yet_gets_all_when_it_is),
        feeds_test(test_a_replay_without_memory_fails_or_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
