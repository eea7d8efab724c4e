/*
 * A client with several subscriptions: what waits until it was told of it, keys
 * in the order of the log, replays at most four at a time, and answers.
 *
 * links: src/client/ngx_ess_multi.c src/client/ngx_ess_multi_cell.c
 * links: src/client/ngx_ess_multi_due.c src/client/ngx_ess_multi_drop.c
 * links: src/client/ngx_ess_multi_back.c
 * links: src/client/ngx_ess_multi_join.c src/subscriber/ngx_ess_feed_keys.c
 * links: src/encoding/ngx_ess_encoding.c t/unit/ngx_str_rbtree.c
 * links: t/unit/client/fake_multi_feeds.c
 */


#include "fake_multi_feeds.h"


/* What is new waits for its answer; afterwards nothing does. */

static void
test_fresh(void **state)
{
    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake_join(2, "eu,us", 0), NGX_OK);

    fake_event(1, NULL, 1);
    fake_event(2, "us", 1);
    fake_event(2, "eu", 2);
    fake_sends("");

    ngx_ess_multi_announced(fake.multi);
    assert_true(fake.multi->in_due);
    fake_sends("1:1 2:1 2:2 ");

    fake_event(2, "eu", 3);
    fake_sends("2:3 ");

    /* who leaves with frames that wait */

    assert_int_equal(fake_join(2, "asia", 0), NGX_OK);
    fake_event(2, "asia", 4);
    fake_unsubscribe(2, "asia");

    ngx_ess_multi_announced(fake.multi);
    fake_sends("");
}


/* Each stream and group in its turn, and a group in the order of its log. */

static void
test_order(void **state)
{
    assert_int_equal(fake_join(1, NULL, 0), NGX_OK);
    assert_int_equal(fake_join(2, "a,b,c", 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    fake_event(2, "c", 1);
    fake_event(2, "a", 2);
    fake_event(2, "c", 3);
    fake_event(2, "other", 4);
    fake_event(2, "b", 5);
    fake_event(1, NULL, 7);
    fake_event(1, NULL, 8);
    fake_event(2, "a", 6);

    fake_sends("2:1 1:7 2:2 1:8 2:3 2:5 2:6 ");

    fake_event(2, "b", 7);
    fake_event(2, "a", 8);
    fake_event(2, "c", 9);
    fake_unsubscribe(2, "a");
    fake_sends("2:7 2:9 ");

    fake_event(2, "b", 10);
    fake_unsubscribe(2, "b");
    fake_sends("");

    fake_event(2, "c", 11);
    fake_sends("2:11 ");
}


static ngx_uint_t
test_parked(void)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; i < FAKE_SUBS; i++) {
        n += fake.subs[i] && fake.subs[i]->lane->feed->parked;
    }

    return n;
}


static ngx_ess_subscriber_t *
test_running(void)
{
    ngx_uint_t             i;
    ngx_ess_subscriber_t  *sub;

    for (i = 0; i < FAKE_SUBS; i++) {
        sub = fake.subs[i];

        if (sub && sub->lane->feed->replay && !sub->lane->feed->parked) {
            return sub;
        }
    }

    fail();

    return NULL;
}


/* Whether one arrives or leaves, the next one is read. */

static void
test_replays(void **state)
{
    ngx_uint_t             id, n;
    ngx_ess_subscriber_t  *sub;

    for (id = 1; id <= 10; id++) {
        assert_int_equal(fake_join(id, (id % 2) ? "eu,us" : NULL, 1), NGX_OK);
    }

    /* groups are no replays */
    assert_int_equal(fake_join(11, "eu", 0), NGX_OK);

    ngx_ess_multi_announced(fake.multi);

    assert_int_equal(fake.multi->replays, 4);
    assert_int_equal(test_parked(), 6);
    assert_int_equal(fake.wanted, 0);

    for (n = 6; n; n--) {
        sub = test_running();

        if (n % 2) {
            fake_end(sub);

        } else {
            fake_unsubscribe(sub->lane->feed->ref.id, NULL);
        }

        assert_int_equal(fake.multi->replays, 4);
        assert_int_equal(test_parked(), n - 1);
        assert_int_equal(fake.wanted, 7 - n);
    }

    for (n = 4; n; n--) {
        assert_int_equal(fake.multi->replays, n);
        fake_end(test_running());
    }

    assert_int_equal(fake.multi->replays, 0);
    assert_int_equal(fake.wanted, 6);

    /* one that waits leaves: the others go on */

    for (id = 1; id <= 10; id++) {
        fake_unsubscribe(id, NULL);
        assert_int_equal(fake_join(id, NULL, 1), NGX_OK);
    }

    for (id = 1; id <= 10; id++) {
        if (fake_cell(id, NULL)->sub.lane->feed->parked) {
            fake_unsubscribe(id, NULL);
        }
    }

    assert_int_equal(fake.multi->replays, 4);
    assert_int_equal(test_parked(), 0);
    assert_int_equal(fake.wanted, 6);
}


static void
test_visit(ngx_ess_subscriber_t *sub, void *data)
{
    ++*(ngx_uint_t *) data;

    ngx_ess_multi_end(sub, NGX_ESS_CLIENT_NORMAL, "over");
}


/* Those of a feed that have frames, which may end. */

static void
test_taken(void **state)
{
    ngx_uint_t       n;
    ngx_ess_feed_t  *feed;

    assert_int_equal(fake_join(1, "eu,us", 0), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);
    ngx_ess_multi_announced(fake.multi);

    n = 0;
    feed = fake.feeds[1];
    ngx_ess_multi_taken(feed, test_visit, &n);
    ngx_ess_multi_taken(fake.feeds[2], test_visit, &n);
    assert_int_equal(n, 0);

    fake_event(1, "us", 1);
    fake_event(2, NULL, 1);

    ngx_ess_multi_taken(fake.feeds[1], test_visit, &n);
    assert_int_equal(n, 1);
    assert_null(fake_cell(1, NULL));
    fake_sends("end 1 1000 2:1 ");
}


static void
test_members(void **state)
{
    ngx_ess_multi_cell_t  *cell;

    assert_ptr_equal(ngx_ess_multi_first(), &fake.client);

    assert_int_equal(fake_join(1, "eu", 0), NGX_OK);
    assert_int_equal(fake_join(1, "us,asia", 1), NGX_OK);
    assert_int_equal(fake_join(2, NULL, 0), NGX_OK);

    cell = fake_cell(1, "eu");
    assert_ptr_equal(ngx_ess_multi_client(&cell->sub), &fake.client);
    assert_int_equal(fake_cell(1, NULL)->group.members, 2);

    cell = ngx_ess_multi_member(fake.multi, &fake_cell(1, NULL)->group);
    assert_non_null(cell);
    assert_ptr_equal(ngx_ess_multi_group(&cell->sub),
                     &fake_cell(1, NULL)->group);

    assert_null(fake_replay(1, "eu"));
    assert_null(fake_replay(2, "us"));
    assert_non_null(fake_replay(1, "us"));
    assert_ptr_equal(fake_replay(1, "us"), fake_replay(1, "asia"));

    fake_end(fake_replay(1, "us"));
    assert_null(fake_replay(1, "us"));
    assert_non_null(fake_cell(1, "us"));
}


static void
test_say(void **state)
{
    u_char                  *data;
    ngx_uint_t               n;
    ngx_ess_multi_answer_t  *answer;

    for (n = 1; n <= 3; n++) {
        data = ngx_ess_encoding_alloc(n, NULL);
        assert_int_equal(ngx_ess_multi_say(fake.multi, data, n), NGX_OK);
    }

    data = ngx_ess_encoding_alloc(10, NULL);
    fake.fail = 1;
    assert_int_equal(ngx_ess_multi_say(fake.multi, data, 10), NGX_ERROR);

    assert_int_equal(fake.multi->said, 6);

    for (n = 1; fake.multi->answers; n++) {
        answer = fake.multi->answers;
        assert_int_equal(answer->len, n);

        fake.multi->answers = answer->next;
        ngx_ess_encoding_free(answer->data);
        free(answer);
    }

    assert_int_equal(n, 4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        fake_multi_test(test_fresh),
        fake_multi_test(test_order),
        fake_multi_test(test_replays),
        fake_multi_test(test_taken),
        fake_multi_test(test_members),
        fake_multi_test(test_say)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
