/*
 * The list of a worker's clients of a stream: pages in order of number,
 * whatever the order they are found in, and the end of one of them.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_client_list.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_client.h"
#include "ngx_ess_client_list.h"


#define TEST_CLIENTS  100


static const ngx_ess_transport_t  test_transport = {
    .kind = NGX_ESS_TRANSPORT_SSE
};

static ngx_ess_feed_t             test_feed;
static ngx_connection_t           test_connection;
static ngx_ess_client_t           test_clients[TEST_CLIENTS];
static ngx_ess_client_t          *test_closed;
static ngx_ess_mail_subscriber_t  test_answer[NGX_ESS_MAILBOX_ANSWER];


void
ngx_ess_feed_each(ngx_ess_stream_ref_t *ref, ngx_ess_feed_visit_pt visit,
    void *data)
{
    ngx_uint_t  i;

    for (i = 0; i < TEST_CLIENTS; i++) {
        visit(&test_clients[i].sub, data);
    }
}


ngx_int_t
ngx_ess_client_close(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    assert_null(test_closed);
    assert_int_equal(code, NGX_ESS_CLIENT_POLICY);

    test_closed = client;

    return NGX_DONE;
}


static int
test_setup(void **state)
{
    ngx_uint_t         i;
    ngx_ess_client_t  *client;

    ngx_memzero(&test_feed, sizeof(ngx_ess_feed_t));
    test_feed.lane.feed = &test_feed;
    ngx_memzero(test_clients, sizeof(test_clients));
    ngx_str_set(&test_connection.addr_text, "192.0.2.1");
    test_closed = NULL;

    for (i = 0; i < TEST_CLIENTS; i++) {
        client = &test_clients[i];

        client->sub.client = client;
        client->sub.lane = &test_feed.lane;
        client->connection = &test_connection;
        client->transport = &test_transport;

        /* 1 to 100, in some other order */
        client->sub.number = (uint32_t) (i * 37 % TEST_CLIENTS) + 1;
        client->events_sent = client->sub.number * 2;
    }

    return 0;
}


/* Keys of one client are one subscriber. */

static void
test_keys(void **state)
{
    ngx_uint_t            i;
    ngx_ess_stream_ref_t  ref;

    for (i = 0; i < TEST_CLIENTS; i++) {
        test_clients[i].sub.grouped = 1;
        test_clients[i].sub.number = 1 + i % 3;
    }

    assert_int_equal(ngx_ess_client_list_answer(NGX_ESS_MAIL_LIST, &ref, 0,
                                                test_answer), 3);
    assert_int_equal(test_answer[0].number, 1);
    assert_int_equal(test_answer[2].number, 3);
}


static void
test_pages(void **state)
{
    uint32_t              after;
    ngx_uint_t            i, n;
    ngx_ess_stream_ref_t  ref;

    after = 0;

    do {
        n = ngx_ess_client_list_answer(NGX_ESS_MAIL_LIST, &ref, after,
                                       test_answer);

        assert_int_equal(n, ngx_min(TEST_CLIENTS - after,
                                    NGX_ESS_MAILBOX_ANSWER));

        for (i = 0; i < n; i++) {
            assert_int_equal(test_answer[i].number, ++after);
            assert_int_equal(test_answer[i].events, after * 2);
            assert_int_equal(test_answer[i].transport, NGX_ESS_TRANSPORT_SSE);
            assert_int_equal(test_answer[i].address_len, 9);
            assert_memory_equal(test_answer[i].address, "192.0.2.1", 9);
        }

    } while (n);

    assert_int_equal(after, TEST_CLIENTS);
}


/* what it has to get next: of its frames, or of those to come */

static void
test_next(void **state)
{
    ngx_ess_frame_t       gap, event;
    ngx_ess_stream_ref_t  ref;

    ngx_memzero(&gap, sizeof(ngx_ess_frame_t));
    ngx_memzero(&event, sizeof(ngx_ess_frame_t));

    gap.next = &event;
    event.ordinal = 41;
    test_feed.have = 49;
    test_clients[0].sub.frame = &gap;

    assert_int_equal(test_clients[0].sub.number, 1);
    assert_true(ngx_ess_client_list_answer(NGX_ESS_MAIL_LIST, &ref, 0,
                                           test_answer) > 1);

    assert_int_equal(test_answer[0].next, 41);
    assert_int_equal(test_answer[0].behind, 0);
    assert_int_equal(test_answer[1].next, 50);

    test_feed.changed = 1;
    (void) ngx_ess_client_list_answer(NGX_ESS_MAIL_LIST, &ref, 0,
                                      test_answer);
    assert_int_equal(test_answer[1].behind, 1);
}


static void
test_close(void **state)
{
    ngx_ess_stream_ref_t  ref;

    assert_int_equal(ngx_ess_client_list_answer(NGX_ESS_MAIL_CLOSE, &ref,
                                                TEST_CLIENTS + 1, NULL), 0);
    assert_null(test_closed);

    assert_int_equal(ngx_ess_client_list_answer(NGX_ESS_MAIL_CLOSE, &ref, 38,
                                                NULL), 1);
    assert_ptr_equal(test_closed, &test_clients[1]);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_pages, test_setup),
        cmocka_unit_test_setup(test_keys, test_setup),
        cmocka_unit_test_setup(test_next, test_setup),
        cmocka_unit_test_setup(test_close, test_setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
