/*
 * Unit tests of a worker's queues before a database: what goes together, what
 * waits, what is refused, and that the worker stays until all is answered.  The
 * database and its threads are the test.
 *
 * links: t/unit/ngx_timer.c t/unit/ngx_string.c
 * links: src/events/ngx_ess_event_log.c src/events/ngx_ess_event_log_hold.c
 * links: src/events/ngx_ess_event_log_query.c t/unit/quiet_event_log.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_event_log_notice.h"
#include "ngx_ess_escape.h"
#include "ngx_timer.h"


#define NGX_TEST_INSERTS  5000


static ngx_ess_event_log_t          elog, *elogs[1];
static ngx_array_t                  logs;
static ngx_cycle_t                  cycle;
static ngx_log_t                    ngx_test_log;
static ngx_thread_task_t           *tasks[8];
static ngx_uint_t                   ntasks;
static ngx_uint_t                   refuse;     /* no thread is free */
static ngx_uint_t                   handles;
static ngx_uint_t                   carried;    /* inserts of the last task */
static ngx_uint_t                   asked;      /* its queries */
static ngx_uint_t                   fail;       /* the query that does */
static ngx_uint_t                   answers, busy;
static ngx_uint_t                   more;       /* inserts by a handler */
static ngx_ess_event_log_event_t    event;
static ngx_ess_event_log_insert_t   inserts[NGX_TEST_INSERTS];
static ngx_ess_event_log_query_t    queries[NGX_TEST_INSERTS];

volatile ngx_cycle_t               *ngx_cycle = &cycle;
static ngx_time_t                   now;
volatile ngx_time_t                *ngx_cached_time = &now;
ngx_uint_t                          ngx_worker = 1;

static uint32_t                     crc32[16];
uint32_t                           *ngx_crc32_table_short = crc32;


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


u_char * ngx_cdecl
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    return buf + snprintf((char *) buf, max, "%s", fmt);
}


ngx_str_t *
ngx_ess_escape_bytes(ngx_ess_escaped_t *e, const void *data, size_t len)
{
    return NULL;
}


ngx_int_t
ngx_thread_task_post(ngx_thread_pool_t *tp, ngx_thread_task_t *task)
{
    if (refuse) {
        return NGX_ERROR;
    }

    assert_true(ntasks < 8);
    tasks[ntasks++] = task;

    return NGX_OK;
}


/* A thread carries the oldest task. */

static void
thread(void)
{
    ngx_thread_task_t  *task;

    assert_true(ntasks > 0);

    task = tasks[0];
    memmove(tasks, tasks + 1, --ntasks * sizeof(tasks[0]));

    task->handler(task->ctx, &ngx_test_log);
    task->event.handler(&task->event);

    ngx_unit_posted();
}


void
ngx_ess_event_log_figures_measured(ngx_ess_event_log_t *log, uint64_t n,
    uint64_t bytes)
{
    assert_int_equal(n, 7);
}


static ngx_int_t
engine_init(ngx_cycle_t *c, ngx_ess_event_log_t *log)
{
    return NGX_OK;
}


static void *
engine_create(ngx_ess_event_log_t *log, ngx_log_t *l)
{
    handles++;

    return malloc(1);
}


static void
engine_destroy(void *handle)
{
    handles--;
    free(handle);
}


static void
engine_insert(void *handle, ngx_ess_event_log_insert_t **list, ngx_uint_t n)
{
    ngx_uint_t  i;

    carried = n;

    for (i = 0; i < n; i++) {
        list[i]->rc = NGX_OK;
    }
}


static ngx_uint_t
engine_query(void *handle, ngx_ess_event_log_query_t **list, ngx_uint_t n)
{
    ngx_uint_t  i;

    asked = n;

    for (i = 0; i < n; i++) {

        if (fail && --fail == 0) {
            ngx_memcpy(list[i]->text, "why", 4);
            return i + 1;
        }

        list[i]->rc = NGX_OK;
    }

    return n;
}


static ngx_int_t
engine_retain(void *handle, int64_t now, u_char *text, size_t size)
{
    return NGX_OK;
}


static ngx_int_t
engine_measure(void *handle, uint64_t *n, uint64_t *bytes, u_char *text,
    size_t size)
{
    *n = 7;
    *bytes = 8;

    return NGX_OK;
}


static ngx_ess_event_log_engine_t  engine = {
    ngx_string("test"), ngx_null_string, 0, 0, NULL, engine_init,
    engine_create, engine_destroy, engine_insert, engine_query, engine_retain,
    engine_measure, NULL
};


static int
setup(void **state)
{
    ngx_unit_timer_init();

    memset(&elog, 0, sizeof(elog));
    elog.engine = &engine;
    engine.counts = 0;

    elogs[0] = &elog;
    logs.elts = elogs;
    logs.nelts = 1;

    cycle.log = &ngx_test_log;

    ntasks = 0;
    refuse = 0;
    answers = 0;
    busy = 0;
    more = 0;

    return ngx_ess_event_log_init_process(&cycle, &logs) == NGX_OK ? 0 : -1;
}


static int
teardown(void **state)
{
    ngx_ess_event_log_exit_process();

    return handles == 0 ? 0 : -1;
}


static void
inserted(ngx_ess_event_log_insert_t *insert)
{
    answers++;

    if (insert->rc == NGX_BUSY) {
        assert_true(insert->text[0] != '\0');
        busy++;
    }

    if (more) {
        more--;
        ngx_ess_event_log_insert(&elog, insert);
    }
}


static void
found(ngx_ess_event_log_query_t *query)
{
    answers++;
    busy += (query->rc == NGX_BUSY);

    ngx_ess_event_log_query_done(query);
}


static void
insert(ngx_uint_t i, size_t len)
{
    event.body.len = len;

    inserts[i].handler = inserted;
    inserts[i].events = &event;
    inserts[i].n = 1;

    ngx_ess_event_log_insert(&elog, &inserts[i]);
}


/* "from": events to leave out, which is not quick */

static void
ask(ngx_uint_t i, uint64_t from)
{
    ngx_memzero(&queries[i], sizeof(ngx_ess_event_log_query_t));
    queries[i].handler = found;
    queries[i].from = from;

    ngx_ess_event_log_query(&elog, &queries[i]);
}


static void
test_those_that_wait_go_together(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 10; i++) {
        insert(i, 10);
    }

    assert_int_equal(answers, 0);
    assert_int_equal(ntasks, 0);

    ngx_unit_posted();
    assert_int_equal(ntasks, 1);

    /* these wait until that task is done */

    insert(10, 10);
    insert(11, 10);
    ngx_unit_posted();
    assert_int_equal(ntasks, 1);
    assert_true(ngx_unit_pending() > 0);

    thread();
    assert_int_equal(carried, 10);
    assert_int_equal(answers, 10);

    thread();
    assert_int_equal(carried, 2);
    assert_int_equal(answers, 12);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_a_transaction_is_bounded(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 300; i++) {
        insert(i, 10);
    }

    ngx_unit_posted();
    thread();
    assert_int_equal(carried, 256);
    thread();
    assert_int_equal(carried, 44);

    /* one that is large goes alone */

    insert(0, 9 * 1024 * 1024);
    insert(1, 9 * 1024 * 1024);
    ngx_unit_posted();
    thread();
    assert_int_equal(carried, 1);
    thread();
    assert_int_equal(carried, 1);
    assert_int_equal(answers, 302);
    assert_int_equal(busy, 0);
}


static void
test_too_much_waits(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_TEST_INSERTS; i++) {
        insert(i, 10);
    }

    assert_int_equal(answers, 0);
    ngx_unit_posted();
    assert_int_equal(busy, NGX_TEST_INSERTS - 4096);

    while (ntasks) {
        thread();
    }

    assert_int_equal(answers, NGX_TEST_INSERTS);
    assert_int_equal(ngx_unit_pending(), 0);

    /* by their bytes */

    answers = 0;
    busy = 0;

    for (i = 0; i < 10; i++) {
        insert(i, 15 * 1024 * 1024);
    }

    ngx_unit_posted();
    assert_int_equal(busy, 6);

    while (ntasks) {
        thread();
    }

    assert_int_equal(answers, 10);
}


static void
test_no_thread(void **state)
{
    refuse = 1;

    insert(0, 10);
    ask(0, 0);
    assert_int_equal(answers, 0);
    ngx_unit_posted();
    assert_int_equal(answers, 2);
    assert_int_equal(busy, 2);
    assert_int_equal(ngx_unit_pending(), 0);

    refuse = 0;

    insert(0, 10);
    ngx_unit_posted();
    thread();
    assert_int_equal(answers, 3);
    assert_int_equal(busy, 2);
}


static void
test_a_handler_inserts(void **state)
{
    more = 2;

    insert(0, 10);
    ngx_unit_posted();
    thread();
    thread();
    thread();
    assert_int_equal(answers, 3);
    assert_int_equal(ntasks, 0);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_queries(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 5; i++) {
        ask(i, 0);
    }

    insert(0, 10);
    ngx_unit_posted();
    assert_int_equal(ntasks, 2);

    while (ntasks) {
        thread();
    }

    assert_int_equal(asked, 5);
    assert_int_equal(answers, 6);
    assert_int_equal(busy, 0);

    for (i = 0; i < 1030; i++) {
        ask(i, 0);
    }

    ngx_unit_posted();
    assert_int_equal(busy, 6);

    while (ntasks) {
        thread();
    }

    assert_int_equal(answers, 6 + 1030);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* Quick ones wait for those that are under way, and go together; a slow one
   does not keep them. */

static void
test_quick_queries_go_together(void **state)
{
    ngx_uint_t  i;

    ask(0, 0);
    ngx_unit_posted();
    assert_int_equal(ntasks, 1);

    for (i = 1; i < 10; i++) {
        ask(i, 0);
        ngx_unit_posted();
    }

    assert_int_equal(ntasks, 1);

    thread();
    assert_int_equal(answers, 1);
    assert_int_equal(ntasks, 1);

    thread();
    assert_int_equal(asked, 9);
    assert_int_equal(answers, 10);
    assert_int_equal(ntasks, 0);

    ask(0, 1);
    ngx_unit_posted();
    assert_int_equal(ntasks, 1);

    ask(1, 0);
    ngx_unit_posted();
    assert_int_equal(ntasks, 2);

    while (ntasks) {
        thread();
    }

    /* more than one task of them: they are many, or not quick after all */

    for (i = 0; i < 17; i++) {
        ask(i, 0);
        ngx_unit_posted();
    }

    assert_int_equal(ntasks, 2);

    while (ntasks) {
        thread();
    }

    assert_int_equal(answers, 12 + 17);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* A total goes with quick ones, unless the database counts for it. */

static void
test_totals(void **state)
{
    for (engine.counts = 0; engine.counts < 2; engine.counts++) {
        ask(0, 0);
        ask(1, 0);
        queries[0].has_total = 1;
        queries[1].has_total = 1;

        ngx_unit_posted();
        assert_int_equal(ntasks, 1 + engine.counts);

        while (ntasks) {
            thread();
        }
    }
}


/* The others are asked again, by themselves. */

static void
test_a_query_that_fails(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 5; i++) {
        ask(i, 0);
    }

    fail = 3;
    ngx_unit_posted();
    thread();
    assert_int_equal(answers, 3);
    assert_int_equal(busy, 1);

    thread();
    assert_int_equal(asked, 2);
    assert_int_equal(answers, 5);
    assert_int_equal(busy, 1);
    assert_int_equal(ntasks, 0);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* by whom many wait */

static void
test_a_query_that_goes_ahead(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 1025; i++) {
        ngx_memzero(&queries[i], sizeof(ngx_ess_event_log_query_t));
        queries[i].handler = found;
        queries[i].from = 1;
        queries[i].ahead = (i == 1024);
        ngx_ess_event_log_query(&elog, &queries[i]);
    }

    ngx_unit_posted();
    assert_int_equal(busy, 0);
    assert_int_equal(ntasks, 2);

    /* the first of all: what is not waiting was begun */

    assert_false(queries[1024].waiting);
    assert_false(queries[0].waiting);
    assert_true(queries[1].waiting);

    while (ntasks) {
        thread();
    }

    assert_int_equal(answers, 1025);
    assert_int_equal(ngx_unit_pending(), 0);
}


/* what waits leaves the queue, what is under way is answered */

static void
test_queries_that_are_canceled(void **state)
{
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {
        ask(i, 1);
    }

    ngx_unit_posted();
    assert_int_equal(ntasks, 2);

    for (i = 0; i < 4; i++) {
        assert_int_equal(ngx_ess_event_log_query_cancel(&elog, &queries[i]),
                         i < 2 ? NGX_BUSY : NGX_OK);
    }

    assert_int_equal(ngx_ess_event_log_query_cancel(&elog, &queries[3]),
                     NGX_BUSY);

    thread();
    thread();
    assert_int_equal(ntasks, 0);
    assert_int_equal(answers, 2);
    assert_int_equal(ngx_unit_pending(), 0);
}


static void
test_upkeep(void **state)
{
    ngx_ess_event_log_exit_process();

    ngx_worker = 0;
    elog.keep = 1;
    assert_int_equal(ngx_ess_event_log_init_process(&cycle, &logs), NGX_OK);
    ngx_worker = 1;

    ngx_unit_pass(60);
    assert_int_equal(ntasks, 1);

    insert(0, 10);
    ngx_unit_posted();
    assert_int_equal(ntasks, 1);

    thread();
    assert_int_equal(ntasks, 1);
    thread();
    assert_int_equal(answers, 1);

    ngx_unit_pass(5100);
    assert_int_equal(ntasks, 1);
    thread();
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_those_that_wait_go_together),
        TEST(test_a_transaction_is_bounded),
        TEST(test_too_much_waits),
        TEST(test_no_thread),
        TEST(test_a_handler_inserts),
        TEST(test_queries),
        TEST(test_quick_queries_go_together),
        TEST(test_totals),
        TEST(test_a_query_that_fails),
        TEST(test_a_query_that_goes_ahead),
        TEST(test_queries_that_are_canceled),
        TEST(test_upkeep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
