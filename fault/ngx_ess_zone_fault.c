
/*
 * What only a test build has: a worker that dies at a chosen write to the
 * zone, and what the holds of the zone's mutex cost.  Runs in all processes;
 * the files that it maps are the test's.
 */


#include "ngx_ess_zone_fault.h"
#include <dlfcn.h>
#include <time.h>


static void *ngx_ess_zone_fault_map(const char *variable, size_t size,
    ngx_log_t *log);
static ngx_ess_zone_fault_hold_t *ngx_ess_zone_fault_holder(uint64_t where);
static uint64_t ngx_ess_zone_fault_clock(void);


ngx_ess_zone_looks_t  ngx_ess_zone_looks;

static volatile int64_t           *ngx_ess_zone_fault_counter;
static ngx_ess_zone_fault_hold_t  *ngx_ess_zone_fault_holds;
static uint64_t                    ngx_ess_zone_fault_base;
static uint64_t                    ngx_ess_zone_fault_where;
static uint64_t                    ngx_ess_zone_fault_since;


void
ngx_ess_zone_fault_init(ngx_log_t *log)
{
    Dl_info  info;

    if (ngx_ess_zone_fault_counter == NULL) {
        ngx_ess_zone_fault_counter = ngx_ess_zone_fault_map("ESS_FAULT_FILE",
                                                            sizeof(int64_t),
                                                            log);
    }

    if (ngx_ess_zone_fault_holds == NULL
        && dladdr((void *) ngx_ess_zone_fault_init, &info))
    {
        ngx_ess_zone_fault_base = (uintptr_t) info.dli_fbase;
        ngx_ess_zone_fault_holds = ngx_ess_zone_fault_map("ESS_HOLDS_FILE",
            NGX_ESS_ZONE_FAULT_HOLDS * sizeof(ngx_ess_zone_fault_hold_t), log);
    }
}


static void *
ngx_ess_zone_fault_map(const char *variable, size_t size, ngx_log_t *log)
{
    int    fd;
    char  *name;
    void  *p;

    name = getenv(variable);

    if (name == NULL) {
        return NULL;
    }

    fd = open(name, O_RDWR);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "open() \"%s\" failed", name);
        return NULL;
    }

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    (void) close(fd);

    if (p == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "mmap() \"%s\" failed", name);
        return NULL;
    }

    return p;
}


void
ngx_ess_zone_fault_write(void)
{
    if (ngx_ess_zone_fault_counter == NULL || *ngx_ess_zone_fault_counter <= 0)
    {
        return;
    }

    if (__sync_sub_and_fetch(ngx_ess_zone_fault_counter, 1) == 0) {
        (void) kill(ngx_getpid(), SIGKILL);
    }
}


void
ngx_ess_zone_fault_held_locked(void *caller)
{
    ngx_ess_zone_looks.now = 0;

    if (ngx_ess_zone_fault_holds) {
        ngx_ess_zone_fault_where = (uintptr_t) caller - ngx_ess_zone_fault_base;
        ngx_ess_zone_fault_since = ngx_ess_zone_fault_clock();
    }
}


void
ngx_ess_zone_fault_released_locked(void)
{
    uint64_t                    ns;
    ngx_uint_t                  e;
    ngx_ess_zone_fault_hold_t  *h;

    ngx_ess_zone_looks.all += ngx_ess_zone_looks.now;
    ngx_ess_zone_looks.most = ngx_max(ngx_ess_zone_looks.most,
                                      ngx_ess_zone_looks.now);

    if (ngx_ess_zone_fault_holds == NULL) {
        return;
    }

    ns = ngx_max(ngx_ess_zone_fault_clock() - ngx_ess_zone_fault_since, 4);
    h = ngx_ess_zone_fault_holder(ngx_ess_zone_fault_where);

    h->n++;
    h->sum += ns;
    h->most = ngx_max(h->most, ns);

    /* four buckets for each power of two */

    e = 63 - __builtin_clzll(ns);
    h->spread[e * 4 + ((ns >> (e - 2)) & 3)]++;
}


/* The last one stands for all for whom there is no room. */

static ngx_ess_zone_fault_hold_t *
ngx_ess_zone_fault_holder(uint64_t where)
{
    ngx_uint_t                  i;
    ngx_ess_zone_fault_hold_t  *h;

    for (i = 0; i < NGX_ESS_ZONE_FAULT_HOLDS - 1; i++) {
        h = &ngx_ess_zone_fault_holds[i];

        if (h->where == where || h->where == 0) {
            h->where = where;
            return h;
        }
    }

    return &ngx_ess_zone_fault_holds[i];
}


/* Of this thread alone: on a machine that others use, too, a hold may be
   interrupted for any time. */

static uint64_t
ngx_ess_zone_fault_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}
