/*
 * Through nginx's filters: copies in pieces, which are the request's, whoever
 * is gone first, and are smaller the less the worker may keep.
 *
 * links: t/unit/client/fake_multi.c
 * links: src/client/ngx_ess_flush_filtered.c t/unit/client/fake_client.c
 * links: t/unit/client/fake_client_calls.c t/unit/ngx_trace.c
 * links: t/unit/ngx_timer.c
 */


#include "fake_client.h"
#include "ngx_ess_memory.h"


#define TEST_MAX  (64 * 1024 * 2 * 64)      /* that gives pieces of 64k */


static size_t       test_max;
static size_t       test_used;
static const char  *test_text;              /* what is left to be sent */


size_t
ngx_ess_memory_max(void)
{
    return test_max;
}


void
ngx_ess_memory_take(size_t size)
{
    test_used += size;
}


void
ngx_ess_memory_give(size_t size)
{
    test_used -= size;
}


/* a few bytes each */

ngx_uint_t
ngx_ess_flush_collect(ngx_ess_client_t *client, struct iovec *iovs)
{
    size_t       len;
    ngx_uint_t   n;
    const char  *p;

    n = 0;

    for (p = test_text; *p && n < NGX_ESS_FLUSH_BUFS; p += len) {
        len = ngx_min(strlen(p), 1000);
        iovs[n].iov_base = (void *) p;
        iovs[n++].iov_len = len;
    }

    return n;
}


void
ngx_ess_flush_account(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    size_t sent)
{
    test_text += sent;
}


ngx_uint_t
ngx_ess_flush_more(ngx_ess_client_t *client)
{
    return *test_text != '\0';
}


#define TEST(test)                                                            \
    cmocka_unit_test_setup_teardown(test, test_setup, test_teardown)


static int
test_setup(void **state)
{
    (void) fake_client_setup(state);

    test_max = TEST_MAX;
    test_text = "";

    fake.client->filtered = ngx_ess_flush_filtered_create(&fake.request);
    assert_non_null(fake.client->filtered);

    return 0;
}


/* whatever was under way went with the pool */

static int
test_teardown(void **state)
{
    (void) fake_client_teardown(state);
    assert_int_equal(test_used, 0);

    return 0;
}


static ngx_int_t
test_flush(void)
{
    return ngx_ess_flush_filtered(NULL, fake.client);
}


static void
test_send(void **state)
{
    assert_int_equal(test_flush(), NGX_OK);
    ngx_unit_traced();

    test_text = "hello";
    assert_int_equal(test_flush(), NGX_OK);
    ngx_unit_traced("filter");
    fake_sent("hello");
    assert_int_equal(test_used, 0);
}


/* what nginx keeps is not given again, and nothing more until it has gone */

static void
test_kept(void **state)
{
    test_text = "hello";
    fake.room = 2;
    assert_int_equal(test_flush(), NGX_AGAIN);
    ngx_unit_traced("filter");
    assert_int_equal(test_used, 5);
    assert_string_equal(test_text, "");

    test_text = "more";
    fake.room = 2;
    assert_int_equal(test_flush(), NGX_AGAIN);
    ngx_unit_traced("filter again");

    fake.room = FAKE_ROOM;
    assert_int_equal(test_flush(), NGX_BUSY);
    ngx_unit_traced("filter again");
    fake_sent("hello");

    fake.room = 1;
    assert_int_equal(test_flush(), NGX_AGAIN);
    ngx_unit_traced("filter");
    fake_sent("m");
}


static void
test_pieces(void **state)
{
    ngx_uint_t   i;
    static char  text[70000];

    static const struct {
        size_t  max;
        size_t  piece;
    } rows[] = {
        { TEST_MAX * 4, 64000 },            /* buffers are whole */
        { TEST_MAX, 64000 },
        { TEST_MAX / 2, 32768 },
        { TEST_MAX / 1000, 1024 },
        { 0, 1024 }
    };

    memset(text, 'x', sizeof(text) - 1);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_text = text;
        test_max = rows[i].max;
        fake.room = 0;

        assert_int_equal(test_flush(), NGX_AGAIN);
        assert_int_equal(test_used, rows[i].piece);
        assert_ptr_equal(test_text, text + rows[i].piece);

        /* nginx has taken it */

        fake.client->filtered->buf.pos = fake.client->filtered->buf.last;
        fake.request.out = NULL;
        assert_int_equal(test_flush(), NGX_BUSY);
        assert_int_equal(test_used, 0);
    }
}


static void
test_failed(void **state)
{
    test_text = "hello";

    fake.fail = 1;
    assert_int_equal(test_flush(), NGX_ERROR);
    ngx_unit_traced();
    assert_string_equal(test_text, "hello");

    fake.broken = NGX_EPIPE;
    assert_int_equal(test_flush(), NGX_ERROR);
    ngx_unit_traced("filter");

    fake.fail = 1;
    assert_null(ngx_ess_flush_filtered_create(&fake.request));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_send),
        TEST(test_kept),
        TEST(test_pieces),
        TEST(test_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
