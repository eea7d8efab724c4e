
/*
 * Dirty lists, and the waking of those whose they are.  The lists are in the
 * zone, under its mutex; the eventfds belong to the master, which makes them
 * once, and are shared by all its workers; each worker reads from its own and
 * writes to the others'.
 */


#include "ngx_ess_wake.h"
#include "ngx_ess_descriptor.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_pair.h"
#include <sys/eventfd.h>


#define NGX_ESS_WAKE_POLL     10            /* ms, without an eventfd */

/* what a process is told */
#define NGX_ESS_WAKE_MAIL     0x01          /* there is some in the boxes */
#define NGX_ESS_WAKE_STORED   0x02

/* and what it wants to be told: it sets that itself */
#define NGX_ESS_WAKE_LISTENS  0x04


static void ngx_ess_wake_read_handler(ngx_event_t *ev);
static void ngx_ess_wake_handler(ngx_event_t *ev);
static ngx_ess_process_t *ngx_ess_wake_own(void);


/* the master's, inherited by all workers; they survive reloads */

static ngx_uint_t  ngx_ess_wake_nfds;
static ngx_fd_t    ngx_ess_wake_fds[NGX_ESS_PROCS];

/* a worker's own */

static ngx_ess_zone_t                 *ngx_ess_wake_zone;
static const ngx_ess_wake_handlers_t  *ngx_ess_wake_handlers;
static ngx_connection_t               *ngx_ess_wake_connection;
static ngx_connection_t                ngx_ess_wake_dumb;
static ngx_event_t                     ngx_ess_wake_event;  /* posted; and a
                                                               timer, to poll */


ngx_int_t
ngx_ess_wake_init_module(ngx_cycle_t *cycle)
{
    ngx_fd_t          fd;
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    if (ngx_ess_wake_nfds) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    /* process slots of an old generation are in use beside those of a new
       one, and cache helpers take some, too */

    n = ngx_max(32, 4 * ngx_max(ccf->worker_processes, 1));
    n = ngx_min(n, NGX_ESS_PROCS);

    while (ngx_ess_wake_nfds < n) {

        fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "eventfd() failed; workers beyond the first %ui "
                          "will poll", ngx_ess_wake_nfds);
            break;
        }

        ngx_ess_wake_fds[ngx_ess_wake_nfds++] = fd;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_wake_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone,
    const ngx_ess_wake_handlers_t *handlers)
{
    ngx_event_t  *ev;

    ngx_ess_wake_zone = zone;
    ngx_ess_wake_handlers = handlers;

    ngx_ess_wake_dumb.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_wake_event;
    ngx_memzero(ev, sizeof(ngx_event_t));
    ev->handler = ngx_ess_wake_handler;
    ev->data = &ngx_ess_wake_dumb;
    ev->log = cycle->log;
    ev->cancelable = 1;

    if (zone->proc < ngx_ess_wake_nfds) {
        ngx_ess_wake_connection = ngx_ess_descriptor_add(
                                        ngx_ess_wake_fds[zone->proc],
                                        ngx_ess_wake_read_handler, NULL,
                                        cycle->log);
        if (ngx_ess_wake_connection == NULL) {
            return NGX_ERROR;
        }

    } else {
        ngx_log_error(NGX_LOG_INFO, cycle->log, 0,
                      "no eventfd for process slot %ui, polling", zone->proc);

        ngx_add_timer(ev, NGX_ESS_WAKE_POLL);
    }

    return NGX_OK;
}


void
ngx_ess_wake_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_ess_wake_connection) {

        /* the eventfd is everybody's: the connection goes, it stays */

        ngx_ess_descriptor_remove(ngx_ess_wake_connection, 0);
        ngx_ess_wake_connection = NULL;
    }

    if (ngx_ess_wake_event.posted) {
        ngx_delete_posted_event(&ngx_ess_wake_event);
    }

    if (ngx_ess_wake_event.timer_set) {
        ngx_del_timer(&ngx_ess_wake_event);
    }

    ngx_ess_wake_zone = NULL;
}


static void
ngx_ess_wake_read_handler(ngx_event_t *ev)
{
    uint64_t           n;
    ngx_connection_t  *c;

    c = ev->data;

    /* how often it was written to does not matter */

    while (read(c->fd, &n, sizeof(uint64_t)) == -1 && ngx_errno == NGX_EINTR) {
        /* void */
    }

    ev->ready = 0;

    ngx_ess_wake_poll();
}


static void
ngx_ess_wake_handler(ngx_event_t *ev)
{
    ngx_ess_wake_poll();

    if (ngx_ess_wake_connection == NULL) {
        ngx_add_timer(ev, NGX_ESS_WAKE_POLL);
    }
}


/* NULL: this process has no slot, or no more. */

static ngx_ess_process_t *
ngx_ess_wake_own(void)
{
    return ngx_ess_wake_zone ? ngx_ess_zone_own(ngx_ess_wake_zone) : NULL;
}


void
ngx_ess_wake_poll(void)
{
    uint32_t              told;
    ngx_uint_t            i, n, overflow;
    ngx_ess_zone_t       *zone;
    ngx_ess_process_t    *proc;
    uint32_t              more[NGX_ESS_WAKE_MORE];
    uint64_t              first[NGX_ESS_DIRTY];
    ngx_ess_stream_ref_t  refs[NGX_ESS_DIRTY];

    zone = ngx_ess_wake_zone;
    proc = ngx_ess_wake_own();

    if (proc == NULL) {
        return;
    }

    told = *(volatile uint32_t *) &proc->told
           & (NGX_ESS_WAKE_MAIL|NGX_ESS_WAKE_STORED);

    if (told) {

        /* what comes from here on sets it again */

        (void) __sync_fetch_and_and(&proc->told, ~told);

        if (told & NGX_ESS_WAKE_MAIL) {
            ngx_ess_wake_handlers->mail();
        }

        if (told & NGX_ESS_WAKE_STORED) {
            ngx_ess_wake_handlers->stored();
        }
    }

    if (*(volatile uint32_t *) &proc->wake == 0) {
        return;
    }

    ngx_ess_zone_lock(zone);

    n = ngx_ess_wake_take_locked(zone, refs, first, &overflow, more);

    ngx_ess_zone_unlock(zone);

    for (i = 0; i < n; i++) {
        if (first[i]) {
            ngx_ess_wake_handlers->replaced(&refs[i], first[i]);
        }
    }

    for (i = 0; i < n; i++) {
        ngx_ess_wake_handlers->changed(&refs[i]);
    }

    if (overflow) {
        ngx_ess_wake_handlers->changed_more(more);
    }
}


ngx_uint_t
ngx_ess_wake_take_locked(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *refs,
    uint64_t *first, ngx_uint_t *overflow, uint32_t *more)
{
    ngx_uint_t          i, n;
    ngx_ess_pair_t     *pair;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_process_t  *proc;

    sh = zone->sh;
    proc = ngx_ess_zone_proc(sh, zone->proc);
    n = proc->ndirty;

    for (i = 0; i < n; i++) {
        s = ngx_ess_zone_stream(sh, proc->dirty[i]);

        refs[i].id = s->id;
        refs[i].epoch = s->epoch;
        refs[i].index = proc->dirty[i];

        first[i] = 0;

        pair = ngx_ess_pair_find_locked(sh, s, zone->proc);

        if (pair) {
            if (pair->proc & NGX_ESS_PAIR_REPLACED) {
                first[i] = s->first_subscriber;
            }

            ngx_ess_journal_set32_locked(sh, &pair->proc, zone->proc);
        }
    }

    *overflow = proc->overflow;

    if (proc->overflow) {
        ngx_memcpy(more, proc->more, sizeof(proc->more));
        ngx_memzero(proc->more, sizeof(proc->more));
    }

    proc->behind = 1;
    proc->taken = sh->arrival;
    proc->progress = ngx_ess_zone_now(sh);

    ngx_ess_journal_set32_locked(sh, &proc->ndirty, 0);
    ngx_ess_journal_set32_locked(sh, &proc->overflow, 0);
    ngx_ess_journal_set32_locked(sh, &proc->wake, 0);
    ngx_ess_journal_commit_locked(sh);

    return n;
}


void
ngx_ess_wake_progress(ngx_uint_t all)
{
    ngx_ess_zone_t     *zone;
    ngx_ess_process_t  *proc;

    zone = ngx_ess_wake_zone;
    proc = ngx_ess_wake_own();

    if (proc == NULL || !proc->behind) {
        return;
    }

    if (!all) {
        proc->progress = ngx_ess_zone_now(zone->sh);
        return;
    }

    ngx_ess_zone_lock(zone);

    proc->progress = ngx_ess_zone_now(zone->sh);
    proc->since = proc->taken;
    proc->behind = 0;

    ngx_ess_zone_unlock(zone);
}


ngx_uint_t
ngx_ess_wake_unseen_locked(ngx_ess_zone_sh_t *sh, ngx_ess_zone_record_t *r)
{
    uint32_t            now;
    ngx_ess_seg_t       ext;
    ngx_ess_pair_t     *pair;
    ngx_ess_process_t  *proc;

    now = ngx_ess_zone_now(sh);

    for (pair = ngx_ess_pair_next_locked(sh, ngx_ess_zone_stream(sh,
                                         r->stream), NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, ngx_ess_zone_stream(sh,
                                         r->stream), pair, &ext))
    {
        proc = ngx_ess_zone_proc(sh, ngx_ess_pair_proc(pair));

        if ((proc->wake || proc->behind)
            && (int32_t) (r->arrival - proc->since) >= 0
            && (int32_t) (now - proc->progress) <= NGX_ESS_ZONE_SECOND)
        {
            return 1;
        }
    }

    return 0;
}


void
ngx_ess_wake_mark_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake)
{
    ngx_ess_seg_t      ext;
    ngx_ess_pair_t    *pair;
    ngx_ess_stream_t  *s;

    s = ngx_ess_zone_stream(sh, i);

    for (pair = ngx_ess_pair_next_locked(sh, s, NULL, &ext);
         pair;
         pair = ngx_ess_pair_next_locked(sh, s, pair, &ext))
    {
        ngx_ess_wake_mark_pair_locked(sh, i, pair, 0, wake);
    }
}


void
ngx_ess_wake_mark_pair_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_pair_t *pair, uint32_t flag, ngx_ess_wake_t *wake)
{
    uint64_t            id;
    ngx_uint_t          p;
    ngx_ess_process_t  *proc;

    p = ngx_ess_pair_proc(pair);
    proc = ngx_ess_zone_proc(sh, p);

    if (pair->proc & NGX_ESS_PAIR_DIRTY) {
        ngx_ess_journal_set32_locked(sh, &pair->proc, pair->proc | flag);

    } else if (proc->ndirty < NGX_ESS_DIRTY) {
        ngx_ess_journal_set32_locked(sh, &pair->proc,
                                     p | NGX_ESS_PAIR_DIRTY | flag);
        ngx_ess_journal_set32_locked(sh, &proc->dirty[proc->ndirty], i);
        ngx_ess_journal_set32_locked(sh, &proc->ndirty, proc->ndirty + 1);

    } else {
        id = ngx_ess_zone_stream(sh, i)->id;
        proc->more[id / 32 % NGX_ESS_WAKE_MORE] |= (uint32_t) 1 << id % 32;
        ngx_ess_journal_set32_locked(sh, &proc->overflow, 1);
    }

    if (!proc->wake && !proc->behind) {
        proc->since = sh->arrival;
        proc->progress = ngx_ess_zone_now(sh);
    }

    ngx_ess_journal_set32_locked(sh, &proc->wake, 1);

    wake->procs[p / 64] |= (uint64_t) 1 << (p % 64);
}


/* No entry of a dirty list outlives the interest: the segment may be anything
   afterwards. */

void
ngx_ess_wake_undirty_locked(ngx_ess_zone_sh_t *sh, ngx_ess_process_t *proc,
    ngx_ess_seg_t i)
{
    uint32_t  n;

    for (n = 0; n < proc->ndirty; n++) {

        if (proc->dirty[n] == i) {
            ngx_ess_journal_set32_locked(sh, &proc->dirty[n],
                                         proc->dirty[proc->ndirty - 1]);
            ngx_ess_journal_set32_locked(sh, &proc->ndirty, proc->ndirty - 1);
            return;
        }
    }
}


void
ngx_ess_wake_mail_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t p,
    ngx_ess_wake_t *wake)
{
    (void) __sync_fetch_and_or(&ngx_ess_zone_proc(sh, p)->told,
                               NGX_ESS_WAKE_MAIL);

    wake->procs[p / 64] |= (uint64_t) 1 << (p % 64);
}


void
ngx_ess_wake_listen_stored(ngx_uint_t on)
{
    ngx_ess_process_t  *proc;

    proc = ngx_ess_wake_own();

    if (proc == NULL) {
        return;
    }

    if (on) {
        (void) __sync_fetch_and_or(&proc->told, NGX_ESS_WAKE_LISTENS);

    } else {
        (void) __sync_fetch_and_and(&proc->told, ~NGX_ESS_WAKE_LISTENS);
    }
}


void
ngx_ess_wake_stored(ngx_ess_zone_t *zone)
{
    ngx_uint_t          p;
    ngx_ess_wake_t      wake;
    ngx_ess_process_t  *proc;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    for (p = 0; p < zone->sh->geo.nprocs; p++) {
        proc = ngx_ess_zone_proc(zone->sh, p);

        if ((*(volatile uint32_t *) &proc->told
             & (NGX_ESS_WAKE_LISTENS|NGX_ESS_WAKE_STORED))
            == NGX_ESS_WAKE_LISTENS)
        {
            (void) __sync_fetch_and_or(&proc->told, NGX_ESS_WAKE_STORED);

            wake.procs[p / 64] |= (uint64_t) 1 << (p % 64);
        }
    }

    ngx_ess_wake_procs(zone, &wake);
}


void
ngx_ess_wake_procs(ngx_ess_zone_t *zone, ngx_ess_wake_t *wake)
{
    uint64_t    bits, one;
    ngx_uint_t  i, p;

    one = 1;

    for (i = 0; i < NGX_ESS_PROCS / 64; i++) {

        bits = wake->procs[i];
        wake->procs[i] = 0;

        for ( /* void */ ; bits; bits &= bits - 1) {
            p = i * 64 + __builtin_ctzll(bits);

            if (p == zone->proc) {
                if (ngx_ess_wake_zone) {
                    ngx_post_event(&ngx_ess_wake_event, &ngx_posted_events);
                }

            } else if (p < ngx_ess_wake_nfds) {
                /* EAGAIN: it has been written to 2^64 times, and is awake */

                if (write(ngx_ess_wake_fds[p], &one, sizeof(uint64_t)) == -1
                    && ngx_errno != NGX_EAGAIN)
                {
                    ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                                  "write() to an eventfd failed");
                }
            }
        }
    }
}
