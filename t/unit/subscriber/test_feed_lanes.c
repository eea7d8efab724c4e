/*
 * Lanes of keys: who gets which events, how often they are encoded, and what
 * goes to all; of plain clients, and of those with several subscriptions.
 *
 * links: src/subscriber/ngx_ess_feed*.c src/subscriber/ngx_ess_frame.c
 * links: src/subscriber/ngx_ess_backpressure.c
 * links: src/subscriber/ngx_ess_memory.c src/client/ngx_ess_flush.c
 * links: src/stream/ngx_ess_gap.c t/unit/subscriber/fake_feeds*.c
 * links: src/subscriber/ngx_ess_la*.c t/unit/ngx_rbtree.c
 * links: src/encoding/ngx_ess_encoding.c
 */


#include <string.h>
#include "fake_feeds.h"


#define TEST_RUNS     24
#define TEST_STEPS    300
#define TEST_CLIENTS  24


/* both kinds of clients */
static const ngx_ess_encoding_t  *test_kinds[] = { &feeds_plain, &feeds_many };


static void
test_append(feeds_stream_t *s, const char *bodies)
{
    static char  texts[1024][32];
    static int   n;

    size_t  len;

    /* "eu:a us:b x" */

    for ( /* void */ ; *bodies; bodies += len + (bodies[len] == ' ')) {
        len = strcspn(bodies, " ");
        n = (n + 1) % 1024;
        memcpy(texts[n], bodies, len);
        texts[n][len] = '\0';
        feeds_append(s, texts[n]);
    }
}


static void
test_events_go_to_their_key_and_to_the_whole_stream(void **state)
{
    ngx_uint_t        i;
    feeds_client_t   *eu, *us, *all;
    feeds_stream_t   *s;

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);
        feeds.encoded = 0;

        eu = feeds_join_key(s, test_kinds[i], "eu");
        us = feeds_join_key(s, test_kinds[i], "us");
        all = feeds_join(s, test_kinds[i]);

        assert_ptr_equal(eu->client.sub.lane->feed, all->client.sub.lane->feed);
        assert_int_equal(eu->client.sub.lane->feed->subscribers, 3);
        assert_int_equal(feeds_subscribers(s), 3);

        test_append(s, "eu:a us:b c asia:d eu:e");
        feeds_changed(s);

        feeds_expect(eu, "e1:eu:a;e5:eu:e;");
        feeds_expect(us, "e2:us:b;");
        feeds_expect(all, "e1:eu:a;e2:us:b;e3:c;e4:asia:d;e5:eu:e;");

        /* once each, and kept no longer */

        assert_int_equal(feeds.encoded, 5);
        assert_int_equal(ngx_ess_memory_used(), 0);
    }
}


static void
test_what_nobody_gets_is_not_encoded(void **state)
{
    feeds_client_t  *eu;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    eu = feeds_join_key(s, &feeds_plain, "eu");

    test_append(s, "us:a b us:c eu:d us:e");
    feeds_changed(s);

    feeds_expect(eu, "e4:eu:d;");
    assert_int_equal(feeds.encoded, 1);
    assert_int_equal(eu->client.sub.lane->feed->have, 5);

    /* the lane goes with its last one, and the feed with the last lane */

    (void) feeds_join_key(s, &feeds_plain, "us");
    assert_int_equal(eu->client.sub.lane->feed->lanes->n, 2);
    feeds_leave(eu);
    assert_int_equal(feeds_subscribers(s), 1);

    test_append(s, "eu:f");
    feeds_changed(s);
    assert_int_equal(feeds.encoded, 1);
}


static void
test_bytes_are_kept_once(void **state)
{
    size_t           one;
    feeds_client_t  *eu, *all;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    eu = feeds_join_key(s, &feeds_plain, "eu");
    all = feeds_join(s, &feeds_plain);
    feeds_block(eu);
    feeds_block(all);

    test_append(s, "eu:aaaaaaaaaa");
    feeds_changed(s);

    one = strlen("e1:eu:aaaaaaaaaa;");
    assert_int_equal(ngx_ess_memory_used(), 2 * sizeof(ngx_ess_frame_t) + one);
    assert_ptr_equal(eu->client.sub.frame->data, all->client.sub.frame->data);

    feeds_take(all, FEEDS_ROOM);
    assert_int_equal(ngx_ess_memory_used(), sizeof(ngx_ess_frame_t) + one);
    feeds_take(eu, FEEDS_ROOM);
    feeds_expect(eu, "e1:eu:aaaaaaaaaa;");
    assert_int_equal(ngx_ess_memory_used(), 0);
}


static void
test_gaps_losses_and_the_end_go_to_all(void **state)
{
    ngx_uint_t        i;
    feeds_client_t   *eu, *us, *late, *all;
    feeds_stream_t   *s;

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);

        eu = feeds_join_key(s, test_kinds[i], "eu");
        us = feeds_join_key(s, test_kinds[i], "us");
        all = feeds_join(s, test_kinds[i]);

        test_append(s, "eu:a");
        feeds_changed(s);
        feeds_lost(s);

        /* who comes now is not told of what was before */

        late = feeds_join_key(s, test_kinds[i], "us");

        feeds_lost(s);
        test_append(s, "eu:b");
        feeds_changed(s);

        feeds_expect(eu, "e1:eu:a;gap 2-2;gap 3-3;e4:eu:b;");
        feeds_expect(us, "gap 2-2;gap 3-3;");
        feeds_expect(late, "gap 3-3;");
        feeds_expect(all, "e1:eu:a;gap 2-2;gap 3-3;e4:eu:b;");

        feeds_append_type(s, NGX_ESS_RECORD_POISON);
        feeds_changed(s);

        feeds_expect(eu, "close;");
        feeds_expect(us, "close;");
        feeds_expect(late, "close;");
        feeds_expect(all, "close;");
        assert_int_equal(feeds_subscribers(s), 0);
        assert_int_equal(ngx_ess_memory_used(), 0);
    }
}


static void
test_a_replay_has_its_keys_alone(void **state)
{
    ngx_uint_t        i;
    feeds_client_t   *eu, *two;
    feeds_stream_t   *s;

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);
        test_append(s, "eu:a us:b c eu:d asia:e us:f");

        eu = feeds_replay_keys(s, test_kinds[i], 1, "eu");
        feeds_run();
        feeds_expect(eu, "e4:eu:d;");
        assert_false(eu->client.sub.lane->feed->replay);
        assert_int_equal(eu->client.sub.lane->key_len, 2);

        test_append(s, "us:g eu:h");
        feeds_changed(s);
        feeds_expect(eu, "e8:eu:h;");

        if (test_kinds[i] == &feeds_plain) {
            continue;
        }

        /* several keys: a subscription in the lane of each */

        two = feeds_replay_keys(s, test_kinds[i], 0, "us,asia");
        feeds_run();
        feeds_expect(two, "e2:us:b;e5:asia:e;e6:us:f;e7:us:g;");
        assert_int_equal(feeds_subscribers(s), 3);
        assert_int_equal(two->client.sub.lane->feed->lanes->n, 3);

        test_append(s, "eu:i asia:j us:k");
        feeds_changed(s);
        feeds_expect(two, "e10:asia:j;e11:us:k;");
        feeds_expect(eu, "e9:eu:i;");
    }
}


static void
test_a_replay_of_keys_begins_with_its_gap(void **state)
{
    ngx_uint_t        i;
    feeds_client_t   *c;
    feeds_stream_t   *s;

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);
        test_append(s, "eu:a us:b eu:c us:d");
        feeds_evict(s, 2);

        c = feeds_replay_keys(s, test_kinds[i], 0, "us");
        feeds_run();
        feeds_expect(c, "gap 1-2;e4:us:d;");
    }
}


static void
test_one_whose_socket_is_full_reads_its_keys_again(void **state)
{
    ngx_uint_t        i, keep;
    feeds_client_t   *c;
    feeds_stream_t   *s;

    for (i = 0; i < 4; i++) {
        s = feeds_stream(i + 1);
        keep = i / 2;

        c = feeds_join_key(s, test_kinds[i % 2], "eu");
        feeds_block(c);
        feeds_take(c, 3);
        test_append(s, "eu:a us:b eu:c");
        feeds_changed(s);
        feeds_expect(c, "e1:");

        assert_int_equal(ngx_ess_feed_back(&c->client.sub, keep), NGX_OK);
        assert_true(c->client.sub.lane->feed->replay);
        assert_int_equal(c->client.sub.lane->feed->keys->n, 1);
        assert_int_equal(ngx_ess_memory_used(), keep ? sizeof(ngx_ess_frame_t)
                                                       + 8 : 0);

        test_append(s, "us:d eu:e");
        feeds_changed(s);
        feeds_take(c, FEEDS_ROOM);
        feeds_expect(c, "eu:a;e3:eu:c;e5:eu:e;");
        assert_false(c->client.sub.lane->feed->replay);

        test_append(s, "us:f eu:g");
        feeds_changed(s);
        feeds_expect(c, "e7:eu:g;");
    }
}


static void
test_one_that_is_stuffed_gets_what_comes_meanwhile(void **state)
{
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join_key(s, &feeds_plain, "eu");
    feeds_stuff(c);

    /* it has no frame: it is with the idle ones of its lane */

    assert_false(ngx_queue_empty(&c->client.sub.lane->idle));

    test_append(s, "eu:a us:b");
    feeds_changed(s);
    test_append(s, "eu:c");
    feeds_changed(s);
    feeds_expect(c, "");

    feeds_take(c, 0);
    feeds_expect(c, "e1:eu:a;e3:eu:c;");
}


static void
test_who_is_slow_in_a_lane_is_found(void **state)
{
    ngx_uint_t       i;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    c = feeds_join_key(s, &feeds_plain, "eu");
    c->conf.slow_buffer = 4096;
    feeds_block(c);

    for (i = 0; i < 400 && !feeds_is_gone(c); i++) {
        test_append(s, "eu:a");
        feeds_changed(s);
    }

    feeds_expect(c, "slow;");
}


static void
test_while_the_gate_is_shut_nobody_with_many_is_read_for(void **state)
{
    feeds_client_t  *many, *plain;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    many = feeds_join(s, &feeds_many);
    plain = feeds_join(s, &feeds_plain);

    test_append(s, "a");
    ngx_ess_feed_changed(&s->ref);
    ngx_ess_feed_gate(1);
    feeds_run();
    feeds_expect(plain, "e1:a;");
    feeds_expect(many, "");

    test_append(s, "b");
    feeds_changed(s);
    feeds_expect(plain, "e2:b;");
    feeds_expect(many, "");

    ngx_ess_feed_gate(0);
    feeds_run();
    feeds_expect(many, "e1:a;e2:b;");

    /* one that leaves meanwhile */

    ngx_ess_feed_gate(1);
    test_append(s, "c");
    feeds_changed(s);
    feeds_leave(many);
    ngx_ess_feed_gate(0);
    feeds_run();
    feeds_expect(plain, "e3:c;");
}


static void
test_those_that_were_handed_over_are_found(void **state)
{
    feeds_client_t  *many, *key;
    feeds_stream_t  *s;

    s = feeds_stream(1);
    many = feeds_join(s, &feeds_many);
    key = feeds_join_key(s, &feeds_many, "eu");
    feeds_block(many);
    feeds_block(key);
    test_append(s, "eu:a");
    feeds_changed(s);
    assert_true(many->taken && key->taken);

    assert_int_equal(feeds_subscribers(s), 2);
    assert_non_null(ngx_ess_feed_first(many->client.sub.lane->feed));

    ngx_ess_feed_replaced(&s->ref, key->client.sub.number);
    feeds_expect(many, "replaced;");
    feeds_expect(key, "");

    (void) ngx_ess_feed_end(1);
    feeds_expect(key, "exit;");
    assert_int_equal(feeds_subscribers(s), 0);
}


static void
test_without_memory(void **state)
{
    ngx_uint_t       i, n;
    ngx_str_t        key;
    feeds_client_t  *c, *joined;
    feeds_stream_t  *s;

    /* to join: the feed, the lane, the hash, its buckets; and the label */

    for (i = 0; i < 2; i++) {
        s = feeds_stream(i + 1);

        for (n = 1; n <= 4 + i; n++) {
            feeds.fail = n;
            assert_null(feeds_join_key(s, test_kinds[i], "eu"));
            assert_int_equal(feeds.fail, 0);
            assert_int_equal(feeds_subscribers(s), 0);
        }

        feeds.fail = n;
        assert_non_null(feeds_join_key(s, test_kinds[i], "eu"));
        feeds.fail = 0;
    }

    /* to read: each of the allocations for two lanes */

    for (n = 1; n <= 3; n++) {
        s = feeds_stream(10 + n);
        c = feeds_join(s, &feeds_plain);
        joined = feeds_join_key(s, &feeds_plain, "eu");

        test_append(s, "eu:a");
        feeds.fail = n;
        feeds_changed(s);
        feeds_expect(c, "failed;");
        feeds_expect(joined, "failed;");
    }

    /* of several keys: one lane is not to be had */

    s = feeds_stream(20);
    test_append(s, "eu:a");
    c = feeds_replay_keys(s, &feeds_many, 0, "eu,us");
    assert_non_null(c);
    ngx_str_set(&key, "eu");
    feeds.fail = 1;
    assert_int_equal(ngx_ess_feed_join_arrived(&c->client.sub, &key,
                                               &c->client.sub), NGX_ERROR);
    feeds.fail = 0;
}


/* What a client is to have got in a random run. */

typedef struct {
    feeds_client_t          *client;
    char                     text[TEST_STEPS * 16];
    const char              *keys[3];       /* NULL: any */
    ngx_uint_t               nkeys;
    char                     got[TEST_STEPS * 16];
} test_model_t;

static const char   *test_bodies[] = { "a:1", "b:2", "c:3", "4" };
static test_model_t  test_models[TEST_CLIENTS];


static void
test_model_event(test_model_t *m, ngx_uint_t ordinal, const char *body)
{
    ngx_uint_t  i;
    ngx_str_t   key;

    key = feeds_key(body);

    for (i = 0; i < m->nkeys; i++) {
        if (key.len == strlen(m->keys[i])
            && memcmp(key.data, m->keys[i], key.len) == 0)
        {
            break;
        }
    }

    if (m->nkeys == 0 || i < m->nkeys) {
        sprintf(m->text + strlen(m->text), "e%d:%s;", (int) ordinal, body);
    }
}


static void
test_model_join(test_model_t *m, feeds_stream_t *s,
    const ngx_ess_encoding_t *t)
{
    char             text[16];
    ngx_uint_t       i, from;

    static const char  *names[] = { "a", "b", "c" };
    static char         keys[TEST_CLIENTS][16];

    memset(m, 0, sizeof(test_model_t));

    m->nkeys = (ngx_uint_t) rand() % (t->many ? 4 : 2);

    for (i = 0; i < m->nkeys; i++) {
        m->keys[i] = names[(i + (ngx_uint_t) s->n) % 3];
    }

    if (rand() % 2 && m->nkeys < 2) {
        m->client = m->nkeys ? feeds_join_key(s, t, m->keys[0])
                             : feeds_join(s, t);
        return;
    }

    from = (ngx_uint_t) rand() % (s->n + 1);
    text[0] = '\0';

    for (i = 0; i < m->nkeys; i++) {
        sprintf(text + strlen(text), "%s%s", i ? "," : "", m->keys[i]);
    }

    strcpy(keys[m - test_models], text);
    m->client = feeds_replay_keys(s, t, from, keys[m - test_models]);

    for (i = from; i < s->n; i++) {
        test_model_event(m, i + 1, (char *) s->records[i].body.data);
    }
}


/* What it has got so far is how that begins. */

static void
test_model_check(test_model_t *m, ngx_uint_t all)
{
    feeds_client_t  *c;

    c = m->client;

    if (c->text) {
        strcat(m->got, c->text);
        free(c->text);
        c->text = NULL;
        c->len = 0;
    }

    if (all) {
        assert_string_equal(m->got, m->text);

    } else {
        assert_memory_equal(m->got, m->text, strlen(m->got));
    }
}


static void
test_at_random(void **state)
{
    const char                *body;
    ngx_uint_t                 run, step, i;
    test_model_t              *m;
    feeds_stream_t            *s;
    const ngx_ess_encoding_t  *t;

    for (run = 0; run < TEST_RUNS; run++) {
        srand((unsigned) run);

        s = feeds_stream(100 + run);
        s->slice = (run % 3 == 0) ? 2 : 0;
        t = test_kinds[run % 2];
        memset(test_models, 0, sizeof(test_models));

        for (step = 0; step < TEST_STEPS; step++) {
            m = &test_models[rand() % TEST_CLIENTS];

            switch (rand() % 10) {

            case 0:
            case 1:
                if (m->client == NULL) {
                    test_model_join(m, s, t);

                } else if (m->nkeys < 2) {
                    test_model_check(m, 0);
                    feeds_leave(m->client);
                    m->client = NULL;
                }
                break;

            case 2:
                if (m->client) {
                    feeds_block(m->client);
                }
                break;

            case 3:
                if (m->client) {
                    feeds_take(m->client, (size_t) rand() % 20);
                }
                break;

            case 4:
                /* not one of several lanes alone */

                if (m->client && m->client->room == 0
                    && m->client->client.sub.frame
                    && (m->nkeys < 2
                        || m->client->client.sub.lane->feed->replay)
                    && (m->client->taken || m->client->client.blocked))
                {
                    assert_int_equal(
                        ngx_ess_feed_back(&m->client->client.sub,
                                          (ngx_uint_t) rand() % 2),
                        NGX_OK);
                }
                break;

            case 5:
                ngx_ess_feed_gate((ngx_uint_t) rand() % 2);
                break;

            case 6:
                feeds_turn();
                break;

            case 7:
                ngx_ess_feed_changed(&s->ref);
                feeds_turn();
                break;

            default:
                body = test_bodies[rand() % 4];
                feeds_append(s, body);

                for (i = 0; i < TEST_CLIENTS; i++) {
                    if (test_models[i].client) {
                        test_model_event(&test_models[i], s->n, body);
                    }
                }
            }

            for (i = 0; i < TEST_CLIENTS; i++) {
                if (test_models[i].client) {
                    test_model_check(&test_models[i], 0);
                }
            }
        }

        ngx_ess_feed_gate(0);
        feeds_changed(s);

        for (i = 0; i < TEST_CLIENTS; i++) {
            if (test_models[i].client) {
                feeds_take(test_models[i].client, FEEDS_ROOM);
            }
        }

        feeds_run();

        for (i = 0; i < TEST_CLIENTS; i++) {
            if (test_models[i].client) {
                test_model_check(&test_models[i], 1);
            }
        }

        assert_int_equal(ngx_ess_memory_used(), 0);
    }
}


int
main(void)
{
    static const struct CMUnitTest  tests[] = {
        feeds_test(test_events_go_to_their_key_and_to_the_whole_stream),
        feeds_test(test_what_nobody_gets_is_not_encoded),
        feeds_test(test_bytes_are_kept_once),
        feeds_test(test_gaps_losses_and_the_end_go_to_all),
        feeds_test(test_a_replay_has_its_keys_alone),
        feeds_test(test_a_replay_of_keys_begins_with_its_gap),
        feeds_test(test_one_whose_socket_is_full_reads_its_keys_again),
        feeds_test(test_one_that_is_stuffed_gets_what_comes_meanwhile),
        feeds_test(test_who_is_slow_in_a_lane_is_found),
        feeds_test(test_while_the_gate_is_shut_nobody_with_many_is_read_for),
        feeds_test(test_those_that_were_handed_over_are_found),
        feeds_test(test_without_memory),
        feeds_test(test_at_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
