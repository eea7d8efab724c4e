/*
 * How subscriptions of a client with several end: keys, streams, replays of
 * keys, all of them; and what is counted then.
 *
 * links: src/client/ngx_ess_multi.c src/client/ngx_ess_multi_cell.c
 * links: src/client/ngx_ess_multi_due.c src/client/ngx_ess_multi_drop.c
 * links: src/client/ngx_ess_multi_back.c
 * links: src/client/ngx_ess_multi_join.c src/subscriber/ngx_ess_feed_keys.c
 * links: src/encoding/ngx_ess_encoding.c t/unit/ngx_str_rbtree.c
 * links: t/unit/client/fake_multi_feeds.c
 */


#include "fake_multi_feeds.h"
#include "ngx_random.h"


static void
test_keys(void **state)
{
    assert_int_equal(fake_join(1, "eu,us,asia", 0), NGX_OK);
    assert_int_equal(fake.counted[1], 1);
    assert_int_equal(fake.subscriptions, 3);

    fake_unsubscribe(1, "eu,none,eu");
    assert_null(fake_cell(1, "eu"));
    assert_non_null(fake_cell(1, "us"));
    assert_int_equal(fake.subscriptions, 2);

    /* others' keys, and those of nobody */

    fake_unsubscribe(2, "us");
    fake_unsubscribe(2, NULL);
    assert_int_equal(fake.subscriptions, 2);

    /* with its last key the stream goes */

    fake_unsubscribe(1, "us,asia");
    assert_null(fake_cell(1, NULL));
    assert_int_equal(fake.counted[1], 0);
}


static void
test_streams(void **state)
{
    assert_int_equal(fake_join(1, "eu,us", 0), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);

    /* of all events no key is taken away */
    fake_unsubscribe(2, "eu");
    assert_int_equal(fake.counted[2], 1);

    fake_unsubscribe(2, NULL);
    assert_int_equal(fake.counted[2], 0);

    fake_unsubscribe(1, NULL);
    assert_int_equal(fake.counted[1], 0);
    assert_int_equal(fake.subscriptions, 0);
}


/* A replay goes with the last of its keys. */

static void
test_replay(void **state)
{
    assert_int_equal(fake_join(1, "eu,us,eu", 1), NGX_OK);
    assert_int_equal(fake.multi->replays, 1);

    fake_unsubscribe(1, "eu");
    assert_null(fake_replay(1, "eu"));
    assert_non_null(fake_replay(1, "us"));
    assert_int_equal(fake.multi->replays, 1);
    assert_int_equal(fake.subscriptions, 1);

    fake_unsubscribe(1, "us");
    assert_int_equal(fake.multi->replays, 0);
    assert_int_equal(fake.counted[1], 0);
}


/* Of a key that was dropped nothing is sent that its replay has read: this goes
   back, and its other keys are read again. */

static void
test_replay_read(void **state)
{
    assert_int_equal(fake_join(1, "a", 0), NGX_OK);
    assert_int_equal(fake_join(1, "b,c", 1), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    fake_event(1, "a", 7);
    fake_frame(fake_replay(1, "b"), 3);
    fake_frame(fake_replay(1, "b"), 8);

    fake_unsubscribe(1, "x");
    assert_int_equal(fake.backs, 0);
    fake_unsubscribe(1, "b");
    assert_int_equal(fake.backs, 1);
    assert_int_equal(fake.subscriptions, 2);
    fake_sends("1:7 ");

    /* it goes on */

    fake_frame(fake_replay(1, "c"), 8);
    fake_sends("1:8 ");
    assert_non_null(fake_cell(1, "c"));

    /* of one that its client was not told of */

    assert_int_equal(fake_join(2, "b,c", 1), NGX_OK);
    fake_frame(fake_replay(2, "b"), 3);
    fake_unsubscribe(2, "c");
    assert_int_equal(fake.backs, 2);
    ngx_ess_multi_announced(fake.multi);
    fake_sends("");

    fake.back = NGX_ERROR;
    assert_int_equal(fake_join(3, "b,c", 1), NGX_OK);
    fake_frame(fake_replay(3, "b"), 3);
    fake_unsubscribe(3, "c");
    assert_true(fake.multi->failed);
    fake.back = NGX_OK;
}


/* What one client had of several streams is left together. */

static void
test_left(void **state)
{
    uint64_t              id;
    ngx_ess_multi_left_t  left;

    for (id = 1; id <= 6; id++) {
        assert_int_equal(fake_join(id, (id % 2) ? "eu,us" : NULL, 0), NGX_OK);
    }

    fake.holds = 0;
    left.n = 0;
    ngx_ess_multi_unsubscribe(fake.multi, 1, NULL, 0, &left);
    ngx_ess_multi_unsubscribe(fake.multi, 2, NULL, 0, &left);
    ngx_ess_multi_unsubscribe(fake.multi, 9, NULL, 0, &left);
    assert_int_equal(left.n, 2);
    assert_int_equal(fake.counted[1] + fake.counted[2], 2);

    ngx_ess_multi_left(&left);
    assert_int_equal(fake.counted[1] + fake.counted[2], 0);

    ngx_ess_multi_drop_all(fake.multi);
    assert_int_equal(fake.holds, 2);
    assert_int_equal(fake.multi->table.n, 0);
}


static void
test_end(void **state)
{
    assert_int_equal(fake_join(1, "eu,us", 0), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);

    ngx_ess_multi_end(&fake_cell(1, "us")->sub, 1013, "later");
    fake_sends("end 1 1013 ");
    assert_int_equal(fake.counted[1], 0);
    assert_false(fake.multi->failed);

    fake.fail = 1;
    ngx_ess_multi_end(&fake_cell(2, NULL)->sub, 1000, "over");
    assert_true(fake.multi->failed);
    assert_int_equal(fake.counted[2], 0);
}


static void
test_failed(void **state)
{
    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);

    fake.client.blocked = 1;
    ngx_ess_multi_failed(&fake_cell(1, "eu")->sub);

    assert_true(fake.multi->failed);
    assert_true(fake.multi->in_due);
    assert_non_null(fake_cell(1, "eu"));
}


/* They end later, each with its stream, and once. */

static void
test_replaced(void **state)
{
    uint64_t  id;

    for (id = 1; id <= 12; id++) {
        assert_int_equal(fake_join(id, (id % 2) ? "eu,us" : NULL, 0), NGX_OK);
    }

    for (id = 1; id <= 8; id++) {
        if (id % 2) {
            ngx_ess_multi_replaced(&fake_cell(id, "eu")->sub);
            ngx_ess_multi_replaced(&fake_cell(id, "us")->sub);

        } else {
            ngx_ess_multi_replaced(&fake_cell(id, NULL)->sub);
        }

        assert_non_null(fake_cell(id, NULL));
    }

    assert_true(fake.multi->replaced);

    /* behind the answer that it is subscribed to */

    ngx_ess_multi_drop_replaced(fake.multi);
    assert_string_equal(fake.sent, "");

    /* also of one whose socket is full */

    ngx_ess_multi_due_leave(fake.multi);
    fake.client.blocked = 1;
    ngx_ess_multi_announced(fake.multi);
    assert_true(fake.multi->in_due);
    fake.client.blocked = 0;

    ngx_ess_multi_drop_replaced(fake.multi);
    assert_false(fake.multi->replaced);

    for (id = 1; id <= 12; id++) {
        assert_int_equal(fake_cell(id, NULL) != NULL, id > 8);
        assert_int_equal(fake.counted[id], id > 8);
    }

    assert_int_equal(strlen(fake.sent), 8 * sizeof("end 1 1000"));
}


/* Whatever comes and goes, in the end nothing is left: see the teardown. */

static void
test_any(void **state)
{
    uint64_t     id;
    ngx_uint_t   i;
    const char  *keys;

    static const char  *some[] = { "a", "b", "a,b,c", "c,d", "d,a", NULL };

    for (i = 0; i < 20000; i++) {
        id = 1 + random_below(8);
        keys = some[random_below(6)];

        switch (random_below(5)) {

        case 0:
            fake_unsubscribe(id, keys);
            break;

        case 1:
            assert_int_equal(fake_join(id, keys, 1), NGX_OK);
            break;

        case 2:
            fake_event(id, keys, i + 1);
            break;

        case 3:
            assert_int_equal(fake_join(id, keys, 0), NGX_OK);
            break;

        default:
            ngx_ess_multi_announced(fake.multi);

            if (keys && fake_replay(id, keys)
                && !fake_replay(id, keys)->lane->feed->parked)
            {
                fake_end(fake_replay(id, keys));
            }

            fake_sends(NULL);
        }

        assert_int_equal(fake.subscriptions, fake.multi->subscriptions);
        assert_int_equal(fake.counted[id], fake_cell(id, NULL) != NULL);
        assert_in_range(fake.multi->replays, 0, 4);
        assert_true(fake.multi->replays == 4 || ngx_queue_empty(&fake.multi->parked));
    }

    assert_false(fake.multi->failed);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        fake_multi_test(test_keys),
        fake_multi_test(test_streams),
        fake_multi_test(test_replay),
        fake_multi_test(test_replay_read),
        fake_multi_test(test_left),
        fake_multi_test(test_end),
        fake_multi_test(test_failed),
        fake_multi_test(test_replaced),
        fake_multi_test(test_any)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
