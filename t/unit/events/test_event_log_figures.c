/*
 * Figures of event logs: rows that are kept over reloads and used again, what
 * is counted as what, and which log is in trouble.
 *
 * links: src/events/ngx_ess_event_log_figures.c src/ngx_ess_escape.c
 * links: src/ngx_ess_trouble.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "ngx_ess_event_log_figures.h"


#define LOGS   100
#define CYCLES 64


ngx_pid_t              ngx_pid = 1;
ngx_uint_t             ngx_pagesize = 4096;
volatile ngx_msec_t    ngx_current_msec = 1000000;
volatile ngx_time_t   *ngx_cached_time;

static ngx_time_t            now = { 1700000000, 0, 0 };
static ngx_shm_zone_t        zone;
static size_t                zone_size;     /* of the last cycle */
static ngx_ess_event_log_t   logs[LOGS], *all[LOGS];
static ngx_array_t           array;
static ngx_uint_t            locked;
static void                 *blocks[CYCLES];
static ngx_uint_t            nblocks;
static ngx_ess_event_log_figures_sums_t  sums;

static const ngx_ess_event_log_engine_t  engine = {
    .name = ngx_string("sqlite")
};


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    assert_true(nblocks < CYCLES);

    blocks[nblocks] = calloc(1, size);
    assert_non_null(blocks[nblocks]);

    return blocks[nblocks++];
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    assert_true(sizeof(ngx_slab_pool_t) + 64 + size <= zone.shm.size);

    return (u_char *) pool + ngx_align(sizeof(ngx_slab_pool_t), 64);
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    zone.shm.size = size;

    return &zone;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    assert_int_equal(locked++, 0);
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    assert_int_equal(locked--, 1);
}


void
ngx_gmtime(time_t t, ngx_tm_t *tp)
{
    gmtime_r(&t, tp);
    tp->ngx_tm_year += 1900;
    tp->ngx_tm_mon++;
}


/* A cycle with these logs, and the memory of the last one if it may be. */

static void
cycle(ngx_uint_t n, const char *const *names)
{
    void        *old;
    ngx_uint_t   i;
    ngx_conf_t   cf;

    memset(logs, 0, sizeof(logs));
    memset(&cf, 0, sizeof(cf));

    for (i = 0; i < n; i++) {
        logs[i].name.data = (u_char *) names[i];
        logs[i].name.len = strlen(names[i]);
        logs[i].engine = &engine;
        all[i] = &logs[i];
    }

    array.elts = all;
    array.nelts = n;

    old = zone.shm.addr ? zone.data : NULL;

    assert_int_equal(ngx_ess_event_log_figures_add(&cf, &array), NGX_OK);

    if (old == NULL || zone.shm.size != zone_size) {
        free(zone.shm.addr);
        zone.shm.addr = calloc(1, zone.shm.size);
        assert_non_null(zone.shm.addr);

        zone_size = zone.shm.size;
        old = NULL;
    }

    assert_int_equal(zone.init(&zone, old), NGX_OK);

    for (i = 0; i < n; i++) {
        assert_non_null(logs[i].figures);
        assert_non_null(logs[i].lock);
    }
}


static uint64_t
invalid(ngx_uint_t i)
{
    ngx_ess_event_log_figures_sums(&logs[i], &sums);

    return sums.results[NGX_ESS_EVENT_LOG_FIGURES_INVALID];
}


static int
setup(void **state)
{
    static const char *const  names[] = { "a", "b" };

    ngx_cached_time = &now;
    now.sec = 1700000000;
    memset(&zone, 0, sizeof(zone));

    cycle(2, names);

    return 0;
}


static int
teardown(void **state)
{
    free(zone.shm.addr);

    while (nblocks) {
        free(blocks[--nblocks]);
    }

    return 0;
}


static void
test_rows_are_kept(void **state)
{
    char        name[LOGS][8];
    ngx_uint_t  i, k;

    static const char *const  other[] = { "c", "b" };
    static const char *const  back[] = { "a", "c", "ab" };
    static const char        *many[LOGS];

    ngx_ess_event_log_figures_invalid(&logs[0], 1);
    ngx_ess_event_log_figures_invalid(&logs[1], 2);

    cycle(2, other);
    assert_int_equal(invalid(0), 0);
    assert_int_equal(invalid(1), 2);

    cycle(3, back);
    assert_int_equal(invalid(0), 1);
    assert_int_equal(invalid(1), 0);
    assert_int_equal(invalid(2), 0);

    /* other names at each reload: rows are found for them for ever, and none
       is two logs' */

    for (k = 0; k < 20; k++) {

        for (i = 0; i < 8; i++) {
            sprintf(name[i], "l%d-%d", (int) i, i ? (int) k : 0);
            many[i] = name[i];
        }

        cycle(8, many);

        for (i = 0; i < 8; i++) {
            assert_int_equal(invalid(i), i ? 0 : k);
            ngx_ess_event_log_figures_invalid(&logs[i], 1);
            assert_int_equal(invalid(i), i ? 1 : k + 1);
        }
    }

    /* another size: all begins anew */

    for (i = 0; i < LOGS; i++) {
        sprintf(name[i], "n%d", (int) i);
        many[i] = name[i];
    }

    many[0] = "l0-0";
    cycle(LOGS, many);

    for (i = 0; i < LOGS; i++) {
        assert_int_equal(invalid(i), 0);
        ngx_ess_event_log_figures_invalid(&logs[i], i + 1);
    }

    for (i = 0; i < LOGS; i++) {
        assert_int_equal(invalid(i), i + 1);
    }
}


static void
test_results(void **state)
{
    ngx_uint_t                  i;
    ngx_ess_event_log_event_t   events[5];
    ngx_ess_event_log_insert_t  insert;

    static const ngx_ess_event_log_result_e  results[] = {
        NGX_ESS_EVENT_LOG_STORED, NGX_ESS_EVENT_LOG_STORED,
        NGX_ESS_EVENT_LOG_SAME, NGX_ESS_EVENT_LOG_OTHER,
        NGX_ESS_EVENT_LOG_REFUSED
    };

    memset(events, 0, sizeof(events));
    memset(&insert, 0, sizeof(insert));

    for (i = 0; i < 5; i++) {
        events[i].result = results[i];
    }

    insert.events = events;
    insert.n = 5;
    insert.start = ngx_current_msec;

    insert.rc = NGX_OK;
    ngx_ess_event_log_figures_insert(&logs[0], &insert);

    /* all or none: what would have been stored was not */

    insert.rc = NGX_DECLINED;
    ngx_ess_event_log_figures_insert(&logs[0], &insert);

    insert.rc = NGX_BUSY;
    ngx_ess_event_log_figures_insert(&logs[0], &insert);

    ngx_ess_event_log_figures_sums(&logs[0], &sums);

    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_STORED], 2);
    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_UNDONE], 2);
    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_SAME], 2);
    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_DUPLICATE], 2);
    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_INVALID], 2);
    assert_int_equal(sums.results[NGX_ESS_EVENT_LOG_FIGURES_UNAVAILABLE], 5);
    assert_int_equal(sums.inserts[0], 3);
    assert_int_equal(sums.measured, 0);

    ngx_ess_event_log_figures_measured(&logs[0], 7, 4096);
    ngx_ess_event_log_figures_sums(&logs[0], &sums);

    assert_int_equal(sums.measured, 1);
    assert_int_equal(sums.events, 7);
    assert_int_equal(sums.bytes, 4096);
}


/* Each bound is in its bucket, and what is beyond the last one in the last. */

static void
test_times(void **state)
{
    uint64_t                   sum;
    ngx_uint_t                 i;
    ngx_ess_event_log_query_t  query;

    memset(&query, 0, sizeof(query));
    sum = 0;

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1; i++) {
        query.start = ngx_current_msec - ngx_ess_event_log_figures_times[i];
        ngx_ess_event_log_figures_query(&logs[1], &query);

        query.start--;
        ngx_ess_event_log_figures_query(&logs[1], &query);

        sum += 2 * ngx_ess_event_log_figures_times[i] + 1;
    }

    ngx_ess_event_log_figures_sums(&logs[1], &sums);

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_TIMES; i++) {
        assert_int_equal(sums.queries[i],
                         (i == 0 || i == NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1)
                         ? 1 : 2);
    }

    assert_int_equal(sums.queries[NGX_ESS_EVENT_LOG_FIGURES_TIMES], sum);
    assert_int_equal(sums.inserts[NGX_ESS_EVENT_LOG_FIGURES_TIMES], 0);
}


static const char *
healthy(void)
{
    ngx_int_t  rc;
    ngx_str_t  why;

    static u_char  buf[NGX_ESS_EVENT_LOG_FIGURES_WHY + 1];

    rc = ngx_ess_event_log_figures_healthy(&array, buf, &why);

    if (rc == NGX_OK) {
        return "";
    }

    assert_int_equal(rc, NGX_DECLINED);
    assert_true(why.len < sizeof(buf));
    why.data[why.len] = '\0';

    return (char *) why.data;
}


static void
test_trouble(void **state)
{
    u_char  text[NGX_ESS_EVENT_LOG_FIGURES_WHY * 2];

    assert_string_equal(healthy(), "");

    /* a restart of a database is no trouble yet */

    ngx_ess_event_log_figures_failed(&logs[1], (u_char *) "disk\nfull");
    now.sec += 2;
    assert_string_equal(healthy(), "");

    now.sec += 1;
    assert_ptr_equal(strstr(healthy(), "event log \"b\" has no database: "
                                       "sqlite: disk.full, since 2023"),
                     healthy());

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';

    ngx_ess_event_log_figures_failed(&logs[0], text);
    now.sec += 3;
    assert_non_null(strstr(healthy(), "event log \"a\" and 1 more have no "
                                      "database: sqlite: xxx"));

    ngx_ess_event_log_figures_well(&logs[0]);
    assert_non_null(strstr(healthy(), "event log \"b\" has"));
    ngx_ess_event_log_figures_well(&logs[1]);
    ngx_ess_event_log_figures_well(&logs[1]);
    assert_string_equal(healthy(), "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
