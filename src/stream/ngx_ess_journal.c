
/*
 * The undo journal: what a worker that died had left half-done is undone by the
 * next one that takes the mutex, in whatever process.
 */


#include "ngx_ess_journal.h"
#include "ngx_ess_zone_hook.h"
#include "ngx_ess_zone_layout.h"


/* Who dies here leaves a shorter journal, and the next one goes on. */

void
ngx_ess_journal_rollback_locked(ngx_ess_zone_sh_t *sh)
{
    void                    *p;
    uint32_t                 n, all;
    ngx_ess_journal_undo_t  *u;

    all = sh->undo;

    for (n = all; n; n--) {
        u = (ngx_ess_journal_undo_t *) ngx_ess_zone_at(sh, sh->geo.journal);
        u += n - 1;

        p = ngx_ess_zone_at(sh, u->where & ~(uint64_t) 1);

        ngx_ess_zone_fault();

        if (u->where & 1) {
            *(volatile uint64_t *) p = u->old;

        } else {
            *(volatile uint32_t *) p = (uint32_t) u->old;
        }

        ngx_ess_journal_barrier();
        ngx_ess_zone_fault();

        sh->undo = n - 1;

        ngx_ess_journal_barrier();
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "rolled back %uD changes in the zone, which a worker that "
                  "died had left half-done", all);
}
