/*
 * Workers that share the figures of RPC: processes, each in a slot of nginx's.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "workers.h"


ngx_pid_t              ngx_pid;
ngx_int_t              ngx_process_slot;
ngx_process_t          ngx_processes[NGX_MAX_PROCESSES];
ngx_uint_t             ngx_pagesize = 4096;
volatile ngx_msec_t    ngx_current_msec = 1000000;
volatile ngx_time_t   *ngx_cached_time;


ngx_time_t                      workers_time = { 1700000000, 0, 0 };
ngx_ess_consume_conf_queue_t    workers_queue[200];
ngx_ess_rpc_figures_t          *workers_figures;
u_char                          workers_buf[NGX_ESS_RPC_REPORT_WHY + 1];

static ngx_shm_zone_t           workers_zone;
static ngx_array_t              workers_queues;
static ngx_conf_t               workers_cf;
static ngx_log_t                workers_log;
static size_t                   workers_room;   /* of the last zone */


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
    assert_true(sizeof(ngx_slab_pool_t) + size <= workers_zone.shm.size);

    return (u_char *) pool + ngx_align(sizeof(ngx_slab_pool_t), 64);
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    workers_zone.shm.size = size;

    return &workers_zone;
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

void
workers_cycle(ngx_uint_t n, const char **names)
{
    ngx_uint_t              i;
    ngx_ess_rpc_figures_t  *old;

    memset(workers_queue, 0, sizeof(workers_queue));

    for (i = 0; i < n; i++) {
        workers_queue[i].name.data = (u_char *) names[i];
        workers_queue[i].name.len = strlen(names[i]);
    }

    workers_queues.elts = workers_queue;
    workers_queues.nelts = n;
    workers_cf.log = &workers_log;

    old = workers_figures;

    workers_figures = ngx_ess_rpc_memory_add(&workers_cf, &workers_queues, 2);
    assert_non_null(workers_figures);

    if (old == NULL || workers_zone.shm.size != workers_room) {
        workers_zone.shm.addr = mmap(NULL, workers_zone.shm.size,
                                  PROT_READ|PROT_WRITE,
                                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
        assert_true(workers_zone.shm.addr != MAP_FAILED);

        old = NULL;
        workers_room = workers_zone.shm.size;
    }

    assert_int_equal(workers_zone.init(&workers_zone, old), NGX_OK);
}


int
workers_setup(void **state)
{
    static const char  *names[] = { "a", "b" };

    ngx_cached_time = &workers_time;
    ngx_pid = getpid();
    ngx_process_slot = WORKERS_READER;
    workers_figures = NULL;

    workers_cycle(2, names);
    ngx_ess_rpc_figures_init_process(workers_figures);

    return 0;
}


/* A process in a slot, which works and then waits to be killed. */

workers_t
workers_start(ngx_int_t slot, void (*work)(void))
{
    int       fds[2];
    char      c;
    workers_t  w;

    assert_int_equal(pipe(fds), 0);

    w.pid = fork();
    assert_true(w.pid != -1);

    if (w.pid == 0) {
        ngx_pid = getpid();
        ngx_process_slot = slot;
        ngx_ess_rpc_figures_init_process(workers_figures);
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


void
workers_killed(workers_t *w)
{
    kill(w->pid, SIGKILL);
    assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
}


uint64_t
workers_outcome(ngx_uint_t i, ngx_ess_consume_outcome_e o)
{
    return ngx_ess_rpc_report_outcome(workers_figures, i, o);
}


ngx_uint_t
workers_consumers(ngx_uint_t i)
{
    return ngx_ess_rpc_report_consumers(workers_figures, i);
}


/* NULL: it is well */

const char *
workers_unhealthy(void)
{
    ngx_str_t  why;

    if (ngx_ess_rpc_report_healthy(workers_figures, workers_buf, &why)
        == NGX_OK)
    {
        return NULL;
    }

    assert_true(why.data == workers_buf && why.len < sizeof(workers_buf));
    workers_buf[why.len] = '\0';

    return (char *) workers_buf;
}


/* Behind it is a date, which nginx's own ngx_slprintf() writes. */

void
workers_begins(const void *said, const char *text)
{
    assert_non_null(said);

    if (strncmp(said, text, strlen(text)) != 0) {
        fail_msg("%s", (char *) said);
    }
}
