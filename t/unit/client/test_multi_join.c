/*
 * How a client's further subscriptions begin: keys of a stream, all of it after
 * some keys, many at once, and replays that arrive; with and without memory.
 *
 * links: src/client/ngx_ess_multi.c src/client/ngx_ess_multi_cell.c
 * links: src/client/ngx_ess_multi_due.c src/client/ngx_ess_multi_drop.c
 * links: src/client/ngx_ess_multi_back.c
 * links: src/client/ngx_ess_multi_join.c src/subscriber/ngx_ess_feed_keys.c
 * links: src/encoding/ngx_ess_encoding.c t/unit/ngx_str_rbtree.c
 * links: t/unit/client/fake_multi_feeds.c
 */


#include "fake_multi_feeds.h"


/* Each key once, and the stream is counted once. */

static void
test_keys(void **state)
{
    ngx_str_t                   keys[] = {
        ngx_string("eu"), ngx_string("x"), ngx_string("asia"), ngx_string("y")
    };
    ngx_ess_subscriber_entry_t  entry;

    memset(&entry, 0, sizeof(entry));
    entry.ref.id = 1;

    assert_int_equal(ngx_ess_multi_join_more(fake.multi, &entry), 1);

    assert_int_equal(fake_join(1, "eu,us,eu", 0), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 2);

    assert_int_equal(fake_join(1, "us,eu", 0), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 2);

    assert_int_equal(fake_join(1, "us,asia", 0), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 3);
    assert_int_equal(fake.counted[1], 1);

    /* of those that it has there are no more */

    entry.keys = keys;
    entry.nkeys = 4;
    assert_int_equal(ngx_ess_multi_join_more(fake.multi, &entry), 2);

    ngx_ess_multi_announced(fake.multi);

    fake_event(1, "asia", 1);
    fake_event(1, "eu", 2);
    fake_event(1, "none", 3);
    fake_sends("1:1 1:2 ");
}


static uint64_t
test_at(uint64_t id, ngx_str_t *key, uint64_t from)
{
    ngx_ess_multi_entry_t  e;

    memset(&e, 0, sizeof(e));

    e.entry.ref.id = id;
    e.entry.ref.epoch = 0xe;
    e.entry.keys = key;
    e.entry.nkeys = (key != NULL);

    if (from) {
        e.entry.pos.type = NGX_ESS_POSITION_ORDINAL;
        e.entry.pos.ordinal = from;
        e.entry.at = from;
    }

    ngx_ess_multi_join(fake.multi, &e, 1);
    assert_int_equal(e.entry.rc, NGX_OK);

    return e.at.ordinal;
}


/* Further keys are where the first one of all is; what ends is where it was. */

static void
test_place(void **state)
{
    ngx_str_t              us = ngx_string("us");
    ngx_ess_subscriber_t  *sub;

    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);
    fake_event(1, "eu", 1);
    fake_sends("1:1 ");

    assert_int_equal(test_at(1, &us, 200), 101);

    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);
    fake_event(2, NULL, 7);

    sub = &fake_cell(2, NULL)->sub;
    assert_int_equal(test_at(2, NULL, 0), 106);

    sub->frame->ordinal = 0;
    assert_int_equal(test_at(2, NULL, 0), 107);
}


/* After all of it there are no further keys. */

static void
test_keys_of_whole(void **state)
{
    ngx_ess_subscriber_entry_t  entry;

    memset(&entry, 0, sizeof(entry));
    entry.ref.id = 1;
    entry.nkeys = 3;

    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);
    assert_int_equal(ngx_ess_multi_join_more(fake.multi, &entry), 0);

    assert_int_equal(fake.multi->subscriptions, 1);
    assert_int_equal(fake.counted[1], 1);
}


static void
test_refused(void **state)
{
    fake.entered = NGX_BUSY;
    assert_int_equal(fake_join(1, "eu,us", 0), NGX_BUSY);
    assert_int_equal(fake_join(2, NULL, 0), NGX_BUSY);

    assert_int_equal(fake.multi->table.n, 0);
    assert_int_equal(ngx_ess_multi_cells(), 0);

    fake.entered = NGX_OK;
    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);

    fake.entered = NGX_DECLINED;
    assert_int_equal(fake_join(1, "us", 0), NGX_DECLINED);
    assert_int_equal(fake_join(1, NULL, 0), NGX_DECLINED);
    assert_non_null(fake_cell(1, "eu"));
    assert_int_equal(fake.counted[1], 1);
}


/* All of it goes on where its keys are. */

static void
test_whole_after_keys(void **state)
{
    assert_int_equal(fake_join(1, "eu,us", 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    fake_event(1, "eu", 5);
    fake_sends("1:5 ");

    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake.pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(fake.pos.ordinal, 105);

    assert_int_equal(fake.multi->subscriptions, 1);
    assert_int_equal(fake.counted[1], 1);
    assert_null(fake_cell(1, "eu"));
    assert_false(fake_cell(1, NULL)->sub.group);

    /* with a frame that it does not have yet */

    assert_int_equal(fake_join(2, "eu,us", 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);
    fake_event(2, "eu", 5);
    fake_event(2, "us", 6);

    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);
    assert_int_equal(fake.pos.ordinal, 104);

    /* where a place was asked for, it is that */

    assert_int_equal(fake_join(3, "eu", 0), NGX_OK);
    assert_int_equal(fake_join(3, NULL, 17), NGX_OK);
    assert_int_equal(fake.pos.ordinal, 17);
}


/* The same where some were not announced, or are behind with a replay. */

static void
test_whole_after_fresh(void **state)
{
    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);
    fake_event(1, "eu", 5);
    fake_event(1, "us", 6);

    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake.pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(fake.pos.ordinal, 104);

    assert_int_equal(fake_join(2, "eu", 0), NGX_OK);
    assert_int_equal(fake_join(2, "us,asia", 1), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    fake_event(2, "eu", 9);
    fake_sends("2:9 ");
    fake_replay(2, "us")->lane->feed->have = 103;

    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);
    assert_int_equal(fake.pos.type, NGX_ESS_POSITION_ORDINAL);
    assert_int_equal(fake.pos.ordinal, 103);
}


/* It may be all of it that can be read when the replays of its keys end. */

static void
test_whole_after_replays(void **state)
{
    assert_int_equal(fake_join(1, "a", 1), NGX_OK);
    assert_int_equal(fake_join(1, "b", 1), NGX_OK);
    assert_int_equal(fake_join(1, "c", 1), NGX_OK);
    assert_int_equal(fake_join(1, "d", 1), NGX_OK);
    assert_int_equal(fake_join(1, "e", 1), NGX_OK);
    assert_int_equal(fake.multi->replays, 4);
    assert_false(ngx_queue_empty(&fake.multi->parked));

    assert_int_equal(fake_join(1, NULL, 1), NGX_OK);

    assert_int_equal(fake.multi->replays, 1);
    assert_true(ngx_queue_empty(&fake.multi->parked));
    assert_false(fake_cell(1, NULL)->sub.lane->feed->parked);
}


/* It counts as these did, so that no limit stands in its way. */

static void
test_whole_again(void **state)
{
    uint32_t  number;

    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);
    assert_int_equal(fake_join(1, "us", 1), NGX_OK);
    number = fake_cell(1, "eu")->sub.number;
    assert_int_equal(fake_replay(1, "us")->number, number);
    assert_int_equal(fake.arrived, 1);

    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake.arrived, 1);
    assert_int_equal(fake.counted[1], 1);
    assert_int_equal(fake_cell(1, NULL)->sub.number, number);

    /* and where it fails they stay */

    assert_int_equal(fake_join(2, "eu", 0), NGX_OK);
    fake.entered = NGX_ERROR;
    assert_int_equal(fake_join(2, NULL, 0), NGX_ERROR);
    fake.entered = NGX_OK;
    assert_non_null(fake_cell(2, "eu"));
    assert_int_equal(fake.counted[2], 1);
}


/* Many are entered together; one that comes twice finds itself. */

static void
test_many(void **state)
{
    ngx_uint_t              i;
    ngx_str_t               keys[4];
    ngx_ess_multi_entry_t   e[12];

    memset(e, 0, sizeof(e));
    ngx_str_set(&keys[0], "a");
    ngx_str_set(&keys[1], "b");
    ngx_str_set(&keys[2], "b");
    ngx_str_set(&keys[3], "c");

    for (i = 0; i < 12; i++) {
        e[i].entry.ref.id = 1 + i % 10;
        e[i].entry.ref.epoch = 0xe;
    }

    e[0].entry.keys = keys;
    e[0].entry.nkeys = 2;
    e[10].entry.keys = &keys[2];
    e[10].entry.nkeys = 2;

    ngx_ess_multi_join(fake.multi, e, 12);

    assert_int_equal(fake.holds, 2);
    assert_int_equal(fake.subscriptions, 3 + 9);

    for (i = 0; i < 12; i++) {
        assert_int_equal(e[i].entry.rc, NGX_OK);
        assert_int_equal(fake.counted[1 + i % 10], 1);
    }

    assert_non_null(fake_cell(1, "c"));
}


/* Whatever each of them has, a replay's keys are as many subscriptions. */

static void
test_counted(void **state)
{
    assert_int_equal(fake_join(1, "a,b,c", 1), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 3);
    assert_int_equal(fake_join(1, "c,d,d", 1), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 4);
    assert_ptr_not_equal(fake_replay(1, "c"), fake_replay(1, "d"));

    fake_end(fake_replay(1, "b"));
    assert_int_equal(fake.multi->subscriptions, 4);
    assert_int_equal(fake.subscriptions, 4);
}


/* At its end a replay of keys becomes these, merged with the others. */

static void
test_arrived(void **state)
{
    ngx_ess_subscriber_t  *sub;

    assert_int_equal(fake_join(1, "live", 0), NGX_OK);
    assert_int_equal(fake_join(1, "a,b,c,b", 1), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    assert_int_equal(fake.multi->subscriptions, 4);

    sub = fake_replay(1, "b");

    fake_event(1, "live", 8);
    fake_frame(sub, 7);
    fake_frame(sub, 9);

    /* while it has them they are not asked for again */
    assert_int_equal(fake_join(1, "a,b", 0), NGX_OK);
    assert_int_equal(fake.multi->subscriptions, 4);

    fake_sends("1:7 1:8 1:9 ");

    assert_int_equal(fake.multi->replays, 0);
    assert_int_equal(fake.multi->subscriptions, 4);
    assert_non_null(fake_cell(1, "a"));
    assert_non_null(fake_cell(1, "b"));
    assert_non_null(fake_cell(1, "c"));
    assert_int_equal(fake.counted[1], 1);

    fake_event(1, "c", 10);
    fake_event(1, "a", 11);
    fake_event(1, "live", 12);
    fake_event(1, "b", 13);
    fake_sends("1:10 1:11 1:12 1:13 ");
}


static ngx_int_t
test_life(void)
{
    if (fake_join(1, "a,b,c,d,e,f", 0) != NGX_OK
        || fake_join(1, "g,h", 1) != NGX_OK
        || fake_join(2, NULL, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_ess_multi_announced(fake.multi);

    fake_event(1, "b", 3);
    fake_event(1, "a", 4);

    if (fake_cell(1, NULL)->group.ready
        && ngx_ess_multi_back(fake.multi, fake_cell(1, NULL)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (fake_replay(1, "g")) {
        fake_end(fake_replay(1, "g"));
    }

    return fake_join(1, NULL, 0);
}


/* Whichever allocation fails, it is said, and nothing is left. */

static void
test_without_memory(void **state)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    n = 0;

    do {
        fake.fail = ++n;
        fake.failed = 0;
        fake.multi->failed = 0;

        rc = test_life();

        /* buckets that a table did not get are none that it needs */
        assert_true(rc == NGX_OK || fake.failed);

        if (rc == NGX_OK && !fake.multi->failed) {
            assert_int_equal(fake.multi->subscriptions, 2);
        }

        fake.fail = 0;
        assert_int_equal(fake.multi->subscriptions, fake.subscriptions);

        ngx_ess_multi_drop_all(fake.multi);
        ngx_ess_multi_table_free(&fake.multi->table);

        assert_int_equal(fake.subscriptions, 0);
        assert_int_equal(fake.multi->replays, 0);
        assert_int_equal(fake.counted[1] + fake.counted[2], 0);
        assert_int_equal(ngx_ess_multi_cells(), 0);

        assert_in_range(n, 1, 200);

    } while (fake.failed);

    assert_true(n > 10);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        fake_multi_test(test_keys),
        fake_multi_test(test_place),
        fake_multi_test(test_keys_of_whole),
        fake_multi_test(test_refused),
        fake_multi_test(test_whole_after_keys),
        fake_multi_test(test_whole_after_fresh),
        fake_multi_test(test_whole_after_replays),
        fake_multi_test(test_whole_again),
        fake_multi_test(test_many),
        fake_multi_test(test_counted),
        fake_multi_test(test_arrived),
        fake_multi_test(test_without_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
