/*
 * Subscriptions that let go of their frames, and read them again: all keys of a
 * stream together, and replays by themselves.
 *
 * links: src/client/ngx_ess_multi.c src/client/ngx_ess_multi_cell.c
 * links: src/client/ngx_ess_multi_due.c src/client/ngx_ess_multi_drop.c
 * links: src/client/ngx_ess_multi_back.c
 * links: src/client/ngx_ess_multi_join.c src/subscriber/ngx_ess_feed_keys.c
 * links: src/encoding/ngx_ess_encoding.c t/unit/ngx_str_rbtree.c
 * links: t/unit/client/fake_multi_feeds.c
 */


#include "fake_multi_feeds.h"


/* A replay has them all, from the oldest frame on. */

static void
test_back(void **state)
{
    assert_int_equal(fake_join(1, "a,b,c", 0), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    fake_event(1, "b", 3);
    fake_event(1, "a", 4);
    fake_event(1, "b", 5);

    assert_int_equal(ngx_ess_multi_back(fake.multi, fake_cell(1, NULL)),
                     NGX_OK);
    assert_int_equal(fake.begun, 1);
    assert_int_equal(fake.begun_at, 3);
    assert_int_equal(fake.multi->replays, 1);
    assert_int_equal(fake.multi->subscriptions, 4);
    assert_int_equal(fake.counted[1], 1);
    assert_non_null(fake_replay(1, "c"));
    fake_sends("");

    fake_frame(fake_replay(1, "a"), 3);
    fake_sends("1:3 ");
    assert_int_equal(fake.multi->subscriptions, 4);

    /* the notice of a gap stays */

    fake_event(1, "a", 9);
    fake_cell(1, "a")->sub.frame->type = NGX_ESS_FRAME_GAP;
    assert_int_equal(ngx_ess_multi_back(fake.multi, fake_cell(1, NULL)),
                     NGX_DECLINED);

    fake.back = NGX_DECLINED;
    assert_int_equal(ngx_ess_multi_back(fake.multi, fake_cell(2, NULL)),
                     NGX_DECLINED);
    assert_int_equal(fake.multi->replays, 0);
}


/* What a replay of theirs has yet to read is not left out. */

static void
test_back_beside_replays(void **state)
{
    ngx_ess_subscriber_t  *behind, *parked;

    assert_int_equal(fake_join(1, "a,b", 0), NGX_OK);
    fake_cell(1, "a")->sub.follow = 1;
    fake_cell(1, NULL)->group.follow = 1;
    assert_int_equal(fake_join(1, "c,d", 1), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 1), NGX_OK);
    assert_int_equal(fake_join(3, NULL, 1), NGX_OK);
    assert_int_equal(fake_join(4, NULL, 1), NGX_OK);
    assert_int_equal(fake_join(1, "e", 1), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    behind = fake_replay(1, "c");
    parked = fake_replay(1, "e");
    assert_true(parked->lane->feed->parked);

    assert_int_equal(fake_join(1, "new", 0), NGX_OK);
    fake_event(1, "new", 50);
    fake_event(1, "b", 51);
    fake_frame(behind, 5);

    assert_int_equal(ngx_ess_multi_back(fake.multi, fake_cell(1, NULL)),
                     NGX_OK);

    assert_ptr_equal(fake_replay(1, "c"), behind);
    assert_ptr_equal(fake_replay(1, "d"), behind);
    assert_ptr_equal(fake_replay(1, "e"), parked);
    assert_int_equal(fake.backs, 1);
    assert_ptr_equal(fake_replay(1, "a"), fake_replay(1, "b"));
    assert_int_equal(fake.begun, 1);
    assert_int_equal(fake.begun_at, 51);
    assert_true(fake_replay(1, "a")->follow);
    assert_int_equal(fake.multi->subscriptions, 9);

    /* that the client was not told of it stays */

    assert_true(fake_cell(1, "new")->sub.fresh);
    ngx_ess_multi_announced(fake.multi);
    fake_sends("1:50 ");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        fake_multi_test(test_back),
        fake_multi_test(test_back_beside_replays)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
