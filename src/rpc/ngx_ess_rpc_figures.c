
/*
 * Figures of RPC: what happens is added to sums in shared memory, and what is
 * so now is written to this process's own slot.  Runs in workers.
 */


#include "ngx_ess_rpc_memory.h"


static void ngx_ess_rpc_figures_left(ngx_ess_rpc_figures_t *figures,
    ngx_uint_t row);
static void ngx_ess_rpc_figures_add_time(ngx_ess_rpc_memory_sums_t *sums,
    ngx_msec_t ms);
static void ngx_ess_rpc_figures_say(ngx_ess_trouble_t *t, ngx_str_t *host,
    ngx_str_t *text);


const uint32_t  ngx_ess_rpc_figures_times[NGX_ESS_RPC_FIGURES_TIMES - 1] = {
    1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000
};


/* NULL: this worker takes no part in RPC, or has no process slot */
static ngx_ess_rpc_figures_t      *ngx_ess_rpc_figures_mine;
static ngx_ess_rpc_memory_proc_t  *ngx_ess_rpc_figures_own;


void
ngx_ess_rpc_figures_init_process(ngx_ess_rpc_figures_t *figures)
{
    uint64_t                    bits;
    ngx_uint_t                  i;
    ngx_ess_rpc_memory_proc_t  *own;

    ngx_ess_rpc_figures_mine = figures;
    ngx_ess_rpc_figures_own = NULL;

    if ((ngx_uint_t) ngx_process_slot >= NGX_ESS_RPC_MEMORY_PROCS) {
        return;
    }

    own = ngx_ess_rpc_memory_proc(figures, ngx_process_slot);

    /* whoever had the slot is gone */

    own->pid = 0;
    ngx_memory_barrier();

    own->in_work = 0;
    own->in_flight = 0;
    ngx_memzero(own->troubles, sizeof(own->troubles));
    ngx_memzero(&own->alarm, sizeof(ngx_ess_trouble_t));

    for (i = 0; i < figures->nrows; i++) {
        bits = own->consumes[i / 64];

        if (bits & ((uint64_t) 1 << (i % 64))) {
            own->consumes[i / 64] = bits & ~((uint64_t) 1 << (i % 64));
            ngx_ess_rpc_figures_left(figures, i);
        }
    }

    ngx_memory_barrier();
    own->pid = (uint32_t) ngx_pid;

    ngx_ess_rpc_figures_own = own;
}


/* A worker consumes it no more; if that was the last one, the time is kept. */

static void
ngx_ess_rpc_figures_left(ngx_ess_rpc_figures_t *figures, ngx_uint_t row)
{
    if (ngx_ess_rpc_memory_consumers(figures, row) == 0) {
        (void) ngx_atomic_cmp_set(&figures->sh->rows[row].left, 0,
                                  ngx_current_msec | 1);
    }
}


void
ngx_ess_rpc_figures_message(ngx_uint_t row, ngx_ess_consume_outcome_e outcome)
{
    ngx_ess_rpc_figures_t  *figures;

    figures = ngx_ess_rpc_figures_mine;

    if (figures && row < figures->nrows) {
        (void) ngx_atomic_fetch_add(&figures->sh->rows[row].outcomes[outcome],
                                    1);
    }
}


void
ngx_ess_rpc_figures_message_time(ngx_msec_t ms)
{
    if (ngx_ess_rpc_figures_mine) {
        ngx_ess_rpc_figures_add_time(&ngx_ess_rpc_figures_mine->sh
                                         ->message_time, ms);
    }
}


static void
ngx_ess_rpc_figures_add_time(ngx_ess_rpc_memory_sums_t *sums, ngx_msec_t ms)
{
    ngx_uint_t  i;

    /* the clock was set back */

    if ((ngx_msec_int_t) ms < 0) {
        ms = 0;
    }

    for (i = 0; i < NGX_ESS_RPC_FIGURES_TIMES - 1; i++) {
        if (ms <= ngx_ess_rpc_figures_times[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&sums->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&sums->sum, ms);
}


void
ngx_ess_rpc_figures_in_work(ngx_int_t n)
{
    if (ngx_ess_rpc_figures_own) {
        ngx_ess_rpc_figures_own->in_work += n;
    }
}


void
ngx_ess_rpc_figures_consuming(ngx_uint_t row, ngx_uint_t on)
{
    uint64_t                    bit;
    ngx_ess_rpc_figures_t      *figures;
    ngx_ess_rpc_memory_proc_t  *own;

    figures = ngx_ess_rpc_figures_mine;
    own = ngx_ess_rpc_figures_own;

    if (own == NULL || row >= figures->nrows) {
        return;
    }

    bit = (uint64_t) 1 << (row % 64);

    if (on) {
        own->consumes[row / 64] |= bit;
        ngx_memory_barrier();
        figures->sh->rows[row].left = 0;

    } else if (own->consumes[row / 64] & bit) {
        own->consumes[row / 64] &= ~bit;
        ngx_memory_barrier();
        ngx_ess_rpc_figures_left(figures, row);
    }
}


void
ngx_ess_rpc_figures_call(ngx_ess_call_outcome_e outcome)
{
    if (ngx_ess_rpc_figures_mine) {
        (void) ngx_atomic_fetch_add(&ngx_ess_rpc_figures_mine->sh
                                        ->calls[outcome], 1);
    }
}


void
ngx_ess_rpc_figures_call_time(ngx_msec_t ms)
{
    if (ngx_ess_rpc_figures_mine) {
        ngx_ess_rpc_figures_add_time(&ngx_ess_rpc_figures_mine->sh->call_time,
                                     ms);
    }
}


void
ngx_ess_rpc_figures_in_flight(ngx_int_t n)
{
    if (ngx_ess_rpc_figures_own) {
        ngx_ess_rpc_figures_own->in_flight += n;
    }
}


void
ngx_ess_rpc_figures_trouble(ngx_ess_rpc_session_e session, ngx_str_t *host,
    ngx_str_t *text)
{
    if (ngx_ess_rpc_figures_own) {
        ngx_ess_rpc_figures_say(&ngx_ess_rpc_figures_own->troubles[session],
                                host, text);
    }
}


void
ngx_ess_rpc_figures_blocked(ngx_str_t *host, ngx_str_t *reason)
{
    if (ngx_ess_rpc_figures_own) {
        ngx_ess_rpc_figures_say(&ngx_ess_rpc_figures_own->alarm, host, reason);
    }
}


static void
ngx_ess_rpc_figures_say(ngx_ess_trouble_t *t, ngx_str_t *host, ngx_str_t *text)
{
    if (text) {
        ngx_ess_trouble_set(t, host, text);

    } else {
        ngx_ess_trouble_well(t);
    }
}
