/*
 * What is gone between what a reader has and what comes next.
 *
 * links: src/stream/ngx_ess_gap.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_gap.h"


#define LAST  (UINT64_MAX - 1)


typedef struct {
    uint64_t     have;
    uint64_t     after;                     /* or the stream's last one */
    uint64_t     from;                      /* 0: there is no gap */
    uint64_t     to;
} row_t;


static void
expect(ngx_uint_t (*find)(ngx_ess_gap_t *gap, uint64_t have, uint64_t after),
    const row_t *row, ngx_uint_t n)
{
    ngx_ess_gap_t  gap;

    for ( /* void */ ; n--; row++) {
        gap.from = 77;
        gap.to = 77;

        assert_int_equal(find(&gap, row->have, row->after), row->from != 0);
        assert_true(gap.from == row->from);
        assert_true(gap.to == row->to);
    }
}


static void
test_between(void **state)
{
    static const row_t  rows[] = {
        { 0, 0, 0, 0 },                     /* nothing ever */
        { 3, 3, 0, 0 },                     /* 4 comes, or, sparse, 9 */
        { 3, 4, 4, 4 },
        { 3, 8, 4, 8 },
        { 0, 1, 1, 1 },
        { 5, 3, 0, 0 },                     /* it has it already */
        { LAST, LAST, 0, 0 },
        { 0, LAST, 1, LAST },
        { NGX_ESS_GAP_ANY, 0, 0, 0 },
        { NGX_ESS_GAP_ANY, LAST, 0, 0 },
    };

    expect(ngx_ess_gap, rows, sizeof(rows) / sizeof(rows[0]));
}


/* of a sparse stream with the events 2, 3, 7 and 9, of which 7 may be gone */

static void
test_sparse(void **state)
{
    uint64_t       have;
    ngx_uint_t     i;
    ngx_ess_gap_t  gap;

    static const struct {
        uint64_t  ordinal, after;
    } all[] = { { 2, 0 }, { 3, 2 }, { 7, 3 }, { 9, 7 } };

    have = 0;

    for (i = 0; i < 4; i++) {
        assert_false(ngx_ess_gap(&gap, have, all[i].after));
        have = all[i].ordinal;
    }

    assert_true(ngx_ess_gap(&gap, 3, all[3].after));
    assert_int_equal(gap.from, 4);
    assert_int_equal(gap.to, 7);

    /* who began after any of the holes misses no more */

    for (have = 4; have < 7; have++) {
        assert_true(ngx_ess_gap(&gap, have, all[3].after));
        assert_int_equal(gap.to, 7);
        assert_false(ngx_ess_gap(&gap, have, all[2].after));
    }

    assert_false(ngx_ess_gap(&gap, 8, all[3].after));
}


static void
test_loss(void **state)
{
    static const row_t  rows[] = {
        { 0, 0, 1, 0 },                     /* nobody knows how many */
        { 3, 3, 4, 3 },
        { 3, 5, 4, 5 },                     /* what is known is told of */
        { 5, 3, 0, 0 },
        { NGX_ESS_GAP_ANY, 3, 0, 0 },
    };

    expect(ngx_ess_gap_loss, rows, sizeof(rows) / sizeof(rows[0]));
}


static void
test_beyond(void **state)
{
    static const row_t  rows[] = {
        { 0, 0, 0, 0 },
        { 3, 3, 0, 0 },
        { 3, 9, 0, 0 },
        { 4, 3, 5, 3 },
        { 1000, 0, 1001, 0 },
    };

    expect(ngx_ess_gap_beyond, rows, sizeof(rows) / sizeof(rows[0]));
}


static void
test_open(void **state)
{
    ngx_ess_gap_t  gap;

    (void) ngx_ess_gap_loss(&gap, 3, 3);
    assert_true(ngx_ess_gap_is_open(&gap));

    (void) ngx_ess_gap_loss(&gap, 3, 4);
    assert_false(ngx_ess_gap_is_open(&gap));

    (void) ngx_ess_gap_beyond(&gap, 9, 4);
    assert_true(ngx_ess_gap_is_open(&gap));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_between),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
