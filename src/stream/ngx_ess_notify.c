
/*
 * Who wants to hear of which stream, and the waking of those.  Interest and
 * dirty lists are in the zone, under its mutex; the eventfds belong to the
 * master, which makes them once, and are shared by all its workers; each
 * worker reads from its own and writes to the others'.
 */


#include "ngx_ess_log_room.h"
#include "ngx_ess_shm_layout.h"
#include <sys/eventfd.h>


#define NGX_ESS_NOTIFY_POLL   10            /* ms, without an eventfd */

/* records freed in one hold of the mutex */
#define NGX_ESS_NOTIFY_CLEAR  256


static void ngx_ess_notify_read_handler(ngx_event_t *ev);
static void ngx_ess_notify_exiting(void);
static void ngx_ess_notify_posted_handler(ngx_event_t *ev);
static void ngx_ess_notify_timer_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_notify_listen(ngx_cycle_t *cycle, ngx_fd_t fd);
static ngx_int_t ngx_ess_notify_admit_locked(ngx_ess_shm_t *sh,
    ngx_ess_seg_t i, ngx_ess_notify_limit_t *limit,
    ngx_ess_notify_wake_t *wake);
static ngx_int_t ngx_ess_notify_replace_locked(ngx_ess_shm_t *sh,
    ngx_ess_seg_t i, uint64_t first, ngx_ess_notify_wake_t *wake);
static void ngx_ess_notify_mark_pair_locked(ngx_ess_shm_t *sh,
    ngx_ess_seg_t i, ngx_ess_shm_pair_t *pair, uint32_t flag,
    ngx_ess_notify_wake_t *wake);
static ngx_ess_shm_pair_t *ngx_ess_notify_find_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s, ngx_uint_t p);
static ngx_ess_shm_pair_t *ngx_ess_notify_new_locked(ngx_ess_zone_t *zone,
    ngx_ess_shm_stream_t *s);
static void ngx_ess_notify_drop_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_shm_pair_t *pair);
static void ngx_ess_notify_drop_ext_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s);
static void ngx_ess_notify_undirty_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_proc_t *proc, ngx_ess_seg_t i);


/* the master's, inherited by all workers; they survive reloads */

static ngx_uint_t                 ngx_ess_notify_nfds;
static ngx_fd_t                   ngx_ess_notify_fds[NGX_ESS_PROCS];

/* a worker's own */

static ngx_ess_zone_t                   *ngx_ess_notify_zone;
static const ngx_ess_notify_handlers_t  *ngx_ess_notify_handlers;
static ngx_uint_t                        ngx_ess_notify_exits;
static ngx_connection_t                 *ngx_ess_notify_connection;
static ngx_connection_t                  ngx_ess_notify_dumb;
static ngx_event_t                       ngx_ess_notify_posted;
static ngx_event_t                       ngx_ess_notify_timer;


ngx_int_t
ngx_ess_notify_init_module(ngx_cycle_t *cycle)
{
    ngx_fd_t          fd;
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    if (ngx_ess_notify_nfds) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    /* process slots of an old generation are in use beside those of a new
       one, and cache helpers take some, too */

    n = ngx_max(32, 4 * ngx_max(ccf->worker_processes, 1));
    n = ngx_min(n, NGX_ESS_PROCS);

    while (ngx_ess_notify_nfds < n) {

        fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "eventfd() failed; workers beyond the first %ui "
                          "will poll", ngx_ess_notify_nfds);
            break;
        }

        ngx_ess_notify_fds[ngx_ess_notify_nfds++] = fd;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_notify_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_notify_handlers_t *handlers)
{
    ngx_event_t  *ev;

    ngx_ess_notify_zone = zone;
    ngx_ess_notify_handlers = handlers;
    ngx_ess_notify_exits = 0;

    ngx_ess_notify_dumb.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_notify_posted;
    ngx_memzero(ev, sizeof(ngx_event_t));
    ev->handler = ngx_ess_notify_posted_handler;
    ev->data = &ngx_ess_notify_dumb;
    ev->log = cycle->log;

    if (zone->proc < ngx_ess_notify_nfds) {
        if (ngx_ess_notify_listen(cycle, ngx_ess_notify_fds[zone->proc])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                      "no eventfd for process slot %ui, polling", zone->proc);

        ev = &ngx_ess_notify_timer;
        ngx_memzero(ev, sizeof(ngx_event_t));
        ev->handler = ngx_ess_notify_timer_handler;
        ev->data = &ngx_ess_notify_dumb;
        ev->log = cycle->log;
        ev->cancelable = 1;

        ngx_add_timer(ev, NGX_ESS_NOTIFY_POLL);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_notify_listen(ngx_cycle_t *cycle, ngx_fd_t fd)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    /* an idle one: a graceful shutdown calls its handler first of all */

    c->idle = 1;
    c->log = cycle->log;

    rev = c->read;
    rev->log = cycle->log;
    rev->handler = ngx_ess_notify_read_handler;

    if (ngx_add_event(rev, NGX_READ_EVENT,
                      (ngx_event_flags & NGX_USE_CLEAR_EVENT)
                      ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT)
        != NGX_OK)
    {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    ngx_ess_notify_connection = c;

    return NGX_OK;
}


void
ngx_ess_notify_exit_process(ngx_cycle_t *cycle)
{
    ngx_connection_t  *c;

    c = ngx_ess_notify_connection;

    if (c) {
        if (c->read->active) {
            (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->read->posted) {
            ngx_delete_posted_event(c->read);
        }

        /* the eventfd is everybody's: the connection goes, it stays */

        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        ngx_ess_notify_connection = NULL;
    }

    if (ngx_ess_notify_posted.posted) {
        ngx_delete_posted_event(&ngx_ess_notify_posted);
    }

    if (ngx_ess_notify_timer.timer_set) {
        ngx_del_timer(&ngx_ess_notify_timer);
    }

    ngx_ess_notify_zone = NULL;
}


static void
ngx_ess_notify_read_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    /* how often it was written to does not matter, nor that it may not have
       been at all: at a shutdown, this is called for c->close alone */

    while (read(c->fd, &n, sizeof(uint64_t)) == -1 && ngx_errno == NGX_EINTR) {
        /* void */
    }

    ev->ready = 0;

    if (c->close) {
        ngx_ess_notify_exiting();
    }

    ngx_ess_notify_poll();
}


static void
ngx_ess_notify_exiting(void)
{
    if (!ngx_ess_notify_exits) {
        ngx_ess_notify_exits = 1;
        ngx_ess_notify_handlers->shutdown();
    }
}


static void
ngx_ess_notify_posted_handler(ngx_event_t *ev)
{
    ngx_ess_notify_poll();
}


static void
ngx_ess_notify_timer_handler(ngx_event_t *ev)
{
    if (ngx_exiting) {
        ngx_ess_notify_exiting();
    }

    ngx_ess_notify_poll();

    ngx_add_timer(ev, NGX_ESS_NOTIFY_POLL);
}


void
ngx_ess_notify_poll(void)
{
    ngx_uint_t            i, n, overflow;
    ngx_ess_zone_t       *zone;
    ngx_ess_shm_proc_t   *proc;
    ngx_ess_stream_ref_t  any;
    uint64_t              first[NGX_ESS_DIRTY];
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    zone = ngx_ess_notify_zone;

    if (zone == NULL || zone->proc >= zone->sh->geo.nprocs) {
        return;
    }

    proc = ngx_ess_shm_proc(zone->sh, zone->proc);

    if (*(volatile uint32_t *) &proc->mail) {

        /* what comes from here on sets it again */

        *(volatile uint32_t *) &proc->mail = 0;
        ngx_ess_notify_handlers->mail();
    }

    if (*(volatile uint32_t *) &proc->wake == 0) {
        return;
    }

    ngx_ess_shm_lock(zone);

    n = ngx_ess_notify_take_locked(zone, refs, first, &overflow);

    ngx_ess_shm_unlock(zone);

    for (i = 0; i < n; i++) {
        if (first[i]) {
            ngx_ess_notify_handlers->replaced(&refs[i], first[i]);
        }
    }

    if (overflow) {
        ngx_memzero(&any, sizeof(ngx_ess_stream_ref_t));
        ngx_ess_notify_handlers->changed(&any);
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_ess_notify_handlers->changed(&refs[i]);
    }
}


ngx_uint_t
ngx_ess_notify_take_locked(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *refs,
    uint64_t *first, ngx_uint_t *overflow)
{
    ngx_uint_t             i, n;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_proc_t    *proc;
    ngx_ess_shm_stream_t  *s;

    sh = zone->sh;
    proc = ngx_ess_shm_proc(sh, zone->proc);
    n = proc->ndirty;

    for (i = 0; i < n; i++) {
        s = ngx_ess_shm_stream(sh, proc->dirty[i]);

        refs[i].id = s->id;
        refs[i].epoch = s->epoch;
        refs[i].index = proc->dirty[i];

        first[i] = 0;

        pair = ngx_ess_notify_find_locked(sh, s, zone->proc);

        if (pair) {
            if (pair->proc & NGX_ESS_PAIR_REPLACED) {
                first[i] = s->first_subscriber;
            }

            ngx_ess_shm_set32_locked(sh, &pair->proc, zone->proc);
        }
    }

    *overflow = proc->overflow;

    proc->behind = 1;
    proc->taken = sh->arrival;
    proc->progress = ngx_ess_shm_now(sh);

    ngx_ess_shm_set32_locked(sh, &proc->ndirty, 0);
    ngx_ess_shm_set32_locked(sh, &proc->overflow, 0);
    ngx_ess_shm_set32_locked(sh, &proc->wake, 0);
    ngx_ess_shm_commit_locked(sh);

    return n;
}


void
ngx_ess_notify_progress(ngx_uint_t all)
{
    ngx_ess_zone_t      *zone;
    ngx_ess_shm_proc_t  *proc;

    zone = ngx_ess_notify_zone;

    if (zone == NULL || zone->proc >= zone->sh->geo.nprocs) {
        return;
    }

    proc = ngx_ess_shm_proc(zone->sh, zone->proc);

    if (!proc->behind) {
        return;
    }

    if (!all) {
        proc->progress = ngx_ess_shm_now(zone->sh);
        return;
    }

    ngx_ess_shm_lock(zone);

    proc->progress = ngx_ess_shm_now(zone->sh);
    proc->since = proc->taken;
    proc->behind = 0;

    ngx_ess_shm_unlock(zone);
}


ngx_uint_t
ngx_ess_notify_unseen_locked(ngx_ess_shm_t *sh, ngx_ess_shm_record_t *r)
{
    uint32_t             now;
    ngx_ess_seg_t        ext;
    ngx_ess_shm_pair_t  *pair;
    ngx_ess_shm_proc_t  *proc;

    now = ngx_ess_shm_now(sh);

    for (pair = ngx_ess_notify_pair_locked(sh, ngx_ess_shm_stream(sh,
                                           r->stream), NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, ngx_ess_shm_stream(sh,
                                           r->stream), pair, &ext))
    {
        proc = ngx_ess_shm_proc(sh, ngx_ess_shm_pair_proc(pair));

        if ((proc->wake || proc->behind)
            && (int32_t) (r->arrival - proc->since) >= 0
            && (int32_t) (now - proc->progress) <= NGX_ESS_SHM_SECOND)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_ess_notify_subscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_notify_limit_t *limit, uint64_t *seq, uint64_t *ordinal,
    uint32_t *number)
{
    ngx_int_t              rc;
    ngx_ess_seg_t          i;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_proc_t    *proc;
    ngx_ess_shm_stream_t  *s;
    ngx_ess_notify_wake_t  wake;

    sh = zone->sh;

    if (zone->proc >= sh->geo.nprocs) {
        return NGX_ERROR;
    }

    ngx_memzero(&wake, sizeof(ngx_ess_notify_wake_t));

    proc = ngx_ess_shm_proc(sh, zone->proc);
    rc = NGX_DECLINED;

    ngx_ess_shm_lock(zone);

    i = ngx_ess_stream_find_locked(sh, ref->id, ref->epoch);
    if (i == 0) {
        goto done;
    }

    s = ngx_ess_shm_stream(sh, i);

    if (s->state != NGX_ESS_STREAM_VISIBLE
        && s->state != NGX_ESS_STREAM_DELETING)
    {
        goto done;
    }

    /* this may evict, each record by itself: before anything is changed */

    rc = NGX_ERROR;
    pair = ngx_ess_notify_find_locked(sh, s, zone->proc);

    if (pair == NULL) {
        pair = ngx_ess_notify_new_locked(zone, s);
        if (pair == NULL) {
            goto done;
        }
    }

    if (limit && ngx_ess_notify_admit_locked(sh, i, limit, &wake) != NGX_OK) {
        ngx_ess_notify_drop_ext_locked(sh, s);
        ngx_ess_shm_commit_locked(sh);

        rc = NGX_BUSY;
        goto done;
    }

    *number = (uint32_t) s->last_subscriber + 1;
    *seq = s->next_seq;
    *ordinal = s->next_ordinal;

    ngx_ess_shm_set64_locked(sh, &s->last_subscriber,
                             s->last_subscriber + 1);

    if (pair->count == 0) {
        ngx_ess_shm_set32_locked(sh, &pair->proc, zone->proc);
        ngx_ess_shm_set32_locked(sh, &proc->npairs, proc->npairs + 1);
    }

    ngx_ess_shm_set32_locked(sh, &pair->count, pair->count + 1);
    ngx_ess_shm_commit_locked(sh);

    rc = NGX_OK;

done:

    ngx_ess_shm_unlock(zone);

    ngx_ess_notify_wake(zone, &wake);

    return rc;
}


ngx_uint_t
ngx_ess_notify_subscribed(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t      subscribed;
    ngx_ess_seg_t   i;
    ngx_ess_shm_t  *sh;

    sh = zone->sh;

    ngx_ess_shm_lock(zone);

    i = ngx_ess_stream_find_locked(sh, ref->id, ref->epoch);
    subscribed = i && ngx_ess_notify_find_locked(sh,
                                                 ngx_ess_shm_stream(sh, i),
                                                 zone->proc);
    ngx_ess_shm_unlock(zone);

    return subscribed;
}


void
ngx_ess_notify_interested(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    ngx_ess_notify_wake_t *procs)
{
    ngx_uint_t             p;
    ngx_ess_seg_t          i, ext;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_stream_t  *s;

    ngx_memzero(procs, sizeof(ngx_ess_notify_wake_t));

    sh = zone->sh;

    ngx_ess_shm_lock(zone);

    i = ngx_ess_stream_find_locked(sh, ref->id, ref->epoch);

    if (i) {
        s = ngx_ess_shm_stream(sh, i);

        for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
             pair;
             pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
        {
            p = ngx_ess_shm_pair_proc(pair);
            procs->procs[p / 64] |= (uint64_t) 1 << (p % 64);
        }
    }

    ngx_ess_shm_unlock(zone);
}


/* Is there room for one more?  If need be those that came first go. */

static ngx_int_t
ngx_ess_notify_admit_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_notify_limit_t *limit, ngx_ess_notify_wake_t *wake)
{
    ngx_ess_shm_stream_t  *s;

    s = ngx_ess_shm_stream(sh, i);

    if (ngx_ess_notify_count_locked(sh, s) < limit->max) {
        return NGX_OK;
    }

    if (!limit->replace) {
        return NGX_BUSY;
    }

    return ngx_ess_notify_replace_locked(sh, i,
                                         s->last_subscriber + 2 - limit->max,
                                         wake);
}


/* Those below the number are to be closed; which may be asked for only when
   all workers that have subscribers of the stream can be told. */

static ngx_int_t
ngx_ess_notify_replace_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    uint64_t first, ngx_ess_notify_wake_t *wake)
{
    ngx_ess_seg_t          ext;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_stream_t  *s;

    s = ngx_ess_shm_stream(sh, i);

    for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
    {
        if (!(pair->proc & NGX_ESS_PAIR_DIRTY)
            && ngx_ess_shm_proc(sh, ngx_ess_shm_pair_proc(pair))->ndirty
               == NGX_ESS_DIRTY)
        {
            return NGX_BUSY;
        }
    }

    ngx_ess_shm_set64_locked(sh, &s->first_subscriber, first);

    for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
    {
        ngx_ess_notify_mark_pair_locked(sh, i, pair, NGX_ESS_PAIR_REPLACED,
                                        wake);
    }

    return NGX_OK;
}


/* Those that are being closed for newer ones do not count. */

uint64_t
ngx_ess_notify_count_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s)
{
    uint64_t             n;
    ngx_ess_seg_t        ext;
    ngx_ess_shm_pair_t  *pair;

    n = 0;

    for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
    {
        n += pair->count;
    }

    return ngx_min(n, s->last_subscriber + 1 - s->first_subscriber);
}


void
ngx_ess_notify_unsubscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    ngx_int_t            rc;
    ngx_ess_seg_t        i;
    ngx_ess_shm_t       *sh;
    ngx_ess_shm_pair_t  *pair;

    sh = zone->sh;

    do {
        rc = NGX_OK;

        ngx_ess_shm_lock(zone);

        i = ngx_ess_stream_find_locked(sh, ref->id, ref->epoch);

        pair = i ? ngx_ess_notify_find_locked(sh, ngx_ess_shm_stream(sh, i),
                                              zone->proc)
                 : NULL;

        if (pair && pair->count > 1) {
            ngx_ess_shm_set32_locked(sh, &pair->count, pair->count - 1);
            ngx_ess_shm_commit_locked(sh);

        } else if (pair) {
            rc = ngx_ess_notify_forget_locked(zone, i, zone->proc);
        }

        ngx_ess_shm_unlock(zone);

    } while (rc == NGX_AGAIN);
}


ngx_int_t
ngx_ess_notify_forget_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_uint_t p)
{
    ngx_uint_t             last;
    ngx_ess_seg_t          ext;
    ngx_ess_shm_t         *sh;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_stream_t  *s;

    sh = zone->sh;
    s = ngx_ess_shm_stream(sh, i);

    pair = ngx_ess_notify_find_locked(sh, s, p);
    if (pair == NULL) {
        return NGX_OK;
    }

    last = 0;

    if (s->state == NGX_ESS_STREAM_CLOSED
        && ngx_ess_notify_pair_locked(sh, s, NULL, &ext) == pair
        && ngx_ess_notify_pair_locked(sh, s, pair, &ext) == NULL)
    {
        last = 1;

        /* the interest stays until the log is empty, so that whoever sweeps
           after this process goes on */

        if (ngx_ess_log_room_clear_locked(zone, i, NGX_ESS_NOTIFY_CLEAR)
            == NGX_AGAIN)
        {
            return NGX_AGAIN;
        }
    }

    ngx_ess_notify_drop_locked(sh, i, pair);

    if (last) {
        ngx_ess_stream_free_locked(sh, i);
    }

    ngx_ess_shm_commit_locked(sh);

    return NGX_OK;
}


ngx_ess_shm_pair_t *
ngx_ess_notify_pair_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s,
    ngx_ess_shm_pair_t *pair, ngx_ess_seg_t *ext)
{
    ngx_ess_shm_pair_t  *end;

    if (pair == NULL) {
        *ext = 0;
        pair = s->pairs;

    } else {
        pair++;
    }

    for ( ;; ) {
        end = *ext ? ngx_ess_shm_ext(sh, *ext)->pairs + NGX_ESS_SHM_EXT_PAIRS
                   : s->pairs + NGX_ESS_SHM_PAIRS;

        for ( /* void */ ; pair < end; pair++) {
            if (pair->count) {
                return pair;
            }
        }

        *ext = *ext ? *ngx_ess_shm_link(sh, *ext) : s->ext;

        if (*ext == 0) {
            return NULL;
        }

        pair = ngx_ess_shm_ext(sh, *ext)->pairs;
    }
}


static ngx_ess_shm_pair_t *
ngx_ess_notify_find_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s,
    ngx_uint_t p)
{
    ngx_ess_seg_t        ext;
    ngx_ess_shm_pair_t  *pair;

    for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
    {
        if (ngx_ess_shm_pair_proc(pair) == p) {
            return pair;
        }
    }

    return NULL;
}


/* A place for one pair more, 0 still; NULL: no room. */

static ngx_ess_shm_pair_t *
ngx_ess_notify_new_locked(ngx_ess_zone_t *zone, ngx_ess_shm_stream_t *s)
{
    ngx_uint_t          n;
    ngx_ess_seg_t       i, last;
    ngx_ess_shm_t      *sh;
    ngx_ess_shm_ext_t  *ext;

    sh = zone->sh;

    for (n = 0; n < NGX_ESS_SHM_PAIRS; n++) {
        if (s->pairs[n].count == 0) {
            return &s->pairs[n];
        }
    }

    for (i = s->ext; i; i = ext->link) {
        ext = ngx_ess_shm_ext(sh, i);

        for (n = 0; n < NGX_ESS_SHM_EXT_PAIRS; n++) {
            if (ext->pairs[n].count == 0) {
                return &ext->pairs[n];
            }
        }
    }

    if (ngx_ess_log_room_make_locked(zone, 1) != NGX_OK) {
        return NULL;
    }

    i = ngx_ess_shm_take_locked(sh, 1, &last);
    ext = ngx_ess_shm_ext(sh, i);

    ngx_ess_shm_fault();

    ngx_memzero((u_char *) ext + NGX_ESS_SHM_LINK, NGX_ESS_SHM_REST);

    ngx_ess_shm_set32_locked(sh, &ext->link, s->ext);
    ngx_ess_shm_set32_locked(sh, &s->ext, i);
    ngx_ess_shm_set32_locked(sh, &sh->nstatic, sh->nstatic + 1);

    return &ext->pairs[0];
}


static void
ngx_ess_notify_drop_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_shm_pair_t *pair)
{
    ngx_ess_shm_proc_t  *proc;

    proc = ngx_ess_shm_proc(sh, ngx_ess_shm_pair_proc(pair));

    if (pair->proc & NGX_ESS_PAIR_DIRTY) {
        ngx_ess_notify_undirty_locked(sh, proc, i);
    }

    ngx_ess_shm_set32_locked(sh, &pair->proc, 0);
    ngx_ess_shm_set32_locked(sh, &pair->count, 0);
    ngx_ess_shm_set32_locked(sh, &proc->npairs, proc->npairs - 1);

    ngx_ess_notify_drop_ext_locked(sh, ngx_ess_shm_stream(sh, i));
}


/* Frees the further segment that the last drop left without a pair. */

static void
ngx_ess_notify_drop_ext_locked(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s)
{
    ngx_uint_t          n;
    ngx_ess_seg_t       i;
    ngx_ess_seg_t      *p;
    ngx_ess_shm_ext_t  *ext;

    for (p = &s->ext; *p; p = &ext->link) {
        i = *p;
        ext = ngx_ess_shm_ext(sh, i);

        for (n = 0; n < NGX_ESS_SHM_EXT_PAIRS; n++) {
            if (ext->pairs[n].count) {
                break;
            }
        }

        if (n == NGX_ESS_SHM_EXT_PAIRS) {
            ngx_ess_shm_set32_locked(sh, p, ext->link);
            ngx_ess_shm_set32_locked(sh, &sh->nstatic, sh->nstatic - 1);
            ngx_ess_shm_give_locked(sh, i, i, 1);
            return;
        }
    }
}


/* No entry of a dirty list outlives the interest: the segment may be anything
   afterwards. */

static void
ngx_ess_notify_undirty_locked(ngx_ess_shm_t *sh, ngx_ess_shm_proc_t *proc,
    ngx_ess_seg_t i)
{
    uint32_t  n;

    for (n = 0; n < proc->ndirty; n++) {

        if (proc->dirty[n] == i) {
            ngx_ess_shm_set32_locked(sh, &proc->dirty[n],
                                     proc->dirty[proc->ndirty - 1]);
            ngx_ess_shm_set32_locked(sh, &proc->ndirty, proc->ndirty - 1);
            return;
        }
    }
}


void
ngx_ess_notify_mark_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_notify_wake_t *wake)
{
    ngx_ess_seg_t          ext;
    ngx_ess_shm_pair_t    *pair;
    ngx_ess_shm_stream_t  *s;

    s = ngx_ess_shm_stream(sh, i);

    for (pair = ngx_ess_notify_pair_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_notify_pair_locked(sh, s, pair, &ext))
    {
        ngx_ess_notify_mark_pair_locked(sh, i, pair, 0, wake);
    }
}


static void
ngx_ess_notify_mark_pair_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_shm_pair_t *pair, uint32_t flag, ngx_ess_notify_wake_t *wake)
{
    ngx_uint_t           p;
    ngx_ess_shm_proc_t  *proc;

    p = ngx_ess_shm_pair_proc(pair);
    proc = ngx_ess_shm_proc(sh, p);

    if (pair->proc & NGX_ESS_PAIR_DIRTY) {
        ngx_ess_shm_set32_locked(sh, &pair->proc, pair->proc | flag);

    } else if (proc->ndirty < NGX_ESS_DIRTY) {
        ngx_ess_shm_set32_locked(sh, &pair->proc,
                                 p | NGX_ESS_PAIR_DIRTY | flag);
        ngx_ess_shm_set32_locked(sh, &proc->dirty[proc->ndirty], i);
        ngx_ess_shm_set32_locked(sh, &proc->ndirty, proc->ndirty + 1);

    } else {
        ngx_ess_shm_set32_locked(sh, &proc->overflow, 1);
    }

    if (!proc->wake && !proc->behind) {
        proc->since = sh->arrival;
        proc->progress = ngx_ess_shm_now(sh);
    }

    ngx_ess_shm_set32_locked(sh, &proc->wake, 1);

    wake->procs[p / 64] |= (uint64_t) 1 << (p % 64);
}


void
ngx_ess_notify_mail_locked(ngx_ess_shm_t *sh, ngx_uint_t p,
    ngx_ess_notify_wake_t *wake)
{
    ngx_ess_shm_proc(sh, p)->mail = 1;

    wake->procs[p / 64] |= (uint64_t) 1 << (p % 64);
}


void
ngx_ess_notify_wake(ngx_ess_zone_t *zone, ngx_ess_notify_wake_t *wake)
{
    uint64_t    bits, one;
    ngx_uint_t  i, p;

    one = 1;

    for (i = 0; i < NGX_ESS_PROCS / 64; i++) {

        bits = wake->procs[i];
        wake->procs[i] = 0;

        for (p = i * 64; bits; p++, bits >>= 1) {

            if (!(bits & 1)) {
                continue;
            }

            if (p == zone->proc) {
                if (ngx_ess_notify_zone) {
                    ngx_post_event(&ngx_ess_notify_posted, &ngx_posted_events);
                }

            } else if (p < ngx_ess_notify_nfds) {
                /* EAGAIN: it has been written to 2^64 times, and is awake */

                if (write(ngx_ess_notify_fds[p], &one, sizeof(uint64_t)) == -1
                    && ngx_errno != NGX_EAGAIN)
                {
                    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                                  "write() to an eventfd failed");
                }
            }
        }
    }
}
