/*
 * Cells of subscriptions: that they are used again; tables of them, beside a
 * simple model; and the heap that merges the keys of a stream.
 *
 * links: src/client/ngx_ess_multi_cell.c t/unit/ngx_str_rbtree.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_random.h"
#include "ngx_ess_multi_cell.h"


#define TEST_STREAMS  40
#define TEST_KEYS     12                    /* and the stream as a whole */
#define TEST_STEPS    40000
#define TEST_CELLS    2000                  /* several blocks */
#define TEST_SUBS     300


/* lanes, each with room for its key behind it */

typedef struct {
    ngx_ess_lane_t         lane;
    u_char                 key[8];
} test_lane_t;


static ngx_uint_t             test_fail;    /* the nth allocation from now */
static ngx_uint_t             test_failed;

static ngx_ess_feed_t         test_feeds[TEST_STREAMS];
static test_lane_t            test_lanes[TEST_STREAMS][TEST_KEYS + 1];
static ngx_ess_multi_cell_t  *test_model[TEST_STREAMS][TEST_KEYS + 1];
static ngx_ess_frame_t        test_frames[TEST_SUBS];
static ngx_ess_subscriber_t   test_subs[TEST_SUBS];


static ngx_uint_t
test_fails(void)
{
    if (test_fail && --test_fail == 0) {
        test_failed = 1;
        return 1;
    }

    return 0;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return test_fails() ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return test_fails() ? NULL : calloc(1, size);
}


void *
ngx_memalign(size_t alignment, size_t size, ngx_log_t *log)
{
    void  *p;

    if (test_fails() || posix_memalign(&p, alignment, size) != 0) {
        return NULL;
    }

    return p;
}


uint32_t
ngx_ess_lane_hash(u_char *key, size_t len)
{
    return (uint32_t) ngx_murmur_hash2(key, len);
}


static int
test_setup(void **state)
{
    ngx_uint_t    s, k;
    test_lane_t  *lane;

    test_fail = 0;
    test_failed = 0;

    memset(test_model, 0, sizeof(test_model));

    for (s = 0; s < TEST_STREAMS; s++) {
        test_feeds[s].ref.id = s + 1;

        for (k = 0; k <= TEST_KEYS; k++) {
            lane = &test_lanes[s][k];

            lane->lane.feed = &test_feeds[s];
            lane->lane.key_len = k ? (uint32_t) sprintf((char *) lane->key,
                                                        "k%lu", k)
                                   : 0;

            assert_ptr_equal(ngx_ess_lane_key(&lane->lane), lane->key);
        }
    }

    return 0;
}


/* Each has a number and memory of its own, and is zeroed; blocks stay. */

static void
test_cells(void **state)
{
    ngx_uint_t             i, n;
    uint32_t               highest;
    ngx_ess_multi_cell_t  *cells[TEST_CELLS], zero;

    memset(&zero, 0, sizeof(zero));

    for (n = 0; n < 3; n++) {
        highest = 0;

        for (i = 0; i < TEST_CELLS; i++) {
            cells[i] = ngx_ess_multi_cell_create(NULL);

            assert_non_null(cells[i]);
            assert_memory_equal(cells[i], &zero, sizeof(zero));
            assert_int_equal((uintptr_t) cells[i] % sizeof(zero), 0);

            memset(cells[i], 0xff, sizeof(zero));
        }

        assert_int_equal(ngx_ess_multi_cells(), TEST_CELLS);

        for (i = 0; i < TEST_CELLS; i++) {
            highest = ngx_max(highest, ngx_ess_multi_cell_number(cells[i]));

            assert_int_not_equal(ngx_ess_multi_cell_number(cells[i]), 0);
            assert_ptr_equal(ngx_ess_multi_cell(
                                        ngx_ess_multi_cell_number(cells[i])),
                             cells[i]);
        }

        /* 511 in a block */
        assert_in_range(highest, TEST_CELLS, 2048 - 1);

        for (i = 0; i < TEST_CELLS; i++) {
            ngx_ess_multi_cell_free(cells[(i * 7) % TEST_CELLS]);
        }

        assert_int_equal(ngx_ess_multi_cells(), 0);
    }
}


/* Whatever fails, the cells that there are stay right. */

static void
test_cells_without_memory(void **state)
{
    ngx_uint_t             n, fail, blocks;
    ngx_ess_multi_cell_t  *cell, *first;

    first = NULL;
    n = 0;

    for (fail = 1; fail <= 2; fail++) {
        test_fail = fail;
        test_failed = 0;

        while ((cell = ngx_ess_multi_cell_create(NULL)) != NULL) {
            cell->sub.client = (ngx_ess_client_t *) first;
            first = cell;
            n++;

            assert_in_range(n, 1, 100000);
        }

        assert_true(test_failed);
        assert_int_equal(ngx_ess_multi_cells(), n);
    }

    /* with the 17th block their list grows, which may fail, too, and the 33rd
       is in a further slab */

    for (blocks = 16; blocks <= 32; blocks += 16) {
        test_fail = 0;

        while (n % 511 || n / 511 != blocks) {
            cell = ngx_ess_multi_cell_create(NULL);
            assert_non_null(cell);

            cell->sub.client = (ngx_ess_client_t *) first;
            first = cell;
            n++;
        }

        test_fail = 1;
        assert_null(ngx_ess_multi_cell_create(NULL));
        assert_int_equal(ngx_ess_multi_cells(), n);

        cell = ngx_ess_multi_cell_create(NULL);
        assert_non_null(cell);
        ngx_ess_multi_cell_free(cell);
    }

    for ( /* void */ ; first; first = cell, n--) {
        cell = (ngx_ess_multi_cell_t *) first->sub.client;
        ngx_ess_multi_cell_free(first);
    }

    assert_int_equal(n, 0);
    assert_int_equal(ngx_ess_multi_cells(), 0);
}


static ngx_str_t
test_key(ngx_uint_t s, ngx_uint_t k)
{
    ngx_str_t  key;

    ngx_ess_multi_lane_key(&test_lanes[s][k].lane, &key);

    return key;
}


static ngx_ess_multi_cell_t *
test_find(ngx_ess_multi_table_t *table, ngx_uint_t s, ngx_uint_t k)
{
    ngx_str_t  key;

    key = test_key(s, k);

    return ngx_ess_multi_table_find(table, s + 1, k ? &key : NULL);
}


/* A key, a whole stream, or in its place a group. */

static ngx_ess_multi_cell_t *
test_cell(ngx_uint_t s, ngx_uint_t k)
{
    ngx_ess_multi_cell_t  *cell;

    cell = ngx_ess_multi_cell_create(NULL);
    assert_non_null(cell);

    if (k == 0 && s % 2) {
        cell->group.id = s + 1;
        cell->group.group = 1;

    } else {
        cell->sub.lane = &test_lanes[s][k].lane;
        cell->sub.keyed = (k != 0);
    }

    return cell;
}


static void
test_table_is_model(ngx_ess_multi_table_t *table)
{
    ngx_str_t   key;
    ngx_uint_t  s, k, n;

    n = 0;

    for (s = 0; s < TEST_STREAMS; s++) {
        for (k = 0; k <= TEST_KEYS; k++) {
            assert_ptr_equal(test_find(table, s, k), test_model[s][k]);
            n += (test_model[s][k] != NULL);
        }

        /* the empty key is one, and not the whole stream */
        ngx_str_set(&key, "");
        assert_null(ngx_ess_multi_table_find(table, s + 1, &key));

        ngx_str_set(&key, "k");
        assert_null(ngx_ess_multi_table_find(table, s + 1, &key));
    }

    assert_int_equal(table->n, n);
    assert_int_equal(ngx_ess_multi_cells(), n);
    assert_true(table->n <= table->mask + 1);
}


static void
test_table_all_go(ngx_ess_multi_table_t *table)
{
    uint32_t               bucket, n;
    ngx_ess_multi_cell_t  *cell;

    for (n = table->n; n; n--) {
        assert_int_equal(table->n, n);

        cell = ngx_ess_multi_table_next(table, &bucket, NULL);
        ngx_ess_multi_table_remove(table, cell);
        ngx_ess_multi_cell_free(cell);
    }

    assert_int_equal(table->n, 0);
    assert_int_equal(ngx_ess_multi_cells(), 0);

    ngx_ess_multi_table_free(table);
    assert_null(table->buckets);
}


static void
test_table(void **state)
{
    ngx_uint_t               i, s, k, grows;
    ngx_ess_multi_cell_t   **model;
    ngx_ess_multi_table_t    table;

    memset(&table, 0, sizeof(table));

    for (i = 0; i < TEST_STEPS; i++) {
        s = random_below(TEST_STREAMS);
        k = random_below(TEST_KEYS + 1);
        model = &test_model[s][k];

        /* by turns it grows, and gets empty */
        grows = (i % 10000 < 6000);

        assert_ptr_equal(test_find(&table, s, k), *model);

        if (*model && random_below(4) >= 3 * grows) {
            ngx_ess_multi_table_remove(&table, *model);
            ngx_ess_multi_cell_free(*model);
            *model = NULL;

        } else if (*model == NULL && random_below(4) < 1 + 2 * grows) {
            *model = test_cell(s, k);
            assert_int_equal(ngx_ess_multi_table_add(&table, *model, NULL),
                             NGX_OK);
        }

        if (i % 500 == 0) {
            test_table_is_model(&table);
        }
    }

    test_table_is_model(&table);
    test_table_all_go(&table);
}


/* Only the first buckets are needed: without further ones it is slower. */

static void
test_table_without_memory(void **state)
{
    ngx_uint_t              s, k;
    ngx_ess_multi_table_t   table;

    memset(&table, 0, sizeof(table));

    test_model[0][0] = test_cell(0, 0);

    test_fail = 1;
    assert_int_equal(ngx_ess_multi_table_add(&table, test_model[0][0], NULL),
                     NGX_ERROR);
    assert_int_equal(table.n, 0);
    assert_null(test_find(&table, 0, 0));

    assert_int_equal(ngx_ess_multi_table_add(&table, test_model[0][0], NULL),
                     NGX_OK);

    for (s = 0; s < TEST_STREAMS; s++) {
        for (k = 1; k <= TEST_KEYS; k++) {
            test_model[s][k] = test_cell(s, k);

            test_fail = (s < 20);
            assert_int_equal(ngx_ess_multi_table_add(&table,
                                                     test_model[s][k], NULL),
                             NGX_OK);
            test_fail = 0;

            assert_ptr_equal(test_find(&table, s, k), test_model[s][k]);
        }
    }

    for (s = 0; s < TEST_STREAMS; s++) {
        for (k = 0; k <= TEST_KEYS; k++) {
            assert_ptr_equal(test_find(&table, s, k), test_model[s][k]);
        }
    }

    test_table_all_go(&table);
}


static size_t
test_measure(ngx_ess_subscriber_t *sub, void *data)
{
    ++*(ngx_uint_t *) data;

    return (size_t) sub->frame->seq;
}


static void
test_heap_is(ngx_ess_subscriber_t *heap, ngx_uint_t *in)
{
    size_t                 sum;
    ngx_uint_t             i, n, seen;
    ngx_ess_subscriber_t  *least;

    least = NULL;
    sum = 0;
    n = 0;
    seen = 0;

    for (i = 0; i < TEST_SUBS; i++) {

        if (!in[i]) {
            assert_int_equal(test_subs[i].seq, 0);
            assert_int_equal(test_subs[i].have, 0);
            assert_ptr_equal(test_subs[i].queue.next, &test_subs[i].queue);
            continue;
        }

        sum += (size_t) test_frames[i].seq;
        n++;

        if (least == NULL || test_frames[i].seq < least->frame->seq) {
            least = &test_subs[i];
        }
    }

    assert_ptr_equal(heap, least);
    assert_int_equal(ngx_ess_multi_heap_sum(heap, test_measure, &seen), sum);
    assert_int_equal(seen, n);
}


/* The oldest one is on top, whatever was removed. */

static void
test_heap(void **state)
{
    uint64_t               seq;
    ngx_uint_t             i, j, in[TEST_SUBS];
    ngx_ess_subscriber_t  *heap, *top;

    memset(in, 0, sizeof(in));
    heap = NULL;

    for (i = 0; i < TEST_SUBS; i++) {
        /* each has its own: 1009 is prime */
        test_frames[i].seq = 1 + (i * 611) % 1009;
        test_subs[i].frame = &test_frames[i];
        ngx_queue_init(&test_subs[i].queue);
    }

    for (j = 0; j < 20000; j++) {
        i = random_below(TEST_SUBS);

        if (!in[i]) {

            if (random_below(10) < (j % 4000 < 2000 ? 9u : 4u)) {
                heap = ngx_ess_multi_heap_merge(heap, &test_subs[i]);
                in[i] = 1;
            }

        } else if (random_below(3)) {
            top = heap;
            heap = ngx_ess_multi_heap_pop(heap);
            in[top - test_subs] = 0;

        } else {
            heap = ngx_ess_multi_heap_remove(heap, &test_subs[i]);
            in[i] = 0;
        }

        if (j % 16 == 0) {
            test_heap_is(heap, in);
        }
    }

    for (seq = 0; heap; seq = top->frame->seq) {
        top = heap;
        heap = ngx_ess_multi_heap_pop(heap);

        in[top - test_subs] = 0;
        assert_true(top->frame->seq > seq);
    }

    test_heap_is(NULL, in);
}


/* Replays of a stream's keys, whose lanes have none. */

static void
test_replays(void **state)
{
    ngx_str_t               key;
    ngx_uint_t              i, n;
    ngx_ess_multi_cell_t   *cell;
    ngx_ess_multi_table_t   table;

    memset(&table, 0, sizeof(table));
    assert_null(ngx_ess_multi_table_replay(&table, 1, NULL));

    for (i = 0; i < 3 * TEST_KEYS; i++) {
        cell = test_cell(i % 3, 1 + i / 3);
        assert_int_equal(ngx_ess_multi_table_add(&table, cell, NULL), NGX_OK);

        cell = test_cell(2 * (i % 3), 0);
        cell->sub.keyed = 1;
        assert_int_equal(ngx_ess_multi_table_add(&table, cell, NULL), NGX_OK);
    }

    for (n = 0, cell = NULL;
         (cell = ngx_ess_multi_table_replay(&table, 3, cell)) != NULL;
         n++)
    {
        assert_int_equal(cell->sub.lane->feed->ref.id, 3);
        assert_int_equal(cell->sub.lane->key_len, 0);
    }

    assert_int_equal(n, TEST_KEYS);
    assert_null(ngx_ess_multi_table_replay(&table, 2, NULL));

    ngx_str_set(&key, "");
    assert_non_null(ngx_ess_multi_table_find(&table, 1, &key));

    test_table_all_go(&table);
}


/* A replay that has read all there is, of a client whose other keys have
   frames. */

static void
test_heap_without_frame(void **state)
{
    ngx_ess_subscriber_t  *heap;

    test_frames[0].seq = 7;
    test_subs[0].frame = &test_frames[0];
    test_subs[1].frame = NULL;

    heap = ngx_ess_multi_heap_merge(&test_subs[0], &test_subs[1]);
    assert_ptr_equal(heap, &test_subs[1]);

    heap = ngx_ess_multi_heap_pop(heap);
    assert_ptr_equal(heap, &test_subs[0]);

    heap = ngx_ess_multi_heap_merge(&test_subs[1], heap);
    assert_ptr_equal(ngx_ess_multi_heap_pop(heap), &test_subs[0]);
    assert_null(ngx_ess_multi_heap_pop(&test_subs[0]));
}


/* Both orders in which all come at once. */

static void
test_heap_in_order(void **state)
{
    ngx_uint_t             i, n, down, in[TEST_SUBS];
    ngx_ess_subscriber_t  *heap;

    for (down = 0; down < 2; down++) {
        heap = NULL;

        for (i = 0; i < TEST_SUBS; i++) {
            n = down ? TEST_SUBS - 1 - i : i;
            in[n] = 1;

            test_frames[n].seq = n + 1;
            test_subs[n].frame = &test_frames[n];

            heap = ngx_ess_multi_heap_merge(heap, &test_subs[n]);
        }

        test_heap_is(heap, in);

        for (i = 0; i < TEST_SUBS; i++) {
            assert_ptr_equal(heap, &test_subs[i]);
            heap = ngx_ess_multi_heap_pop(heap);
            in[i] = 0;
            test_heap_is(heap, in);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_cells_without_memory, test_setup),
        cmocka_unit_test_setup(test_cells, test_setup),
        cmocka_unit_test_setup(test_table, test_setup),
        cmocka_unit_test_setup(test_table_without_memory, test_setup),
        cmocka_unit_test_setup(test_replays, test_setup),
        cmocka_unit_test_setup(test_heap, test_setup),
        cmocka_unit_test_setup(test_heap_without_frame, test_setup),
        cmocka_unit_test_setup(test_heap_in_order, test_setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
