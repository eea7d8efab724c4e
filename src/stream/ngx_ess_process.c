
/*
 * The process slots: taken by workers as they start, and swept of what a dead
 * worker left.  What a slot holds belongs to its process until somebody finds
 * that process gone.
 */


#include "ngx_ess_process.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_journal.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_hook.h"
#include <signal.h>


/* streams looked at in one hold of the mutex by a sweep, and records freed */
#define NGX_ESS_PROCESS_SWEEP    256


static ngx_uint_t ngx_ess_process_gone(ngx_uint_t p, ngx_pid_t pid);
static void ngx_ess_process_sweep_slot(ngx_ess_zone_t *zone, ngx_uint_t p,
    uint32_t pid, ngx_uint_t leave);
static ngx_int_t ngx_ess_process_sweep_some_locked(ngx_ess_zone_t *zone,
    ngx_uint_t p, ngx_ess_lookup_cursor_t *c);
static void ngx_ess_process_clear_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t p,
    ngx_uint_t leave);


ngx_int_t
ngx_ess_process_attach(ngx_ess_zone_t *zone, ngx_uint_t proc, ngx_log_t *log)
{
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_process_t  *p;

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

    p = ngx_ess_zone_proc(sh, proc);

    ngx_ess_zone_lock(zone);

    ngx_ess_journal_set32_locked(sh, &p->pid, ngx_pid);
    ngx_ess_journal_set32_locked(sh, &p->incarnation, p->incarnation + 1);
    ngx_ess_journal_set64_locked(sh, &p->generation, zone->generation);
    ngx_ess_journal_commit_locked(sh);

    ngx_ess_zone_unlock(zone);

    ngx_ess_process_sweep_slot(zone, proc, ngx_pid, 0);

    zone->proc = proc;

    ngx_ess_zone_check_all(zone, log);

    return NGX_OK;
}


void
ngx_ess_process_detach(ngx_ess_zone_t *zone)
{
    if (zone->sh == NULL || zone->proc >= zone->sh->geo.nprocs) {
        return;
    }

    ngx_ess_process_sweep_slot(zone, zone->proc, ngx_pid, 1);

    zone->proc = NGX_ESS_PROCS;
}


void
ngx_ess_process_sweep(ngx_ess_zone_t *zone, ngx_log_t *log)
{
    uint32_t            pid;
    ngx_uint_t          i;
    ngx_ess_process_t  *p;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        p = ngx_ess_zone_proc(zone->sh, i);
        pid = *(volatile uint32_t *) &p->pid;

        if (pid == 0 || i == zone->proc) {
            continue;
        }

        if (ngx_ess_process_gone(i, (ngx_pid_t) pid)) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "sweeping the zone after process %uD", pid);

            ngx_ess_process_sweep_slot(zone, i, pid, 1);
        }
    }
}


/*
 * A process id may be another process's by now, even this one's.  So the
 * master's word counts as well: it tells all workers of each that it reaped,
 * and nginx then closes the channel to that one.
 */

static ngx_uint_t
ngx_ess_process_gone(ngx_uint_t p, ngx_pid_t pid)
{
    if (pid == ngx_pid || (kill(pid, 0) == -1 && ngx_errno == ESRCH)) {
        return 1;
    }

    return ngx_processes[p].pid == pid && ngx_processes[p].channel[0] == -1;
}


/* Clears what is left in the process slot, as long as it is "pid"'s. */

static void
ngx_ess_process_sweep_slot(ngx_ess_zone_t *zone, ngx_uint_t p, uint32_t pid,
    ngx_uint_t leave)
{
    ngx_int_t                rc;
    ngx_ess_zone_sh_t       *sh;
    ngx_ess_process_t       *proc;
    ngx_ess_lookup_cursor_t  c;

    sh = zone->sh;
    proc = ngx_ess_zone_proc(sh, p);

    c.id = 0;
    c.buckets = 0;

    do {
        ngx_ess_zone_lock(zone);

        if (proc->pid != pid) {
            ngx_ess_zone_unlock(zone);
            return;
        }

        rc = ngx_ess_process_sweep_some_locked(zone, p, &c);

        if (rc == NGX_OK) {
            ngx_ess_process_clear_locked(sh, p, leave);
            ngx_ess_journal_commit_locked(sh);
        }

        ngx_ess_zone_unlock(zone);

    } while (rc == NGX_AGAIN);
}


static ngx_int_t
ngx_ess_process_sweep_some_locked(ngx_ess_zone_t *zone, ngx_uint_t p,
    ngx_ess_lookup_cursor_t *c)
{
    uint64_t            id;
    ngx_uint_t          n;
    ngx_ess_seg_t       i, next;
    ngx_ess_stream_t   *s;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    if (ngx_ess_lookup_after_locked(sh, c, &i) == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    for (n = 0; i && n < NGX_ESS_PROCESS_SWEEP; n++) {

        if (ngx_ess_zone_proc(sh, p)->npairs == 0) {
            return NGX_OK;
        }

        ngx_ess_zone_look();

        s = ngx_ess_zone_stream(sh, i);
        id = s->id;
        next = s->next;

        /* a closed one may go with its log */

        n += (s->state == NGX_ESS_STREAM_CLOSED) ? s->count : 0;

        if (ngx_ess_interest_forget_locked(zone, i, p) == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        c->id = id;
        i = next;
    }

    return i ? NGX_AGAIN : NGX_OK;
}


static void
ngx_ess_process_clear_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t p,
    ngx_uint_t leave)
{
    ngx_uint_t            i;
    ngx_ess_process_t    *proc;
    ngx_ess_zone_mark_t  *mark;

    proc = ngx_ess_zone_proc(sh, p);

    for (i = 0; i < NGX_ESS_ZONE_MARKS; i++) {
        mark = &sh->marks[i];

        if (mark->proc == p + 1) {
            ngx_ess_journal_set32_locked(sh, &mark->proc, 0);
        }
    }

    /* the dirty list went with the pairs */

    ngx_ess_journal_set32_locked(sh, &proc->wake, 0);
    ngx_ess_journal_set32_locked(sh, &proc->overflow, 0);
    ngx_ess_journal_set32_locked(sh, &proc->behind, 0);
    ngx_ess_journal_set32_locked(sh, &proc->told, 0);

    /* its slots are to be taken over by now, or soon */

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        if (proc->consumes & ((uint32_t) 1 << i)) {
            ngx_ess_zone_slot_left(sh, i);
        }
    }

    ngx_ess_journal_set32_locked(sh, &proc->consumes, 0);

    for (i = 0; i < NGX_ESS_BROKER_SESSIONS; i++) {
        ngx_ess_journal_set64_locked(sh, &proc->troubles[i].since, 0);

        /* even, should it have died while it wrote */
        ngx_ess_journal_set32_locked(sh, &proc->troubles[i].seq,
                                     (proc->troubles[i].seq + 1) & ~1U);
    }

    /* nobody is connected to a dead worker */

    for (i = NGX_ESS_C_GAUGES; i < NGX_ESS_C_N; i++) {
        ngx_ess_journal_set64_locked(sh, &proc->counters[i], 0);
    }

    if (leave) {
        ngx_ess_journal_set64_locked(sh, &proc->generation, 0);
        ngx_ess_journal_set32_locked(sh, &proc->pid, 0);
    }
}


ngx_uint_t
ngx_ess_process_slots(ngx_ess_zone_t *zone)
{
    return zone->sh->geo.nprocs;
}
