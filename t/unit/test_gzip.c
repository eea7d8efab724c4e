/*
 * gzip: what is packed comes out again, by zlib and by ngx_ess_inflate, of all
 * lengths around the slices, one body and several at once; input lies against a
 * guard page.
 *
 * links: src/ngx_ess_gzip.c src/ngx_ess_inflate.c
 * links: t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>

#include "ngx_ess_gzip.h"
#include "ngx_ess_inflate.h"
#include "ngx_guard.h"


void ngx_unit_pool_free(void);
void ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...);


#define ROOM   (2 * 1024 * 1024)
#define SLICE  65536


static u_char     *test_end;                /* of the usable room */
static u_char      test_out[ROOM + 1];
static u_char      test_kept[ROOM];         /* while others are packed */
static ngx_log_t   test_log;


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    fail_msg("logged: %s", fmt);
}


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


/* noise: what does not shrink; else a text that does */

static void
text(ngx_str_t *s, size_t len, int noise)
{
    size_t    i;
    uint32_t  x;

    s->data = test_end - len;
    s->len = len;

    for (i = 0, x = 1; i < len; i++) {
        x = x * 1664525 + 1013904223;
        s->data[i] = noise ? (u_char) (x >> 24)
                           : (u_char) "{\"data\":null} "[i % 14];
    }
}


static ngx_uint_t
finish(ngx_ess_gzip_t *gz)
{
    ngx_int_t   rc;
    ngx_uint_t  n;

    for (n = 1; /* void */; n++) {
        rc = ngx_ess_gzip_step(gz);

        if (rc == NGX_OK) {
            return n;
        }

        assert_int_equal(rc, NGX_AGAIN);
    }
}


/* zlib's own reader, and ours, find the text in it, and nothing behind it. */

static void
same(ngx_ess_gzip_t *gz, ngx_str_t *s)
{
    z_stream            z;
    ngx_int_t           rc;
    ngx_str_t           packed, out;
    const char         *detail;
    ngx_ess_inflate_t  *in;

    ngx_ess_gzip_text(gz, &packed);

    memset(&z, 0, sizeof(z));
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);

    z.next_in = packed.data;
    z.avail_in = packed.len;
    z.next_out = test_out;
    z.avail_out = sizeof(test_out);

    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    assert_int_equal(sizeof(test_out) - z.avail_out, s->len);
    assert_memory_equal(test_out, s->data, s->len);
    assert_int_equal(inflateEnd(&z), Z_OK);

    in = ngx_ess_inflate_create(&packed, 1, s->len);
    assert_non_null(in);

    do {
        rc = ngx_ess_inflate_step(in, &detail);
    } while (rc == NGX_AGAIN);

    assert_int_equal(rc, NGX_OK);
    assert_int_equal(ngx_ess_inflate_take(in, NULL, &out), NGX_OK);
    assert_int_equal(out.len, s->len);
    assert_memory_equal(out.data, s->data, s->len);

    ngx_ess_inflate_destroy(in);
    ngx_unit_pool_free();
}


static void
round_trip(size_t len, int noise)
{
    ngx_str_t        s;
    ngx_uint_t       slices;
    ngx_ess_gzip_t  *gz;

    text(&s, len, noise);

    gz = ngx_ess_gzip_create(&s, &test_log);
    assert_non_null(gz);

    slices = finish(gz);
    assert_int_equal(slices, len ? (len + SLICE - 1) / SLICE : 1);

    same(gz, &s);
    ngx_ess_gzip_destroy(gz);
}


static void
test_lengths(void **state)
{
    size_t  i, n;

    static const size_t  around[] = { 128, 1024, 32768, SLICE, 2 * SLICE,
                                      16 * SLICE, ROOM - 8 };

    for (n = 0; n <= 64; n++) {
        round_trip(n, 0);
        round_trip(n, 1);
    }

    for (i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
        for (n = around[i] - 4; n <= around[i] + 4; n++) {
            round_trip(n, 0);
            round_trip(n, 1);
        }
    }
}


static void
test_an_empty_body(void **state)
{
    ngx_str_t        s, packed;
    ngx_ess_gzip_t  *gz;

    ngx_str_null(&s);

    gz = ngx_ess_gzip_create(&s, &test_log);
    assert_non_null(gz);
    assert_int_equal(ngx_ess_gzip_step(gz), NGX_OK);

    ngx_ess_gzip_text(gz, &packed);
    assert_int_equal(packed.len, 20);
    assert_int_equal(packed.data[0], 0x1f);
    assert_int_equal(packed.data[1], 0x8b);

    ngx_ess_gzip_destroy(gz);
}


/* The worker's stream is one body's; others are not mixed into it. */

static void
test_several_at_once(void **state)
{
    int              i;
    ngx_str_t        s;
    ngx_uint_t       left;
    ngx_ess_gzip_t  *gz[4];

    text(&s, 5 * SLICE + 7, 0);
    s.data = memcpy(test_kept, s.data, s.len);

    for (i = 0; i < 4; i++) {
        gz[i] = ngx_ess_gzip_create(&s, &test_log);
        assert_non_null(gz[i]);
        assert_int_equal(ngx_ess_gzip_step(gz[i]), NGX_AGAIN);
    }

    round_trip(100, 0);

    for (i = 3, left = 4; i >= 0; i--, left--) {
        (void) finish(gz[i]);
        round_trip(left * 1000, 1);
    }

    for (i = 0; i < 4; i++) {
        same(gz[i], &s);
        ngx_ess_gzip_destroy(gz[i]);
    }
}


/* A body that is given up at any moment leaves the worker's stream free. */

static void
test_given_up(void **state)
{
    int              i;
    ngx_str_t        s;
    ngx_ess_gzip_t  *gz, *other;

    text(&s, 3 * SLICE, 1);

    for (i = 0; i < 3; i++) {
        gz = ngx_ess_gzip_create(&s, &test_log);
        other = ngx_ess_gzip_create(&s, &test_log);
        assert_non_null(gz);
        assert_non_null(other);

        if (i) {
            assert_int_equal(ngx_ess_gzip_step(gz), NGX_AGAIN);
        }

        if (i == 2) {
            assert_int_equal(ngx_ess_gzip_step(other), NGX_AGAIN);
        }

        ngx_ess_gzip_destroy(gz);

        (void) finish(other);
        same(other, &s);
        ngx_ess_gzip_destroy(other);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_an_empty_body),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_several_at_once),
        cmocka_unit_test(test_given_up),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
