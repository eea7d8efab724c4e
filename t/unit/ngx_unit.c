
/*
 * As much of nginx as the unit tests of stream/ need.  What nginx does with
 * care (semaphores, timers, a slab of many sizes) is done here as simply as
 * the tests allow.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_log_key.h"
#include "ngx_ess_zone_crc32.h"
#include <sys/mman.h>
#include <sched.h>


static void ngx_unit_print(const char *fmt, va_list args);


ngx_log_t             ngx_unit_log;
ngx_uint_t            ngx_unit_alerts;
ngx_uint_t            ngx_unit_timers;
ngx_uint_t            ngx_unit_verbose;
FILE                 *ngx_unit_messages;
volatile int64_t     *ngx_unit_faults;

static ngx_cycle_t       ngx_unit_cycle = { .log = &ngx_unit_log };
static ngx_connection_t  ngx_unit_connection;
static ngx_event_t       ngx_unit_read, ngx_unit_write;

const ngx_ess_kind_t  ngx_unit_bound = { .source = 0, .binds = 1 };
const ngx_ess_kind_t  ngx_unit_follows = { .source = 1, .follows = 1 };

volatile ngx_cycle_t  *ngx_cycle = &ngx_unit_cycle;
volatile ngx_msec_t    ngx_current_msec = 5000000;
ngx_pid_t              ngx_pid;
ngx_int_t              ngx_process_slot;
ngx_process_t          ngx_processes[NGX_MAX_PROCESSES];
ngx_uint_t             ngx_exiting;
ngx_uint_t             ngx_test_config;
ngx_uint_t             ngx_pagesize = 4096;
ngx_uint_t             ngx_pagesize_shift = 12;
ngx_module_t           ngx_core_module;
ngx_module_t           ngx_ess_module;
ngx_uint_t             ngx_event_flags;
ngx_event_actions_t    ngx_event_actions;
ngx_rbtree_t           ngx_event_timer_rbtree;
ngx_queue_t            ngx_posted_events;


static ngx_int_t
ngx_unit_add_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t flags)
{
    ev->active = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_unit_del_event(ngx_event_t *ev, ngx_int_t event, ngx_uint_t flags)
{
    ev->active = 0;

    return NGX_OK;
}


static void __attribute__((constructor))
ngx_unit_init(void)
{
    ngx_ess_zone_crc32_init();

    ngx_queue_init(&ngx_posted_events);

    ngx_unit_messages = stderr;
    ngx_unit_log.log_level = NGX_LOG_INFO;
    ngx_event_actions.add = ngx_unit_add_event;
    ngx_event_actions.del = ngx_unit_del_event;
    ngx_pid = getpid();
}


void
ngx_unit_run_posted(void)
{
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    while (!ngx_queue_empty(&ngx_posted_events)) {
        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


void
ngx_unit_fault(void)
{
    int   fd;
    char  name[] = "/tmp/ngx_unit_fault.XXXXXX";

    fd = mkstemp(name);
    if (fd == -1 || ftruncate(fd, 8) == -1) {
        abort();
    }

    ngx_unit_faults = mmap(NULL, 8, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    if (ngx_unit_faults == MAP_FAILED) {
        abort();
    }

    (void) close(fd);
    (void) setenv("ESS_FAULT_FILE", name, 1);
}


ngx_ess_zone_t *
ngx_unit_zone(size_t size)
{
    char             *name;
    u_char           *p;
    ngx_ess_zone_t   *zone;
    ngx_shm_zone_t   *shm_zone;
    ngx_slab_pool_t  *shpool;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);
    shm_zone = calloc(1, sizeof(ngx_shm_zone_t));
    zone = calloc(1, sizeof(ngx_ess_zone_t));

    if (p == MAP_FAILED || shm_zone == NULL || zone == NULL) {
        abort();
    }

    shpool = (ngx_slab_pool_t *) p;
    shpool->mutex.lock = &shpool->lock.lock;
    shpool->start = p + ngx_pagesize;
    shpool->end = p + size;
    shpool->pfree = (shpool->end - shpool->start) / ngx_pagesize;

    shm_zone->shm.addr = p;
    shm_zone->shm.size = size;
    shm_zone->shm.log = &ngx_unit_log;
    ngx_str_set(&shm_zone->shm.name, "unit");
    shm_zone->data = zone;

    zone->shm_zone = shm_zone;
    zone->log_size = 65536;
    zone->log_count = 1000;
    zone->log_age = 3600 * 1000;
    zone->max_event = 65536;
    zone->proc = NGX_ESS_PROCS;

    if (ngx_ess_zone_init(shm_zone, NULL) != NGX_OK) {
        abort();
    }

    /* mapped by now */

    name = getenv("ESS_FAULT_FILE");

    if (name) {
        (void) unlink(name);
        (void) unsetenv("ESS_FAULT_FILE");
    }

    return zone;
}


ngx_ess_zone_t *
ngx_unit_reload(ngx_ess_zone_t *old)
{
    ngx_ess_zone_t  *zone;
    ngx_shm_zone_t  *shm_zone;

    shm_zone = malloc(sizeof(ngx_shm_zone_t));
    zone = malloc(sizeof(ngx_ess_zone_t));

    if (shm_zone == NULL || zone == NULL) {
        abort();
    }

    *shm_zone = *old->shm_zone;
    *zone = *old;

    zone->sh = NULL;
    zone->shpool = NULL;
    zone->proc = NGX_ESS_PROCS;
    zone->shm_zone = shm_zone;
    shm_zone->data = zone;

    if (ngx_ess_zone_init(shm_zone, old) != NGX_OK) {
        abort();
    }

    return zone;
}


void
ngx_unit_free(ngx_ess_zone_t *zone)
{
    (void) munmap(zone->shm_zone->shm.addr, zone->shm_zone->shm.size);
    ngx_unit_free_handle(zone);
}


void
ngx_unit_end(ngx_ess_zone_t *zone)
{
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    ngx_unit_free(zone);

    assert_int_equal(faults, 0);
}


void
ngx_unit_free_handle(ngx_ess_zone_t *zone)
{
    free(zone->shm_zone);
    free(zone);
}


void
ngx_unit_force_unlock(ngx_ess_zone_t *zone)
{
    *zone->shpool->mutex.lock = 0;
}


void *
ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    void  *p;

    if (size > pool->pfree * ngx_pagesize) {
        return NULL;
    }

    p = pool->start;
    pool->start += size;
    pool->pfree -= size / ngx_pagesize;

    return p;
}


void
ngx_shmtx_lock(ngx_shmtx_t *mtx)
{
    ngx_uint_t  n;

    for (n = 0; !ngx_atomic_cmp_set(mtx->lock, 0, ngx_pid); n++) {

        if (*mtx->lock == (ngx_atomic_uint_t) ngx_pid || n > 10000000) {
            fprintf(stderr, "deadlock\n");
            abort();
        }

        (void) sched_yield();
    }
}


void
ngx_shmtx_unlock(ngx_shmtx_t *mtx)
{
    (void) ngx_atomic_cmp_set(mtx->lock, ngx_pid, 0);
}


ngx_shm_zone_t *
ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    static ngx_shm_zone_t  shm_zone;

    ngx_memzero(&shm_zone, sizeof(ngx_shm_zone_t));

    shm_zone.shm.name = *name;
    shm_zone.shm.size = size;
    shm_zone.tag = tag;

    return &shm_zone;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return calloc(1, size);
}


ngx_connection_t *
ngx_get_connection(ngx_socket_t s, ngx_log_t *log)
{
    ngx_memzero(&ngx_unit_connection, sizeof(ngx_connection_t));

    ngx_unit_connection.fd = s;
    ngx_unit_connection.read = &ngx_unit_read;
    ngx_unit_connection.write = &ngx_unit_write;
    ngx_unit_read.data = &ngx_unit_connection;
    ngx_unit_write.data = &ngx_unit_connection;

    return &ngx_unit_connection;
}


void
ngx_free_connection(ngx_connection_t *c)
{
}


/* Timers never expire here; ngx_str_rbtree.c has other trees. */

__attribute__((weak)) void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_unit_timers++;
}


__attribute__((weak)) void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
    ngx_unit_timers--;
}


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    if (level <= NGX_LOG_ALERT) {
        ngx_unit_alerts++;
    }

    if (level > NGX_LOG_ALERT && !ngx_unit_verbose) {
        return;
    }

    fprintf(ngx_unit_messages, "log %d: ", (int) level);

    va_start(args, fmt);
    ngx_unit_print(fmt, args);
    va_end(args);

    fprintf(ngx_unit_messages, "\n");
}


void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
    va_list  args;

    fprintf(ngx_unit_messages, "conf %d: ", (int) level);

    va_start(args, fmt);
    ngx_unit_print(fmt, args);
    va_end(args);

    fprintf(ngx_unit_messages, "\n");
}


static void
ngx_unit_print(const char *fmt, va_list args)
{
    ngx_str_t  *v;

    for ( /* void */ ; *fmt; fmt++) {

        if (*fmt != '%') {
            fputc(*fmt, ngx_unit_messages);
            continue;
        }

        if (*++fmt == 'u') {
            fmt++;
        }

        switch (*fmt) {

        case 'V':
            v = va_arg(args, ngx_str_t *);
            fprintf(ngx_unit_messages, "%.*s", (int) v->len, v->data);
            break;

        case 's':
            fprintf(ngx_unit_messages, "%s", va_arg(args, char *));
            break;

        case 'L':
            fprintf(ngx_unit_messages, "%llu",
                    (unsigned long long) va_arg(args, uint64_t));
            break;

        case 'D':
            fprintf(ngx_unit_messages, "%u", va_arg(args, uint32_t));
            break;

        case 'd':
            fprintf(ngx_unit_messages, "%d", va_arg(args, int));
            break;

        case 'i':
        case 'z':
            fprintf(ngx_unit_messages, "%lu",
                    (unsigned long) va_arg(args, ngx_uint_t));
            break;

        default:
            fprintf(ngx_unit_messages, "%%%c", *fmt);
            break;
        }
    }
}


ngx_int_t
ngx_unit_append_locked(ngx_ess_zone_t *zone, ngx_uint_t slot, ngx_str_t *key,
    ngx_ess_event_t *event, uint64_t print, ngx_uint_t force,
    ngx_ess_wake_t *wake)
{
    ngx_ess_mark_t      mark;
    ngx_ess_log_keys_t  keys;

    ngx_ess_log_keys_init(&keys);

    mark.slot = slot;
    mark.print = print;

    event->mark = print ? &mark : NULL;

    return ngx_ess_log_append_locked(zone, key, event, &keys, force, wake);
}
