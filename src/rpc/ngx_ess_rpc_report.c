
/*
 * What the figures of RPC say, over all workers: for ess_metrics, and whether
 * every queue is consumed and every worker can publish.  Runs in a worker.
 */


#include "ngx_ess_consume_conf.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_rpc_memory.h"
#include "ngx_ess_rpc_report.h"


static ngx_uint_t ngx_ess_rpc_report_missing(ngx_ess_rpc_figures_t *figures,
    ngx_str_t **name);
static ngx_int_t ngx_ess_rpc_report_oldest(ngx_ess_rpc_figures_t *figures,
    ngx_ess_rpc_session_e session, ngx_uint_t blocked,
    ngx_ess_trouble_t *trouble);
static void ngx_ess_rpc_report_older(ngx_ess_trouble_t *t,
    ngx_ess_trouble_t *oldest);
static ngx_ess_consume_conf_queue_t *ngx_ess_rpc_report_queue(
    ngx_ess_rpc_figures_t *figures, ngx_uint_t i);
static void ngx_ess_rpc_report_copy(ngx_ess_rpc_memory_sums_t *sums,
    ngx_ess_rpc_report_histogram_t *h);


ngx_int_t
ngx_ess_rpc_report_healthy(ngx_ess_rpc_figures_t *figures, u_char *buf,
    ngx_str_t *why)
{
    u_char             *p, *last;
    ngx_str_t          *name;
    ngx_uint_t          n;
    ngx_ess_escaped_t   e;
    ngx_ess_trouble_t   trouble;

    last = buf + NGX_ESS_RPC_REPORT_WHY;
    why->data = buf;
    name = NULL;

    n = ngx_ess_rpc_report_missing(figures, &name);

    if (n) {
        p = ngx_slprintf(buf, last, "queue \"%V\"", ngx_ess_escape(&e, name));

        if (n > 1) {
            p = ngx_slprintf(p, last, " and %ui more", n - 1);
        }

        p = ngx_slprintf(p, last, " %s consumed by no worker",
                         n > 1 ? "are" : "is");

        if (ngx_ess_rpc_report_oldest(figures, NGX_ESS_RPC_CONSUMING, 1,
                                       &trouble)
            == NGX_OK)
        {
            p = ngx_ess_trouble_words(p, last, &trouble);
        }

        why->len = p - buf;

        return NGX_DECLINED;
    }

    if (ngx_ess_rpc_report_oldest(figures, NGX_ESS_RPC_PUBLISHING, 0,
                                   &trouble)
        == NGX_OK
        && trouble.since + NGX_ESS_RPC_REPORT_GRACE < ngx_ess_now())
    {
        p = ngx_slprintf(buf, last, "a worker cannot publish");
        p = ngx_ess_trouble_words(p, last, &trouble);

        why->len = p - buf;

        return NGX_DECLINED;
    }

    return NGX_OK;
}


/*
 * Queues that nobody consumes for longer than the grace, and the name of one.
 * That the last consumer was killed is found here, too, if not by the worker
 * which follows it.
 */

static ngx_uint_t
ngx_ess_rpc_report_missing(ngx_ess_rpc_figures_t *figures, ngx_str_t **name)
{
    ngx_uint_t                     i, n;
    ngx_msec_t                     left;
    ngx_ess_rpc_memory_row_t      *row;
    ngx_ess_consume_conf_queue_t  *queue;

    queue = figures->queues->elts;

    for (i = 0, n = 0; i < figures->queues->nelts; i++) {
        row = &figures->sh->rows[queue[i].figures];
        left = (ngx_msec_t) *(volatile ngx_atomic_t *) &row->left;

        if (ngx_ess_rpc_memory_consumers(figures, queue[i].figures)) {

            if (left) {
                row->left = 0;
            }

        } else if (left == 0) {
            row->left = ngx_current_msec | 1;

        } else if ((ngx_msec_int_t) (ngx_current_msec - left)
                   > NGX_ESS_RPC_REPORT_GRACE
                   && n++ == 0)
        {
            *name = &queue[i].name;
        }
    }

    return n;
}


/* Of the workers that are there; without "blocked", not of those that are. */

static ngx_int_t
ngx_ess_rpc_report_oldest(ngx_ess_rpc_figures_t *figures,
    ngx_ess_rpc_session_e session, ngx_uint_t blocked,
    ngx_ess_trouble_t *trouble)
{
    ngx_uint_t                  i;
    ngx_ess_rpc_memory_proc_t  *proc;

    trouble->since = 0;

    for (i = 0; i < NGX_ESS_RPC_MEMORY_PROCS; i++) {
        proc = ngx_ess_rpc_memory_there(figures, i);

        if (proc == NULL || (!blocked && proc->alarm.since)) {
            continue;
        }

        ngx_ess_rpc_report_older(&proc->troubles[session], trouble);
    }

    return trouble->since ? NGX_OK : NGX_DECLINED;
}


/* "oldest" is a copy of the oldest so far, since 0: there is none. */

static void
ngx_ess_rpc_report_older(ngx_ess_trouble_t *t, ngx_ess_trouble_t *oldest)
{
    ngx_ess_trouble_t  copy;

    if (ngx_ess_trouble_read(t, &copy) == NGX_OK
        && (oldest->since == 0 || copy.since < oldest->since))
    {
        *oldest = copy;
    }
}


ngx_uint_t
ngx_ess_rpc_report_blocked(ngx_ess_rpc_figures_t *figures, u_char *buf,
    ngx_str_t *why)
{
    u_char                     *p, *last;
    ngx_uint_t                  i, n;
    ngx_ess_trouble_t           oldest;
    ngx_ess_rpc_memory_proc_t  *proc;

    oldest.since = 0;

    for (i = 0, n = 0; i < NGX_ESS_RPC_MEMORY_PROCS; i++) {
        proc = ngx_ess_rpc_memory_there(figures, i);

        if (proc == NULL || proc->alarm.since == 0) {
            continue;
        }

        n++;

        ngx_ess_rpc_report_older(&proc->alarm, &oldest);
    }

    if (n == 0) {
        return 0;
    }

    last = buf + NGX_ESS_RPC_REPORT_WHY;
    p = ngx_slprintf(buf, last, "the broker blocks those who publish");

    if (oldest.since) {
        p = ngx_slprintf(p, last, ": \"%*s\"", (size_t) oldest.text_len,
                         oldest.text);
    }

    why->data = buf;
    why->len = p - buf;

    return 1;
}


ngx_uint_t
ngx_ess_rpc_report_queues(ngx_ess_rpc_figures_t *figures)
{
    return figures->queues->nelts;
}


static ngx_ess_consume_conf_queue_t *
ngx_ess_rpc_report_queue(ngx_ess_rpc_figures_t *figures, ngx_uint_t i)
{
    return (ngx_ess_consume_conf_queue_t *) figures->queues->elts + i;
}


ngx_str_t *
ngx_ess_rpc_report_name(ngx_ess_rpc_figures_t *figures, ngx_uint_t i)
{
    return &ngx_ess_rpc_report_queue(figures, i)->name;
}


ngx_uint_t
ngx_ess_rpc_report_consumers(ngx_ess_rpc_figures_t *figures, ngx_uint_t i)
{
    return ngx_ess_rpc_memory_consumers(figures,
                              ngx_ess_rpc_report_queue(figures, i)->figures);
}


uint64_t
ngx_ess_rpc_report_outcome(ngx_ess_rpc_figures_t *figures, ngx_uint_t i,
    ngx_ess_consume_outcome_e outcome)
{
    ngx_uint_t  row;

    row = ngx_ess_rpc_report_queue(figures, i)->figures;

    return figures->sh->rows[row].outcomes[outcome];
}


ngx_uint_t
ngx_ess_rpc_report_calls(ngx_ess_rpc_figures_t *figures)
{
    return figures->calls;
}


void
ngx_ess_rpc_report_totals(ngx_ess_rpc_figures_t *figures,
    ngx_ess_rpc_report_totals_t *totals)
{
    ngx_uint_t                  i;
    ngx_ess_rpc_memory_proc_t  *proc;

    ngx_memzero(totals, sizeof(ngx_ess_rpc_report_totals_t));

    for (i = 0; i < NGX_ESS_RPC_MEMORY_PROCS; i++) {
        proc = ngx_ess_rpc_memory_there(figures, i);

        if (proc) {
            totals->in_work += ngx_max(proc->in_work, 0);
            totals->in_flight += ngx_max(proc->in_flight, 0);
            totals->blocked += (proc->alarm.since != 0);
        }
    }

    for (i = 0; i < NGX_ESS_CALL_OUTCOMES; i++) {
        totals->calls[i] = figures->sh->calls[i];
    }

    ngx_ess_rpc_report_copy(&figures->sh->message_time, &totals->message_time);
    ngx_ess_rpc_report_copy(&figures->sh->call_time, &totals->call_time);
}


static void
ngx_ess_rpc_report_copy(ngx_ess_rpc_memory_sums_t *sums,
    ngx_ess_rpc_report_histogram_t *h)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_RPC_FIGURES_TIMES; i++) {
        h->buckets[i] = sums->buckets[i];
    }

    h->sum = sums->sum;
}
