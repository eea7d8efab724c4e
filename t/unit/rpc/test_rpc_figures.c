/*
 * Figures of RPC over several processes: sums that are exact, rows that are
 * kept over reloads, workers that are killed, what is said of health.
 *
 * links: src/rpc/ngx_ess_rpc_figures.c src/rpc/ngx_ess_rpc_memory.c
 * links: src/rpc/ngx_ess_rpc_report.c src/ngx_ess_escape.c
 * links: t/unit/ngx_string.c src/ngx_ess_trouble.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ngx_ess_consume_conf.h"
#include "ngx_ess_rpc_memory.h"
#include "ngx_ess_rpc_report.h"


#define WORKERS  4
#define EACH     50000
#define READER   9                          /* process slot of this one */


ngx_pid_t              ngx_pid;
ngx_int_t              ngx_process_slot;
ngx_process_t          ngx_processes[NGX_MAX_PROCESSES];
ngx_uint_t             ngx_pagesize = 4096;
volatile ngx_msec_t    ngx_current_msec = 1000000;
volatile ngx_time_t   *ngx_cached_time;


static ngx_shm_zone_t                  test_zone;
static ngx_time_t                      test_time = { 1700000000, 0, 0 };
static ngx_ess_consume_conf_queue_t    test_queue[200];
static ngx_array_t                     test_queues;
static ngx_conf_t                      test_cf;
static ngx_log_t                       test_log;
static ngx_ess_rpc_figures_t          *test_figures;
static u_char                          test_buf[NGX_ESS_RPC_REPORT_WHY + 1];
static size_t                          test_room;   /* of the last zone */


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    static uint64_t    room[1024];          /* for all configurations */
    static ngx_uint_t  used;

    used += (size + 7) / 8;
    assert_true(used <= 1024);

    return &room[used - (size + 7) / 8];
}


void *
ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    assert_true(sizeof(ngx_slab_pool_t) + size <= test_zone.shm.size);

    return (u_char *) pool + ngx_align(sizeof(ngx_slab_pool_t), 64);
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    test_zone.shm.size = size;

    return &test_zone;
}


void
ngx_gmtime(time_t t, ngx_tm_t *tp)
{
    gmtime_r(&t, tp);
    tp->ngx_tm_year += 1900;
    tp->ngx_tm_mon++;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


/* A cycle with these queues, and the memory of the last one if it may be. */

static void
cycle(ngx_uint_t n, const char **names)
{
    ngx_uint_t              i;
    ngx_ess_rpc_figures_t  *old;

    memset(test_queue, 0, sizeof(test_queue));

    for (i = 0; i < n; i++) {
        test_queue[i].name.data = (u_char *) names[i];
        test_queue[i].name.len = strlen(names[i]);
    }

    test_queues.elts = test_queue;
    test_queues.nelts = n;
    test_cf.log = &test_log;

    old = test_figures;

    test_figures = ngx_ess_rpc_memory_add(&test_cf, &test_queues, 2);
    assert_non_null(test_figures);

    if (old == NULL || test_zone.shm.size != test_room) {
        test_zone.shm.addr = mmap(NULL, test_zone.shm.size,
                                  PROT_READ|PROT_WRITE,
                                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
        assert_true(test_zone.shm.addr != MAP_FAILED);

        old = NULL;
        test_room = test_zone.shm.size;
    }

    assert_int_equal(test_zone.init(&test_zone, old), NGX_OK);
}


static int
setup(void **state)
{
    static const char  *names[] = { "a", "b" };

    ngx_cached_time = &test_time;
    ngx_pid = getpid();
    ngx_process_slot = READER;
    test_figures = NULL;

    cycle(2, names);
    ngx_ess_rpc_figures_init_process(test_figures);

    return 0;
}


typedef struct {
    pid_t  pid;
    int    ready;                           /* a byte comes when it is */
} worker_t;


/* A process in a slot, which works and then waits to be killed. */

static worker_t
worker(ngx_int_t slot, void (*work)(void))
{
    int       fds[2];
    char      c;
    worker_t  w;

    assert_int_equal(pipe(fds), 0);

    w.pid = fork();
    assert_true(w.pid != -1);

    if (w.pid == 0) {
        ngx_pid = getpid();
        ngx_process_slot = slot;
        ngx_ess_rpc_figures_init_process(test_figures);
        work();

        if (write(fds[1], "x", 1) == 1) {
            pause();
        }

        _exit(1);
    }

    ngx_processes[slot].pid = w.pid;
    ngx_processes[slot].channel[0] = 0;

    assert_int_equal(read(fds[0], &c, 1), 1);
    close(fds[0]);
    close(fds[1]);

    return w;
}


static void
killed(worker_t *w)
{
    kill(w->pid, SIGKILL);
    assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
}


static uint64_t
outcome(ngx_uint_t i, ngx_ess_consume_outcome_e o)
{
    return ngx_ess_rpc_report_outcome(test_figures, i, o);
}


static ngx_uint_t
consumers(ngx_uint_t i)
{
    return ngx_ess_rpc_report_consumers(test_figures, i);
}


/* NULL: it is well */

static const char *
unhealthy(void)
{
    ngx_str_t  why;

    if (ngx_ess_rpc_report_healthy(test_figures, test_buf, &why) == NGX_OK) {
        return NULL;
    }

    assert_true(why.data == test_buf && why.len < sizeof(test_buf));
    test_buf[why.len] = '\0';

    return (char *) test_buf;
}


/* Behind it is a date, which nginx's own ngx_slprintf() writes. */

static void
begins(const void *said, const char *text)
{
    assert_non_null(said);

    if (strncmp(said, text, strlen(text)) != 0) {
        fail_msg("%s", (char *) said);
    }
}


static void
count(void)
{
    ngx_uint_t  i;

    for (i = 0; i < EACH; i++) {
        ngx_ess_rpc_figures_message(i % 2, NGX_ESS_CONSUME_ACK);
        ngx_ess_rpc_figures_message_time(3);
        ngx_ess_rpc_figures_call(NGX_ESS_CALL_REPLY);
        ngx_ess_rpc_figures_call_time(70000);
    }
}


static void
test_sums_are_exact(void **state)
{
    int                          i;
    worker_t                     w[WORKERS];
    ngx_ess_rpc_report_totals_t  t;

    for (i = 0; i < WORKERS; i++) {
        w[i] = worker(i, count);
    }

    for (i = 0; i < WORKERS; i++) {
        killed(&w[i]);
    }

    ngx_ess_rpc_report_totals(test_figures, &t);

    assert_int_equal(outcome(0, NGX_ESS_CONSUME_ACK), WORKERS * EACH / 2);
    assert_int_equal(outcome(1, NGX_ESS_CONSUME_ACK), WORKERS * EACH / 2);
    assert_int_equal(outcome(0, NGX_ESS_CONSUME_DEAD), 0);
    assert_int_equal(t.calls[NGX_ESS_CALL_REPLY], WORKERS * EACH);
    assert_int_equal(t.message_time.buckets[1], WORKERS * EACH);
    assert_int_equal(t.message_time.sum, WORKERS * EACH * 3);
    assert_int_equal(t.call_time.buckets[NGX_ESS_RPC_FIGURES_TIMES - 1],
                     WORKERS * EACH);
}


static void
test_times(void **state)
{
    ngx_uint_t                   i;
    ngx_ess_rpc_report_totals_t  t;

    for (i = 0; i < NGX_ESS_RPC_FIGURES_TIMES - 1; i++) {
        ngx_ess_rpc_figures_call_time(ngx_ess_rpc_figures_times[i]);
        ngx_ess_rpc_figures_call_time(ngx_ess_rpc_figures_times[i] + 1);
    }

    ngx_ess_rpc_figures_call_time((ngx_msec_t) -5);

    ngx_ess_rpc_report_totals(test_figures, &t);

    assert_int_equal(t.call_time.buckets[0], 2);

    for (i = 1; i < NGX_ESS_RPC_FIGURES_TIMES - 1; i++) {
        assert_int_equal(t.call_time.buckets[i], 2);
    }

    assert_int_equal(t.call_time.buckets[i], 1);
}


static void
test_rows_are_kept(void **state)
{
    ngx_uint_t  i;
    char        name[100][8];

    static const char  *other[] = { "c", "b", "a\"\n" };
    static const char  *back[] = { "a", "c" };
    static const char  *many[100];

    ngx_ess_rpc_figures_message(test_queue[0].figures, NGX_ESS_CONSUME_DEAD);
    ngx_ess_rpc_figures_message(test_queue[1].figures, NGX_ESS_CONSUME_RETRY);

    cycle(3, other);
    assert_int_equal(ngx_ess_rpc_report_queues(test_figures), 3);
    assert_int_equal(ngx_ess_rpc_report_calls(test_figures), 2);
    assert_int_equal(outcome(1, NGX_ESS_CONSUME_RETRY), 1);
    assert_int_equal(outcome(0, NGX_ESS_CONSUME_DEAD), 0);

    ngx_ess_rpc_figures_init_process(test_figures);
    ngx_ess_rpc_figures_message(test_queue[0].figures, NGX_ESS_CONSUME_GONE);

    cycle(2, back);
    assert_int_equal(outcome(0, NGX_ESS_CONSUME_DEAD), 1);
    assert_int_equal(outcome(1, NGX_ESS_CONSUME_GONE), 1);

    /* another size: all begins anew */

    for (i = 0; i < 100; i++) {
        sprintf(name[i], "q%d", (int) i);
        many[i] = name[i];
    }

    many[99] = "a";

    cycle(100, many);
    assert_int_equal(outcome(99, NGX_ESS_CONSUME_DEAD), 0);

    for (i = 0; i < 100; i++) {
        ngx_ess_rpc_figures_init_process(test_figures);
        ngx_ess_rpc_figures_message(test_queue[i].figures,
                                    NGX_ESS_CONSUME_ACK);
        assert_int_equal(outcome(i, NGX_ESS_CONSUME_ACK), 1);
    }
}


/* Other names at each reload: rows are found for them for ever. */

static void
test_rows_are_used_again(void **state)
{
    int          i, k;
    char         name[31][16];
    const char  *names[31];

    for (i = 0; i < 20; i++) {

        for (k = 0; k < 31; k++) {
            sprintf(name[k], "%d of %d", k, k ? i : 0);
            names[k] = name[k];
        }

        cycle(31, names);
        ngx_ess_rpc_figures_init_process(test_figures);

        for (k = 0; k < 31; k++) {
            assert_int_equal(outcome(k, NGX_ESS_CONSUME_ACK), k ? 0 : i);
            ngx_ess_rpc_figures_message(test_queue[k].figures,
                                        NGX_ESS_CONSUME_ACK);
        }
    }
}


static void
consume_both(void)
{
    ngx_str_t  host, reason;

    ngx_str_set(&host, "localhost:5672");
    ngx_str_set(&reason, "low on memory");

    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_consuming(1, 1);
    ngx_ess_rpc_figures_in_work(3);
    ngx_ess_rpc_figures_in_flight(1);
    ngx_ess_rpc_figures_blocked(&host, &reason);
}


static void
consume_one(void)
{
    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_in_work(5);
    ngx_ess_rpc_figures_in_work(-1);
}


static void
idle(void)
{
}


static void
test_the_killed_are_not_counted(void **state)
{
    worker_t                     a, b, c;
    ngx_ess_rpc_report_totals_t  t;

    a = worker(0, consume_both);
    b = worker(1, consume_one);

    ngx_ess_rpc_report_totals(test_figures, &t);
    assert_int_equal(t.in_work, 7);
    assert_int_equal(t.in_flight, 1);
    assert_int_equal(t.blocked, 1);
    assert_int_equal(consumers(0), 2);
    assert_int_equal(consumers(1), 1);
    assert_null(unhealthy());

    killed(&a);

    ngx_ess_rpc_report_totals(test_figures, &t);
    assert_int_equal(t.in_work, 4);
    assert_int_equal(t.in_flight, 0);
    assert_int_equal(t.blocked, 0);
    assert_int_equal(consumers(0), 1);
    assert_int_equal(consumers(1), 0);

    /* who follows in its slot finds that nobody consumes it any more */

    assert_null(unhealthy());
    c = worker(0, idle);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE;
    assert_null(unhealthy());
    ngx_current_msec += 10;
    assert_string_equal(unhealthy(),
                        "queue \"b\" is consumed by no worker");

    killed(&b);
    assert_int_equal(consumers(0), 0);
    assert_string_equal(unhealthy(),
                        "queue \"b\" is consumed by no worker");
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;
    assert_string_equal(unhealthy(),
                        "queue \"a\" and 1 more are consumed by no worker");
    killed(&c);
}


/* In the configuration again: its workers have their time, and as ever there is
   none for a queue that stays. */

static void
test_a_queue_that_comes_back(void **state)
{
    static const char  *one[] = { "a" };
    static const char  *both[] = { "a", "b" };

    cycle(1, one);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    cycle(2, both);
    assert_string_equal(unhealthy(), "queue \"a\" is consumed by no worker");

    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;
    assert_string_equal(unhealthy(),
                        "queue \"a\" and 1 more are consumed by no worker");
}


/* Its process id is another process's by now: of this one, and of one that
   nginx has reaped. */

static void
test_ids_that_are_used_again(void **state)
{
    worker_t  a;

    a = worker(0, consume_both);
    assert_int_equal(consumers(1), 1);

    ngx_processes[0].channel[0] = -1;
    assert_int_equal(consumers(1), 0);
    ngx_processes[0].channel[0] = 0;
    assert_int_equal(consumers(1), 1);

    ngx_pid = a.pid;
    assert_int_equal(consumers(1), 0);
    ngx_pid = getpid();

    killed(&a);
}


static void
test_what_is_said(void **state)
{
    ngx_str_t   host, text, why;
    ngx_uint_t  i;
    u_char      big[1000];

    static const char  *strange[] = { "a\"\n\xff" };

    cycle(1, strange);
    ngx_ess_rpc_figures_init_process(test_figures);

    assert_null(unhealthy());
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    ngx_str_set(&host, "localhost:5672");
    ngx_str_set(&text, "NOT_FOUND - no queue");
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, &host, &text);

    begins(unhealthy(), "queue \"a\\x22\\x0A\\xFF\" is consumed by no worker: "
           "localhost:5672: NOT_FOUND - no queue, since 2023");

    ngx_ess_rpc_figures_consuming(test_queue[0].figures, 1);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, NULL, NULL);
    assert_null(unhealthy());

    /* away, blocked, away again */

    ngx_str_set(&text, "connect\nrefused");
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING, &host, &text);
    assert_null(unhealthy());
    test_time.sec += 3;
    begins(unhealthy(), "a worker cannot publish: localhost:5672: "
           "connect.refused, since 2023");

    assert_int_equal(ngx_ess_rpc_report_blocked(test_figures, test_buf, &why),
                     0);
    ngx_str_set(&text, "low on memory");
    ngx_ess_rpc_figures_blocked(&host, &text);
    assert_null(unhealthy());
    assert_int_equal(ngx_ess_rpc_report_blocked(test_figures, test_buf, &why),
                     1);
    test_buf[why.len] = '\0';
    assert_string_equal(test_buf, "the broker blocks those who publish: "
                        "\"low on memory\"");
    ngx_ess_rpc_figures_blocked(NULL, NULL);
    assert_int_equal(ngx_ess_rpc_report_blocked(test_figures, test_buf, &why),
                     0);

    /* the longest that there is */

    memset(big, '"', sizeof(big));
    text.data = big;
    text.len = sizeof(big);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_PUBLISHING, &text, &text);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, &text, &text);
    assert_non_null(unhealthy());

    ngx_ess_rpc_figures_blocked(&text, &text);
    assert_int_equal(ngx_ess_rpc_report_blocked(test_figures, test_buf, &why),
                     1);
    assert_in_range(why.len, NGX_ESS_TROUBLE_TEXT, NGX_ESS_RPC_REPORT_WHY);
    ngx_ess_rpc_figures_blocked(NULL, NULL);

    test_queue[0].name.data = big;
    test_queue[0].name.len = 255;
    ngx_ess_rpc_figures_consuming(test_queue[0].figures, 0);
    ngx_current_msec += NGX_ESS_RPC_REPORT_GRACE + 10;

    for (i = 0; i < 3; i++) {
        assert_non_null(unhealthy());
    }

    test_time.sec -= 3;
}


/* A worker beyond the process slots counts sums, and nothing else. */

static void
test_no_slot(void **state)
{
    ngx_ess_rpc_report_totals_t  t;

    ngx_process_slot = 300;
    ngx_ess_rpc_figures_init_process(test_figures);

    ngx_ess_rpc_figures_consuming(0, 1);
    ngx_ess_rpc_figures_in_work(1);
    ngx_ess_rpc_figures_blocked(NULL, NULL);
    ngx_ess_rpc_figures_trouble(NGX_ESS_RPC_CONSUMING, NULL, NULL);
    ngx_ess_rpc_figures_call(NGX_ESS_CALL_LATE);
    ngx_ess_rpc_figures_message(100000, NGX_ESS_CONSUME_ACK);

    ngx_ess_rpc_report_totals(test_figures, &t);
    assert_int_equal(t.in_work, 0);
    assert_int_equal(t.calls[NGX_ESS_CALL_LATE], 1);
    assert_int_equal(consumers(0), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_sums_are_exact, setup),
        cmocka_unit_test_setup(test_times, setup),
        cmocka_unit_test_setup(test_rows_are_kept, setup),
        cmocka_unit_test_setup(test_rows_are_used_again, setup),
        cmocka_unit_test_setup(test_the_killed_are_not_counted, setup),
        cmocka_unit_test_setup(test_a_queue_that_comes_back, setup),
        cmocka_unit_test_setup(test_ids_that_are_used_again, setup),
        cmocka_unit_test_setup(test_what_is_said, setup),
        cmocka_unit_test_setup(test_no_slot, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
