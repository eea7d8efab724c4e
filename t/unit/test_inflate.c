/*
 * Compressed bodies: what zlib made comes out again in slices, each truncation
 * and each limit is told; input lies against a guard page.
 *
 * links: src/ngx_ess_inflate.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "ngx_ess_inflate.h"
#include "ngx_guard.h"


void ngx_unit_pool_free(void);


#define ROOM  (8 * 1024 * 1024)
#define GZIP  31
#define ZLIB  15


static u_char      *test_end;               /* of the usable room */
static u_char       test_buf[ROOM];
static ngx_uint_t   test_slices;            /* that the last one took */
static const char  *test_detail;


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


/* Behind what is in the buffer already. */

static size_t
pack(int bits, const void *text, size_t len, size_t at)
{
    z_stream  z;

    memset(&z, 0, sizeof(z));
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8,
                                  Z_DEFAULT_STRATEGY), Z_OK);

    z.next_in = (void *) text;
    z.avail_in = len;
    z.next_out = test_buf + at;
    z.avail_out = ROOM - at;

    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    at = ROOM - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);

    return at;
}


static ngx_int_t
unpack(size_t len, ngx_uint_t gzip, size_t max, ngx_str_t *out)
{
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_ess_inflate_t  *in;

    text.data = test_end - len;
    text.len = len;
    memcpy(text.data, test_buf, len);

    in = ngx_ess_inflate_create(&text, gzip, max);
    assert_non_null(in);

    test_slices = 0;
    test_detail = NULL;

    do {
        test_slices++;
        rc = ngx_ess_inflate_step(in, &test_detail);
    } while (rc == NGX_AGAIN);

    if (rc == NGX_OK) {
        assert_int_equal(ngx_ess_inflate_take(in, NULL, out), NGX_OK);
    }

    assert_true((rc == NGX_DECLINED) == (test_detail != NULL));

    ngx_ess_inflate_destroy(in);

    return rc;
}


static void
good(size_t len, ngx_uint_t gzip, const void *text, size_t size)
{
    ngx_str_t  out;

    assert_int_equal(unpack(len, gzip, size, &out), NGX_OK);
    assert_int_equal(out.len, size);
    assert_memory_equal(out.data, text, size);
    ngx_unit_pool_free();

    if (size) {
        assert_int_equal(unpack(len, gzip, size - 1, &out), NGX_ABORT);
    }
}


static void
bad(size_t len, ngx_uint_t gzip, const char *word)
{
    ngx_str_t  out;

    assert_int_equal(unpack(len, gzip, ROOM, &out), NGX_DECLINED);
    assert_non_null(strstr(test_detail, word));
}


static void
test_both_formats(void **state)
{
    good(pack(GZIP, "hello", 5, 0), 1, "hello", 5);
    good(pack(ZLIB, "hello", 5, 0), 0, "hello", 5);
    good(pack(GZIP, "", 0, 0), 1, "", 0);
    good(pack(ZLIB, "", 0, 0), 0, "", 0);

    bad(pack(GZIP, "hello", 5, 0), 0, "header");
    bad(pack(ZLIB, "hello", 5, 0), 1, "header");
    bad(pack(-ZLIB, "hello hello hello", 17, 0), 0, "header");
    bad(0, 0, "early");
    bad(0, 1, "early");
}


static void
test_sizes(void **state)
{
    size_t          n;
    u_char         *text;
    const size_t    sizes[] = { 1, 1023, 1024, 1025, 65535, 65536, 65537,
                                66560, 262144, 1000000 };

    text = malloc(1000000);
    assert_non_null(text);

    for (n = 0; n < 1000000; n++) {
        text[n] = (u_char) (n * n / 7);
    }

    for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
        good(pack(GZIP, text, sizes[n], 0), 1, text, sizes[n]);
    }

    memset(text, 'a', 1000000);
    good(pack(ZLIB, text, 1000000, 0), 0, text, 1000000);
    free(text);
}


static void
test_truncated(void **state)
{
    size_t      n, len;
    ngx_uint_t  gzip;

    for (gzip = 0; gzip < 2; gzip++) {
        len = pack(gzip ? GZIP : ZLIB, "some text, some text", 20, 0);

        for (n = 0; n < len; n++) {
            bad(n, gzip, "early");
        }
    }
}


static void
test_members(void **state)
{
    size_t  len;

    len = pack(GZIP, "one ", 4, 0);
    len = pack(GZIP, "", 0, len);
    len = pack(GZIP, "two", 3, len);
    good(len, 1, "one two", 7);
    bad(len - 1, 1, "early");

    len = pack(ZLIB, "one ", 4, 0);
    len = pack(ZLIB, "two", 3, len);
    bad(len, 0, "follows");

    len = pack(GZIP, "one ", 4, 0);
    test_buf[len] = 0;
    bad(len + 1, 1, "follows");

    test_buf[len] = 0x1f;
    bad(len + 1, 1, "follows");

    test_buf[len + 1] = 0x8b;
    bad(len + 2, 1, "early");

    test_buf[len - 8] ^= 1;
    bad(len, 1, "incorrect data check");
}


/* However much it would grow, and however little comes of a long one. */

static void
test_bombs(void **state)
{
    size_t      len, n, one;
    u_char     *text;
    ngx_str_t   out;

    text = calloc(1, ROOM);
    assert_non_null(text);

    len = pack(GZIP, text, ROOM, 0);
    assert_true(len < ROOM / 900);

    assert_int_equal(unpack(len, 1, 100000, &out), NGX_ABORT);
    assert_int_equal(test_slices, 1);

    assert_int_equal(unpack(len, 1, ROOM, &out), NGX_OK);
    assert_true(test_slices >= ROOM / 262144);

    /* members of nothing */

    one = pack(GZIP, "", 0, 0);

    for (n = 0; n < 100000; n++) {
        memcpy(test_buf + n * one, test_buf, one);
    }

    assert_int_equal(unpack(n * one, 1, 10, &out), NGX_OK);
    assert_int_equal(out.len, 0);
    assert_true(test_slices > 50);
    ngx_unit_pool_free();

    free(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_both_formats),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_bombs),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
