/*
 * Field tables: what RabbitMQ and its clients write, alone and as the headers
 * of a delivery; cut at each byte, nested, and of kinds that nobody knows.
 *
 * links: src/amqp/ngx_ess_amqp_table.c src/amqp/ngx_ess_amqp_codec.c
 * links: t/unit/amqp/frames.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "frames.h"
#include "ngx_ess_amqp_table.h"


/* a text, a table with a number in it, an array of two octets */

static const char  table[] =
    "\0\0\0\x23"
    "\1sS\0\0\0\3abc"
    "\1tF\0\0\0\7" "\1nI\0\0\0\7"
    "\1aA\0\0\0\4" "b\1b\2";


static void
test_whole_table(void **state)
{
    u_char  *p;

    p = guarded((const u_char *) table, sizeof(table) - 1);

    assert_int_equal(sizeof(table) - 1, 4 + 0x23);
    assert_ptr_equal(ngx_ess_amqp_table_end(p, guard), guard);
    assert_ptr_equal(ngx_ess_amqp_table_entry(p + 4, guard), p + 14);
}


/* what is cut reads nothing behind its end, and is no table */

static void
test_cut_table(void **state)
{
    size_t   i;
    u_char  *p;

    for (i = 0; i < sizeof(table) - 1; i++) {
        p = guarded((const u_char *) table, i);
        assert_null(ngx_ess_amqp_table_end(p, guard));
    }

    for (i = 0; i < 10; i++) {
        p = guarded((const u_char *) table + 4, i);
        assert_null(ngx_ess_amqp_table_entry(p, guard));
    }
}


/* an array that makes no sense becomes bytes, and what is beside it stays */

static void
test_broken_array(void **state)
{
    u_char  buf[sizeof(table) - 1], *p;

    memcpy(buf, table, sizeof(buf));
    buf[sizeof(buf) - 4] = '?';

    p = guarded(buf, sizeof(buf));

    assert_ptr_equal(ngx_ess_amqp_table_end(p, guard), guard);
    assert_int_equal(p[sizeof(buf) - 9], 'x');
}


/* a header of each kind that RabbitMQ and its clients write, alone and in an
   array; with a byte too few, or of a kind that is unknown, the properties
   make no sense, and the content is there all the same; an array is then
   bytes, and the properties are there as well */

static void
test_fields(void **state)
{
    size_t                 n, size;
    u_char                 payload[128], buf[160];
    unsigned               i, kind, array, cut, bad;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    static const struct {
        char               kind;
        u_char             size;
    } kinds[] = {
        { 't', 1 }, { 'b', 1 }, { 'B', 1 }, { 's', 2 }, { 'u', 2 },
        { 'I', 4 }, { 'i', 4 }, { 'l', 8 }, { 'L', 8 }, { 'f', 4 },
        { 'd', 8 }, { 'D', 5 }, { 'S', 4 }, { 'x', 4 }, { 'A', 4 },
        { 'T', 8 }, { 'F', 4 }, { 'V', 0 }
    };

    start(&codec);

    for (kind = 0; kind < 256; kind++) {

        for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            if ((unsigned) kinds[i].kind == kind) {
                break;
            }
        }

        size = (i == sizeof(kinds) / sizeof(kinds[0])) ? 8 : kinds[i].size;

        for (array = 0; array < 2; array++) {
            for (cut = 0; cut < 2; cut++) {

                if (cut > size) {
                    continue;
                }

                memset(payload, 0, sizeof(payload));
                payload[1] = 60;
                payload[11] = 5;
                payload[12] = 0x20;

                n = 18;
                payload[n++] = 1;
                payload[n++] = 'k';

                if (array) {
                    payload[n++] = 'A';
                    n += 4;
                    payload[n - 1] = (u_char) (1 + size - cut);
                }

                payload[n++] = (u_char) kind;
                n += size - cut;
                payload[17] = (u_char) (n - 18);

                n = frame(buf, AMQP_FRAME_HEADER, 2, payload, n);

                assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
                assert_int_equal(f.body_size, 5);
                assert_non_null(f.properties);

                bad = cut || i == sizeof(kinds) / sizeof(kinds[0]);
                assert_int_equal(f.undecoded, bad && !array);

                if (!f.undecoded) {
                    assert_int_equal(f.properties->headers.num_entries, 1);
                    assert_int_equal(f.properties->headers.entries[0].value
                                     .kind,
                                     bad ? 'x' : array ? 'A' : (int) kind);
                }

                ngx_ess_amqp_codec_release(&codec, 2);
            }
        }
    }

    ngx_ess_amqp_codec_done(&codec);
}


/* tables in tables, as deep as a frame allows: from a depth on they are bytes */

static void
test_nested(void **state)
{
    size_t                 i, n, depth;
    u_char                *payload, *p, *buf;
    ngx_ess_amqp_codec_t   codec;
    ngx_ess_amqp_frame_t   f;

    for (depth = 1; depth < 13000; depth = depth < 40 ? depth + 1 : depth * 3)
    {
        payload = calloc(1, 14 + 4 + depth * 5);
        buf = malloc(14 + 4 + depth * 5 + 8);
        assert_non_null(payload);
        assert_non_null(buf);

        payload[1] = 60;
        payload[12] = 0x20;
        p = payload + 14;

        /* an empty table, or one key with arrays in arrays */

        for (i = 0; i < depth; i++) {
            n = (depth - 1 - i) * 5 + (i == 0 && depth > 1 ? 1 : 0);
            *p++ = (u_char) (n >> 24);
            *p++ = (u_char) (n >> 16);
            *p++ = (u_char) (n >> 8);
            *p++ = (u_char) n;

            if (i == 0 && depth > 1) {
                *p++ = 0;
            }

            if (i < depth - 1) {
                *p++ = 'A';
            }
        }

        n = frame(buf, AMQP_FRAME_HEADER, 1, payload, p - payload);

        start(&codec);
        assert_int_equal(parse(&codec, &f, buf, n), NGX_OK);
        assert_int_equal(f.undecoded, 0);
        assert_int_equal(f.properties->headers.num_entries, depth > 1);
        ngx_ess_amqp_codec_done(&codec);

        free(payload);
        free(buf);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole_table),
        cmocka_unit_test(test_cut_table),
        cmocka_unit_test(test_broken_array),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_nested)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
