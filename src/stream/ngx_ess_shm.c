
/*
 * The zone: made or taken over by the master at the start of a cycle, locked,
 * repaired and used by all workers.  Here are the block's geometry, the undo
 * journal's rollback, the free list of segments, and the process slots.  What
 * a slot holds belongs to its process until somebody finds that process gone.
 */


#include "ngx_ess_mark.h"
#include "ngx_ess_shm_layout.h"
#include <signal.h>


/* streams looked at in one hold of the mutex by a sweep, and records freed */
#define NGX_ESS_SHM_SWEEP    256

#define NGX_ESS_SHM_MIN      (1024 * 1024)


static ngx_shm_zone_t *ngx_ess_shm_old(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_ess_shm_reuse(ngx_ess_zone_t *zone);
static ngx_int_t ngx_ess_shm_make(ngx_ess_zone_t *zone);
static ngx_int_t ngx_ess_shm_geometry(ngx_ess_shm_geometry_t *geo,
    uint64_t size);
static void ngx_ess_shm_format(ngx_ess_shm_t *sh, ngx_ess_shm_geometry_t *geo);
static void ngx_ess_shm_rollback_locked(ngx_ess_shm_t *sh);
static ngx_uint_t ngx_ess_shm_gone(ngx_uint_t p, ngx_pid_t pid);
static void ngx_ess_shm_sweep_proc(ngx_ess_zone_t *zone, ngx_uint_t p,
    uint32_t pid, ngx_uint_t leave);
static ngx_int_t ngx_ess_shm_sweep_some_locked(ngx_ess_zone_t *zone,
    ngx_uint_t p, ngx_ess_stream_cursor_t *c);
static void ngx_ess_shm_clear_proc_locked(ngx_ess_shm_t *sh, ngx_uint_t p,
    ngx_uint_t leave);


const uint32_t  ngx_ess_ages[] = {
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000
};

const uint32_t  ngx_ess_batches[] = { 1, 2, 4, 8, 16, 32, 64 };


char *
ngx_ess_shm_add(ngx_conf_t *cf, ngx_ess_zone_t *zone, ngx_str_t *name,
    ssize_t size)
{
    ngx_shm_zone_t  *shm_zone, *old;

    old = ngx_ess_shm_old(cf, name);

    if (old && old->shm.size != (size_t) size) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the size of the zone \"%V\" stays %uz bytes, "
                           "with all that is in it; the new size takes effect "
                           "at the next start of nginx", name, old->shm.size);
        size = old->shm.size;
    }

    shm_zone = ngx_shared_memory_add(cf, name, size, &ngx_ess_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate zone \"%V\"",
                           name);
        return NGX_CONF_ERROR;
    }

    zone->shm_zone = shm_zone;
    zone->proc = NGX_ESS_PROCS;

    shm_zone->data = zone;
    shm_zone->init = ngx_ess_shm_init;

    return NGX_CONF_OK;
}


static ngx_shm_zone_t *
ngx_ess_shm_old(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_cycle_t      *old;
    ngx_shm_zone_t   *zones;
    ngx_list_part_t  *part;

    /* at the first start that is a nearly empty cycle, with an empty list */

    old = cf->cycle->old_cycle;

    if (old == NULL) {
        return NULL;
    }

    for (part = &old->shared_memory.part; part; part = part->next) {
        zones = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zones[i].tag == &ngx_ess_module
                && zones[i].shm.name.len == name->len
                && ngx_strncmp(zones[i].shm.name.data, name->data, name->len)
                   == 0)
            {
                return &zones[i];
            }
        }
    }

    return NULL;
}


size_t
ngx_ess_shm_min_size(size_t max_event)
{
    size_t                  size, pages;
    uint64_t                need;
    ngx_ess_shm_geometry_t  geo;

    /* one event of the largest size in seven eighths, and some streams */

    need = ngx_ess_shm_record_segs(max_event);
    need = need + need / 4 + 256;

    for (size = NGX_ESS_SHM_MIN; /* void */ ; size += size / 16) {

        size = ngx_align(size, ngx_pagesize);
        pages = size / ngx_pagesize;

        /* the slab's own header, and its description of each page */

        if (ngx_ess_shm_geometry(&geo, size - 4 * ngx_pagesize
                                       - pages * sizeof(ngx_slab_page_t))
            != NGX_OK)
        {
            continue;
        }

        if (geo.nsegs > need) {
            return size;
        }
    }
}


ngx_int_t
ngx_ess_shm_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ess_zone_t  *zone, *old;

    zone = shm_zone->data;
    old = data;

    ngx_ess_shm_fault_init(shm_zone->shm.log);

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->fresh = 0;

    if (old) {
        zone->sh = old->sh;
        return ngx_ess_shm_reuse(zone);
    }

    if (shm_zone->shm.exists) {
        zone->sh = zone->shpool->data;
        return ngx_ess_shm_reuse(zone);
    }

    if (ngx_ess_shm_make(zone) != NGX_OK) {
        return NGX_ERROR;
    }

    if (zone->fill && !ngx_test_config) {
        return zone->fill(zone);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_shm_reuse(ngx_ess_zone_t *zone)
{
    ngx_ess_shm_t  *sh;

    sh = zone->sh;

    if (sh == NULL
        || sh->magic != NGX_ESS_SHM_MAGIC
        || sh->layout != NGX_ESS_SHM_LAYOUT)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "the zone \"%V\" was made by another version of "
                      "ngx_ess_module; it takes a restart of nginx",
                      &zone->shm_zone->shm.name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_shm_make(ngx_ess_zone_t *zone)
{
    void                    *p;
    size_t                   size;
    ngx_slab_pool_t         *shpool;
    ngx_ess_shm_geometry_t   geo;

    shpool = zone->shpool;
    shpool->log_nomem = 0;

    p = NULL;

    for (size = shpool->pfree * ngx_pagesize;
         size > NGX_ESS_SHM_MIN / 2;
         size -= ngx_pagesize)
    {
        p = ngx_slab_alloc(shpool, size);
        if (p) {
            break;
        }
    }

    if (p == NULL || ngx_ess_shm_geometry(&geo, size) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "the zone \"%V\" is too small, it takes %uz bytes",
                      &zone->shm_zone->shm.name,
                      ngx_ess_shm_min_size(zone->max_event));
        return NGX_ERROR;
    }

    ngx_ess_shm_format(p, &geo);

    shpool->data = p;
    zone->sh = p;
    zone->fresh = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_shm_geometry(ngx_ess_shm_geometry_t *geo, uint64_t size)
{
    uint64_t  n, at;

    ngx_memzero(geo, sizeof(ngx_ess_shm_geometry_t));

    geo->size = size;

    n = size / 16 / sizeof(ngx_ess_shm_undo_t);
    geo->njournal = ngx_max(1024, ngx_min(n, 65536));

    n = size / 6 / sizeof(ngx_ess_shm_proc_t);
    geo->nprocs = ngx_max(16, ngx_min(n, NGX_ESS_PROCS));

    geo->nring = NGX_ESS_MARK_RECENT;

    while (geo->nring > 128
           && geo->nring * sizeof(uint64_t) * NGX_ESS_SLOTS > size / 12)
    {
        geo->nring /= 2;
    }

    at = ngx_align(sizeof(ngx_ess_shm_t), 64);

    geo->journal = at;
    at += geo->njournal * sizeof(ngx_ess_shm_undo_t);

    geo->procs = at;
    at += geo->nprocs * sizeof(ngx_ess_shm_proc_t);

    geo->rings = at;
    at += (uint64_t) geo->nring * NGX_ESS_SLOTS * sizeof(uint64_t);

    if (at >= size) {
        return NGX_ERROR;
    }

    n = (size - at) / NGX_ESS_SEGMENT_SIZE / 2;

    for (geo->nbuckets = 16; geo->nbuckets < n; geo->nbuckets *= 2) {
        if (geo->nbuckets == 0x80000000) {
            return NGX_ERROR;
        }
    }

    geo->ids = at;
    at += (uint64_t) geo->nbuckets * sizeof(ngx_ess_seg_t);

    geo->uuids = at;
    at += (uint64_t) geo->nbuckets * sizeof(ngx_ess_seg_t);

    geo->keys = at;
    at += (uint64_t) geo->nbuckets * sizeof(ngx_ess_seg_t);

    at = (at + NGX_ESS_SEGMENT_SIZE - 1)
         & ~((uint64_t) NGX_ESS_SEGMENT_SIZE - 1);
    geo->segs = at;

    if (at + 16 * NGX_ESS_SEGMENT_SIZE > size) {
        return NGX_ERROR;
    }

    geo->nsegs = (size - at) / NGX_ESS_SEGMENT_SIZE;

    return NGX_OK;
}


static void
ngx_ess_shm_format(ngx_ess_shm_t *sh, ngx_ess_shm_geometry_t *geo)
{
    /* all but the segments: those are not touched before they are used */

    ngx_memzero(sh, geo->segs);

    sh->geo = *geo;
    sh->created = ngx_current_msec;
    sh->next_id = 1;
    sh->fresh = 1;
    sh->nfree = geo->nsegs - 1;
    sh->layout = NGX_ESS_SHM_LAYOUT;
    sh->magic = NGX_ESS_SHM_MAGIC;
}


void
ngx_ess_shm_new_generation(ngx_ess_zone_t *zone)
{
    /*
     * The master is the only one that writes this word, and it must not wait
     * for the mutex: that of a worker that was killed just now is released
     * when the master, in its own loop, hears of the death.
     */

    zone->generation = zone->sh->generation + 1;

    *(volatile uint64_t *) &zone->sh->generation = zone->generation;
}


uint64_t
ngx_ess_shm_generation(ngx_ess_zone_t *zone)
{
    return *(volatile uint64_t *) &zone->sh->generation;
}


ngx_int_t
ngx_ess_shm_attach(ngx_ess_zone_t *zone, ngx_uint_t proc, ngx_log_t *log)
{
    ngx_ess_shm_t       *sh;
    ngx_ess_shm_proc_t  *p;

    sh = zone->sh;

    if (proc >= sh->geo.nprocs) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "process slot %ui is beyond the %uD that the zone "
                      "\"%V\" has room for; a larger zone has more",
                      proc, sh->geo.nprocs, &zone->shm_zone->shm.name);
        return NGX_ERROR;
    }

    /* taken first, so that nobody who took the last owner for dead sweeps
       what this one will put there */

    p = ngx_ess_shm_proc(sh, proc);

    ngx_ess_shm_lock(zone);

    ngx_ess_shm_set32_locked(sh, &p->pid, ngx_pid);
    ngx_ess_shm_set32_locked(sh, &p->incarnation, p->incarnation + 1);
    ngx_ess_shm_set64_locked(sh, &p->generation, zone->generation);
    ngx_ess_shm_commit_locked(sh);

    ngx_ess_shm_unlock(zone);

    ngx_ess_shm_sweep_proc(zone, proc, ngx_pid, 0);

    zone->proc = proc;

#if (NGX_ESS_FAULT)

    if (ngx_ess_shm_check(zone, log) == 0) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0, "ess zone check: ok");
    }

#endif

    return NGX_OK;
}


void
ngx_ess_shm_detach(ngx_ess_zone_t *zone)
{
    if (zone->sh == NULL || zone->proc >= zone->sh->geo.nprocs) {
        return;
    }

    ngx_ess_shm_sweep_proc(zone, zone->proc, ngx_pid, 1);

    zone->proc = NGX_ESS_PROCS;
}


void
ngx_ess_shm_sweep(ngx_ess_zone_t *zone, ngx_log_t *log)
{
    uint32_t             pid;
    ngx_uint_t           i;
    ngx_ess_shm_proc_t  *p;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        p = ngx_ess_shm_proc(zone->sh, i);
        pid = *(volatile uint32_t *) &p->pid;

        if (pid == 0 || i == zone->proc) {
            continue;
        }

        if (ngx_ess_shm_gone(i, (ngx_pid_t) pid)) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "sweeping the zone after process %uD", pid);

            ngx_ess_shm_sweep_proc(zone, i, pid, 1);
        }
    }
}


/*
 * A process id may be another process's by now, even this one's.  So the
 * master's word counts as well: it tells all workers of each that it reaped,
 * and nginx then closes the channel to that one.
 */

static ngx_uint_t
ngx_ess_shm_gone(ngx_uint_t p, ngx_pid_t pid)
{
    if (pid == ngx_pid || (kill(pid, 0) == -1 && ngx_errno == ESRCH)) {
        return 1;
    }

    return ngx_processes[p].pid == pid && ngx_processes[p].channel[0] == -1;
}


/* Clears what is left in the process slot, as long as it is "pid"'s. */

static void
ngx_ess_shm_sweep_proc(ngx_ess_zone_t *zone, ngx_uint_t p, uint32_t pid,
    ngx_uint_t leave)
{
    ngx_int_t                rc;
    ngx_ess_shm_t           *sh;
    ngx_ess_shm_proc_t      *proc;
    ngx_ess_stream_cursor_t  c;

    sh = zone->sh;
    proc = ngx_ess_shm_proc(sh, p);

    c.id = 0;
    c.buckets = 0;

    do {
        ngx_ess_shm_lock(zone);

        if (proc->pid != pid) {
            ngx_ess_shm_unlock(zone);
            return;
        }

        rc = ngx_ess_shm_sweep_some_locked(zone, p, &c);

        if (rc == NGX_OK) {
            ngx_ess_shm_clear_proc_locked(sh, p, leave);
            ngx_ess_shm_commit_locked(sh);
        }

        ngx_ess_shm_unlock(zone);

    } while (rc == NGX_AGAIN);
}


static ngx_int_t
ngx_ess_shm_sweep_some_locked(ngx_ess_zone_t *zone, ngx_uint_t p,
    ngx_ess_stream_cursor_t *c)
{
    uint64_t               id;
    ngx_uint_t             n;
    ngx_ess_seg_t          i, next;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_stream_t  *s;

    sh = zone->sh;

    if (ngx_ess_stream_after_locked(sh, c, &i) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    for (n = 0; i && n < NGX_ESS_SHM_SWEEP; n++) {

        if (ngx_ess_shm_proc(sh, p)->npairs == 0) {
            return NGX_OK;
        }

        ngx_ess_shm_look();

        s = ngx_ess_shm_stream(sh, i);
        id = s->id;
        next = s->next;

        /* a closed one may go with its log */

        n += (s->state == NGX_ESS_STREAM_CLOSED) ? s->count : 0;

        if (ngx_ess_notify_forget_locked(zone, i, p) == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        c->id = id;
        i = next;
    }

    return i ? NGX_AGAIN : NGX_OK;
}


static void
ngx_ess_shm_clear_proc_locked(ngx_ess_shm_t *sh, ngx_uint_t p,
    ngx_uint_t leave)
{
    ngx_uint_t           i;
    ngx_ess_shm_mark_t  *mark;
    ngx_ess_shm_proc_t  *proc;

    proc = ngx_ess_shm_proc(sh, p);

    for (i = 0; i < NGX_ESS_SHM_MARKS; i++) {
        mark = &sh->marks[i];

        if (mark->proc == p + 1) {
            ngx_ess_shm_set32_locked(sh, &mark->proc, 0);
        }
    }

    /* the dirty list went with the pairs */

    ngx_ess_shm_set32_locked(sh, &proc->wake, 0);
    ngx_ess_shm_set32_locked(sh, &proc->overflow, 0);
    ngx_ess_shm_set32_locked(sh, &proc->behind, 0);
    ngx_ess_shm_set32_locked(sh, &proc->mail, 0);

    /* its slots are to be taken over by now, or soon */

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (proc->consumes & ((uint32_t) 1 << i)) {
            ngx_ess_shm_slot_left(sh, i);
        }
    }

    ngx_ess_shm_set32_locked(sh, &proc->consumes, 0);

    for (i = 0; i < NGX_ESS_BROKER_SESSIONS; i++) {
        ngx_ess_shm_set64_locked(sh, &proc->troubles[i].since, 0);

        /* even, should it have died while it wrote */
        ngx_ess_shm_set32_locked(sh, &proc->troubles[i].seq,
                                 (proc->troubles[i].seq + 1) & ~1U);
    }

    /* nobody is connected to a dead worker */

    for (i = NGX_ESS_C_GAUGES; i < NGX_ESS_C_N; i++) {
        ngx_ess_shm_set64_locked(sh, &proc->counters[i], 0);
    }

    if (leave) {
        ngx_ess_shm_set64_locked(sh, &proc->generation, 0);
        ngx_ess_shm_set32_locked(sh, &proc->pid, 0);
    }
}


void
ngx_ess_shm_lock(ngx_ess_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_ess_shm_fault_held_locked(__builtin_return_address(0));

    if (zone->sh->undo) {
        ngx_ess_shm_rollback_locked(zone->sh);
    }
}


void
ngx_ess_shm_unlock(ngx_ess_zone_t *zone)
{
    ngx_ess_shm_fault_released_locked();

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


/* Who dies here leaves a shorter journal, and the next one goes on. */

static void
ngx_ess_shm_rollback_locked(ngx_ess_shm_t *sh)
{
    void                *p;
    uint32_t             n, all;
    ngx_ess_shm_undo_t  *u;

    all = sh->undo;

    for (n = all; n; n--) {
        u = (ngx_ess_shm_undo_t *) ngx_ess_shm_at(sh, sh->geo.journal) + n - 1;

        p = ngx_ess_shm_at(sh, u->where & ~(uint64_t) 1);

        ngx_ess_shm_fault();

        if (u->where & 1) {
            *(volatile uint64_t *) p = u->old;

        } else {
            *(volatile uint32_t *) p = (uint32_t) u->old;
        }

        ngx_ess_shm_barrier();
        ngx_ess_shm_fault();

        sh->undo = n - 1;

        ngx_ess_shm_barrier();
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "rolled back %uD changes in the zone, which a worker that "
                  "died had left half-done", all);
}


ngx_ess_seg_t
ngx_ess_shm_take_locked(ngx_ess_shm_t *sh, uint32_t n, ngx_ess_seg_t *last)
{
    uint32_t        left;
    ngx_ess_seg_t   i, first;
    ngx_ess_seg_t  *link;

    first = 0;
    link = NULL;
    i = sh->free;

    for (left = n; left && i; left--) {
        first = first ? first : i;
        *last = i;
        link = ngx_ess_shm_link(sh, i);
        i = *link;
    }

    ngx_ess_shm_set32_locked(sh, &sh->free, i);
    ngx_ess_shm_set32_locked(sh, &sh->nfree, sh->nfree - n);

    if (link) {
        ngx_ess_shm_set32_locked(sh, link, left ? sh->fresh : 0);
    }

    if (left == 0) {
        return first;
    }

    first = first ? first : sh->fresh;
    *last = sh->fresh + left - 1;

    for (i = sh->fresh; i < *last; i++) {
        *ngx_ess_shm_link(sh, i) = i + 1;
    }

    *ngx_ess_shm_link(sh, i) = 0;

    ngx_ess_shm_set32_locked(sh, &sh->fresh, sh->fresh + left);

    return first;
}


void
ngx_ess_shm_give_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t first,
    ngx_ess_seg_t last, uint32_t n)
{
    ngx_ess_shm_set32_locked(sh, ngx_ess_shm_link(sh, last), sh->free);
    ngx_ess_shm_set32_locked(sh, &sh->free, first);
    ngx_ess_shm_set32_locked(sh, &sh->nfree, sh->nfree + n);
}


uint32_t
ngx_ess_shm_now(ngx_ess_shm_t *sh)
{
    return (uint32_t) ((ngx_current_msec - (ngx_msec_t) sh->created)
                       / NGX_ESS_SHM_TICK);
}


void
ngx_ess_shm_count(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    if (zone->proc >= zone->sh->geo.nprocs) {
        return;
    }

    ngx_ess_shm_proc(zone->sh, zone->proc)->counters[counter] += n;
}


void
ngx_ess_shm_gauge(ngx_ess_zone_t *zone, ngx_ess_counter_e gauge,
    uint64_t value)
{
    uint64_t  *counters;

    counters = ngx_ess_shm_counters(zone);

    if (counters) {
        counters[gauge] = value;
    }
}


uint64_t *
ngx_ess_shm_counters(ngx_ess_zone_t *zone)
{
    if (zone->proc >= zone->sh->geo.nprocs) {
        return NULL;
    }

    return ngx_ess_shm_proc(zone->sh, zone->proc)->counters;
}


ngx_uint_t
ngx_ess_shm_processes(ngx_ess_zone_t *zone)
{
    return zone->sh->geo.nprocs;
}


ngx_int_t
ngx_ess_shm_process_counter(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_ess_counter_e counter, uint64_t *value)
{
    ngx_ess_shm_proc_t  *p;

    p = ngx_ess_shm_proc(zone->sh, slot);
    *value = *(volatile uint64_t *) &p->counters[counter];

    return *(volatile uint32_t *) &p->pid ? NGX_OK : NGX_DECLINED;
}


uint64_t
ngx_ess_shm_counter(ngx_ess_zone_t *zone, ngx_ess_counter_e counter)
{
    uint64_t    sum;
    ngx_uint_t  i;

    sum = 0;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        sum += *(volatile uint64_t *)
                &ngx_ess_shm_proc(zone->sh, i)->counters[counter];
    }

    return sum;
}


void
ngx_ess_shm_room(ngx_ess_zone_t *zone, ngx_uint_t *nfree, ngx_uint_t *total)
{
    ngx_ess_shm_lock(zone);

    *nfree = zone->sh->nfree;
    *total = zone->sh->geo.nsegs - 1;

    ngx_ess_shm_unlock(zone);
}
