/*
 * UTF-8, against a reference that is written the plain way: all pairs of bytes,
 * and fours of those where something changes; input lies against a guard page.
 *
 * links: src/ngx_ess_utf8.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_utf8.h"
#include "ngx_guard.h"


#define ROOM  4096


static u_char  *test_end;                   /* of the usable room */


static int
setup(void **state)
{
    test_end = ngx_unit_guard(ROOM);

    return test_end ? 0 : -1;
}


/* a slow, obvious decoder to compare with */

static int
test_utf8_reference(const u_char *p, size_t len)
{
    size_t    i, n;
    uint32_t  ch;

    static const uint32_t  least[] = { 0, 0x80, 0x800, 0x10000 };

    while (len) {

        if (*p < 0x80) {
            n = 0;
            ch = *p;

        } else if ((*p & 0xe0) == 0xc0) {
            n = 1;
            ch = *p & 0x1f;

        } else if ((*p & 0xf0) == 0xe0) {
            n = 2;
            ch = *p & 0x0f;

        } else if ((*p & 0xf8) == 0xf0) {
            n = 3;
            ch = *p & 0x07;

        } else {
            return 0;
        }

        if (len < n + 1) {
            return 0;
        }

        for (i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }

            ch = (ch << 6) | (p[i] & 0x3f);
        }

        if (ch < least[n] || ch > 0x10ffff || (ch >= 0xd800 && ch <= 0xdfff)) {
            return 0;
        }

        p += n + 1;
        len -= n + 1;
    }

    return 1;
}


static int
test_utf8(const u_char *data, size_t len, size_t cut)
{
    u_char             *p;
    ngx_ess_utf8_t      utf8;

    memset(&utf8, 0, sizeof(utf8));

    p = test_end - len;
    memmove(p, data, len);

    return ngx_ess_utf8(&utf8, p, cut) == NGX_OK
           && ngx_ess_utf8(&utf8, p + cut, len - cut) == NGX_OK
           && utf8.left == 0;
}


static void
test_parts(void **state)
{
    size_t    cut, pad, i;
    u_char    buf[24];
    uint32_t  n;

    static const u_char  edges[] = {
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
        0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3,
        0xf4, 0xf5, 0xff
    };
    const size_t         nedges = sizeof(edges);

    /* all pairs of bytes */

    for (n = 0; n < 0x10000; n++) {
        buf[0] = (u_char) (n >> 8);
        buf[1] = (u_char) n;

        assert_int_equal(test_utf8(buf, 2, 1), test_utf8_reference(buf, 2));
    }

    /* all fours of the bytes where something changes, behind paddings that
       move them across words of eight */

    for (n = 0; n < nedges * nedges * nedges * nedges; n++) {

        pad = n % 17;
        memset(buf, 'a', pad);

        buf[pad] = edges[n % nedges];
        buf[pad + 1] = edges[n / nedges % nedges];
        buf[pad + 2] = edges[n / nedges / nedges % nedges];
        buf[pad + 3] = edges[n / nedges / nedges / nedges];

        for (i = 1; i <= 4; i++) {
            cut = pad + n % (i + 1);

            if (test_utf8(buf, pad + i, cut)
                != test_utf8_reference(buf, pad + i))
            {
                fail_msg("%02x %02x %02x %02x, %zu of them", buf[pad],
                         buf[pad + 1], buf[pad + 2], buf[pad + 3], i);
            }
        }
    }
}


static void
test_whole(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *text;
        ngx_uint_t   valid;
    } cases[] = {
        { "", 1 },
        { "\x7f", 1 },
        { "\x80", 0 },
        { "\xc2\x80", 1 },
        { "\xc2", 0 },
        { "\xe0\x9f\xbf", 0 },
        { "\xe0\xa0\x80", 1 },
        { "\xe2\x82", 0 },
        { "\xed\xa0\x80", 0 },
        { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf4\x8f\xbf\xbf", 1 },
        { "\xf5\x80\x80\x80", 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(ngx_ess_utf8_valid((u_char *) cases[i].text,
                                            strlen(cases[i].text)),
                         cases[i].valid);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_whole),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
