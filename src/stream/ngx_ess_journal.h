/*
 * The undo journal.  Each word of the zone that matters is changed through
 * ngx_ess_journal_set32_locked() or _set64_locked(), which write the old value
 * into the journal first; its length is the one word that says that an
 * operation is under way.
 *
 *   set, set, ... ──► commit: length 0
 *        │
 *      dies ──► rollback, by whoever locks next: the old values, from the last
 *               one to the first, each with a shorter journal
 *
 * The bytes of a segment that nothing links to yet need no journal.
 */


#ifndef _NGX_ESS_JOURNAL_H_INCLUDED_
#define _NGX_ESS_JOURNAL_H_INCLUDED_


#include "ngx_ess_zone_hook.h"
#include "ngx_ess_zone_layout.h"


/*
 * Order as the compiler sees it is enough: a process that is killed has done
 * all that stands before the instruction at which it died, and nothing of
 * what stands after it.
 */

#define ngx_ess_journal_barrier()    __asm__ volatile ("" ::: "memory")


/* Undoes what is in the journal, and empties it. */
void ngx_ess_journal_rollback_locked(ngx_ess_zone_sh_t *sh);


static ngx_inline void
ngx_ess_journal_commit_locked(ngx_ess_zone_sh_t *sh)
{
    ngx_ess_journal_barrier();
    ngx_ess_zone_fault();

    sh->undo = 0;

    ngx_ess_journal_barrier();
}


static ngx_inline void
ngx_ess_journal_add_locked(ngx_ess_zone_sh_t *sh, void *p, uint64_t old,
    uint64_t wide)
{
    uint32_t                 n;
    ngx_ess_journal_undo_t  *u;

    n = sh->undo;

    if (n >= sh->geo.njournal) {
        /* a fault of ours that the checker reports; it costs the rollback of
           what was done so far, no more */
        sh->overflows++;
        ngx_ess_journal_commit_locked(sh);
        n = 0;
    }

    u = (ngx_ess_journal_undo_t *) ngx_ess_zone_at(sh, sh->geo.journal) + n;

    ngx_ess_zone_fault();

    u->where = (uint64_t) ((u_char *) p - (u_char *) sh) | wide;
    u->old = old;

    ngx_ess_journal_barrier();
    ngx_ess_zone_fault();

    sh->undo = n + 1;

    ngx_ess_journal_barrier();
    ngx_ess_zone_fault();
}


static ngx_inline void
ngx_ess_journal_set32_locked(ngx_ess_zone_sh_t *sh, uint32_t *p, uint32_t value)
{
    if (*p == value) {
        return;
    }

    ngx_ess_journal_add_locked(sh, p, *p, 0);

    *(volatile uint32_t *) p = value;
}


static ngx_inline void
ngx_ess_journal_set64_locked(ngx_ess_zone_sh_t *sh, uint64_t *p, uint64_t value)
{
    if (*p == value) {
        return;
    }

    ngx_ess_journal_add_locked(sh, p, *p, 1);

    *(volatile uint64_t *) p = value;
}


#endif /* _NGX_ESS_JOURNAL_H_INCLUDED_ */
