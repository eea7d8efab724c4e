
/*
 * The zone: made or taken over by the master at the start of a cycle, locked
 * and used by all workers.  Here are the block's geometry, the mutex, and the
 * free list of segments.
 */


#include "ngx_ess_zone.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_mark.h"
#include <sys/random.h>


#define NGX_ESS_ZONE_MIN     (1024 * 1024)


static ngx_shm_zone_t *ngx_ess_zone_old(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_ess_zone_reuse(ngx_ess_zone_t *zone);
static ngx_int_t ngx_ess_zone_make(ngx_ess_zone_t *zone);
static ngx_int_t ngx_ess_zone_geometry(ngx_ess_zone_geometry_t *geo,
    uint64_t size);
static void ngx_ess_zone_format(ngx_ess_zone_sh_t *sh,
    ngx_ess_zone_geometry_t *geo);


char *
ngx_ess_zone_add(ngx_conf_t *cf, ngx_ess_zone_t *zone, ngx_str_t *name,
    ssize_t size)
{
    ngx_shm_zone_t  *shm_zone, *old;

    old = ngx_ess_zone_old(cf, name);

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
    shm_zone->init = ngx_ess_zone_init;

    return NGX_CONF_OK;
}


static ngx_shm_zone_t *
ngx_ess_zone_old(ngx_conf_t *cf, ngx_str_t *name)
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
ngx_ess_zone_min_size(size_t max_event)
{
    size_t                   size, pages;
    uint64_t                 need;
    ngx_ess_zone_geometry_t  geo;

    /* one event of the largest size in seven eighths, and some streams */

    need = ngx_ess_zone_record_segs(max_event);
    need = need + need / 4 + 256;

    for (size = NGX_ESS_ZONE_MIN; /* void */ ; size += size / 16) {

        size = ngx_align(size, ngx_pagesize);
        pages = size / ngx_pagesize;

        /* the slab's own header, and its description of each page */

        if (ngx_ess_zone_geometry(&geo, size - 4 * ngx_pagesize
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
ngx_ess_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_ess_zone_t  *zone, *old;

    zone = shm_zone->data;
    old = data;

    ngx_ess_zone_fault_init(shm_zone->shm.log);

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->fresh = 0;

    if (old || shm_zone->shm.exists) {
        zone->sh = old ? old->sh : zone->shpool->data;
        return ngx_ess_zone_reuse(zone);
    }

    if (ngx_ess_zone_make(zone) != NGX_OK) {
        return NGX_ERROR;
    }

    if (zone->fill && !ngx_test_config) {
        return zone->fill(zone);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_zone_reuse(ngx_ess_zone_t *zone)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    if (sh == NULL
        || sh->magic != NGX_ESS_ZONE_MAGIC
        || sh->layout != NGX_ESS_ZONE_LAYOUT)
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
ngx_ess_zone_make(ngx_ess_zone_t *zone)
{
    size_t                   size;
    ngx_slab_pool_t         *shpool;
    ngx_ess_zone_sh_t       *p;
    ngx_ess_zone_geometry_t  geo;

    shpool = zone->shpool;
    shpool->log_nomem = 0;

    /* a pool from which nothing was taken yet is one run of pages */

    size = shpool->pfree * ngx_pagesize;
    p = ngx_slab_alloc(shpool, size);

    if (p == NULL || ngx_ess_zone_geometry(&geo, size) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, zone->shm_zone->shm.log, 0,
                      "the zone \"%V\" is too small, it takes %uz bytes",
                      &zone->shm_zone->shm.name,
                      ngx_ess_zone_min_size(zone->max_event));
        return NGX_ERROR;
    }

    ngx_ess_zone_format(p, &geo);

    if (ngx_ess_zone_random(p->idempotency_seed, NGX_ESS_IDEMPOTENCY_SEED,
                            zone->shm_zone->shm.log)
        != NGX_OK
        || ngx_ess_zone_random(p->factors, sizeof(p->factors),
                               zone->shm_zone->shm.log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    shpool->data = p;
    zone->sh = p;
    zone->fresh = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_zone_geometry(ngx_ess_zone_geometry_t *geo, uint64_t size)
{
    uint64_t  n, at;

    ngx_memzero(geo, sizeof(ngx_ess_zone_geometry_t));

    geo->size = size;

    n = size / 16 / sizeof(ngx_ess_journal_undo_t);
    geo->njournal = ngx_max(1024, ngx_min(n, 65536));

    n = size / 6 / sizeof(ngx_ess_process_t);
    geo->nprocs = ngx_max(16, ngx_min(n, NGX_ESS_PROCS));

    geo->nring = NGX_ESS_MARK_RECENT;

    while (geo->nring > 128
           && geo->nring * sizeof(uint64_t) * NGX_ESS_SLOTS > size / 12)
    {
        geo->nring /= 2;
    }

    at = ngx_align(sizeof(ngx_ess_zone_sh_t), 64);

    geo->journal = at;
    at += geo->njournal * sizeof(ngx_ess_journal_undo_t);

    geo->procs = at;
    at += geo->nprocs * sizeof(ngx_ess_process_t);

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

    n = (uint64_t) geo->nbuckets * sizeof(ngx_ess_seg_t);

    geo->ids = at;
    geo->uuids = at + n;
    geo->keys = at + 2 * n;
    geo->names = at + 3 * n;

    at = ngx_align(at + 3 * n + n / NGX_ESS_NAMES_SHARE,
                   (uint64_t) NGX_ESS_SEGMENT_SIZE);
    geo->segs = at;

    if (at + 16 * NGX_ESS_SEGMENT_SIZE > size) {
        return NGX_ERROR;
    }

    geo->nsegs = (size - at) / NGX_ESS_SEGMENT_SIZE;

    return NGX_OK;
}


static void
ngx_ess_zone_format(ngx_ess_zone_sh_t *sh, ngx_ess_zone_geometry_t *geo)
{
    /* all but the segments: those are not touched before they are used */

    ngx_memzero(sh, geo->segs);

    sh->geo = *geo;
    sh->created = ngx_current_msec;
    sh->next_id = 1;
    sh->fresh = 1;
    sh->nfree = geo->nsegs - 1;
    sh->layout = NGX_ESS_ZONE_LAYOUT;
    sh->magic = NGX_ESS_ZONE_MAGIC;
}


ngx_int_t
ngx_ess_zone_random(void *p, size_t len, ngx_log_t *log)
{
    /* so few bytes come at once or not at all */

    if (getrandom(p, len, GRND_NONBLOCK) != (ssize_t) len) {
        ngx_log_error(NGX_LOG_CRIT, log, ngx_errno, "getrandom() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_ess_zone_new_generation(ngx_ess_zone_t *zone)
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
ngx_ess_zone_generation(ngx_ess_zone_t *zone)
{
    return *(volatile uint64_t *) &zone->sh->generation;
}


void
ngx_ess_zone_lock(ngx_ess_zone_t *zone)
{
    ngx_shmtx_lock(&zone->shpool->mutex);

    ngx_ess_zone_fault_held_locked(__builtin_return_address(0));

    if (zone->sh->undo) {
        ngx_ess_journal_rollback_locked(zone->sh);
    }
}


void
ngx_ess_zone_unlock(ngx_ess_zone_t *zone)
{
    ngx_ess_zone_fault_released_locked();

    ngx_shmtx_unlock(&zone->shpool->mutex);
}


ngx_ess_seg_t
ngx_ess_zone_take_locked(ngx_ess_zone_sh_t *sh, uint32_t n, ngx_ess_seg_t *last)
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
        link = ngx_ess_zone_link(sh, i);
        i = *link;
    }

    ngx_ess_journal_set32_locked(sh, &sh->free, i);
    ngx_ess_journal_set32_locked(sh, &sh->nfree, sh->nfree - n);

    if (link) {
        ngx_ess_journal_set32_locked(sh, link, left ? sh->fresh : 0);
    }

    if (left == 0) {
        return first;
    }

    first = first ? first : sh->fresh;
    *last = sh->fresh + left - 1;

    for (i = sh->fresh; i < *last; i++) {
        *ngx_ess_zone_link(sh, i) = i + 1;
    }

    *ngx_ess_zone_link(sh, i) = 0;

    ngx_ess_journal_set32_locked(sh, &sh->fresh, sh->fresh + left);

    return first;
}


void
ngx_ess_zone_give_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t first,
    ngx_ess_seg_t last, uint32_t n)
{
    ngx_ess_journal_set32_locked(sh, ngx_ess_zone_link(sh, last), sh->free);
    ngx_ess_journal_set32_locked(sh, &sh->free, first);
    ngx_ess_journal_set32_locked(sh, &sh->nfree, sh->nfree + n);
}


/* The last segment's link is 0: there is a segment 0, which nobody uses. */

void
ngx_ess_zone_put_locked(ngx_ess_zone_sh_t *sh, u_char *first, size_t room,
    ngx_ess_seg_t link, u_char *p, size_t len)
{
    size_t  n;

    while (len) {
        ngx_ess_zone_fault();

        n = ngx_min(len, room);
        ngx_memcpy(first, p, n);

        p += n;
        len -= n;

        first = ngx_ess_zone_rest(sh, link);
        room = NGX_ESS_ZONE_REST;
        link = *ngx_ess_zone_link(sh, link);
    }
}


u_char *
ngx_ess_zone_get_locked(ngx_ess_zone_sh_t *sh, u_char *first, size_t room,
    ngx_ess_seg_t link, u_char *p, size_t len)
{
    size_t  n;

    while (len) {
        n = ngx_min(len, room);
        p = ngx_cpymem(p, first, n);

        len -= n;

        first = ngx_ess_zone_rest(sh, link);
        room = NGX_ESS_ZONE_REST;
        link = *ngx_ess_zone_link(sh, link);
    }

    return p;
}


void
ngx_ess_zone_skip_locked(ngx_ess_zone_sh_t *sh, u_char **first, size_t *room,
    ngx_ess_seg_t *link, size_t n)
{
    while (n > *room) {
        n -= *room;

        *first = ngx_ess_zone_rest(sh, *link);
        *room = NGX_ESS_ZONE_REST;
        *link = *ngx_ess_zone_link(sh, *link);
    }

    *first += n;
    *room -= n;
}


uint32_t
ngx_ess_zone_now(ngx_ess_zone_sh_t *sh)
{
    return (uint32_t) ((ngx_current_msec - (ngx_msec_t) sh->created)
                       / NGX_ESS_ZONE_TICK);
}


void
ngx_ess_zone_room(ngx_ess_zone_t *zone, ngx_uint_t *nfree, ngx_uint_t *total)
{
    *nfree = *(volatile uint32_t *) &zone->sh->nfree;
    *total = zone->sh->geo.nsegs - 1;
}
