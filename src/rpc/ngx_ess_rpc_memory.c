
/*
 * Shared memory of RPC's figures: the master lays it out and gives rows to
 * queues, once a cycle.  What a killed worker left in its process slot is told
 * by its process id.
 */


#include "ngx_ess_consume_conf.h"
#include "ngx_ess_rpc_memory.h"


#define NGX_ESS_RPC_MEMORY_ROWS  64         /* at least, a multiple of it */


static ngx_int_t ngx_ess_rpc_memory_init(ngx_shm_zone_t *shm_zone, void *data);
static void ngx_ess_rpc_memory_give(ngx_ess_rpc_figures_t *figures);
static ngx_ess_rpc_memory_row_t *ngx_ess_rpc_memory_find(
    ngx_ess_rpc_figures_t *figures, ngx_str_t *name);
static ngx_ess_rpc_memory_row_t *ngx_ess_rpc_memory_unused(
    ngx_ess_rpc_figures_t *figures);
static size_t ngx_ess_rpc_memory_size(ngx_ess_rpc_figures_t *figures);
static size_t ngx_ess_rpc_memory_stride(ngx_ess_rpc_figures_t *figures);


/* no ess_zone is likely to be called so */
static ngx_str_t  ngx_ess_rpc_memory_name =
    ngx_string("figures of ess_consume and ess_rpc");


ngx_ess_rpc_figures_t *
ngx_ess_rpc_memory_add(ngx_conf_t *cf, ngx_array_t *queues, ngx_uint_t calls)
{
    size_t                  size;
    ngx_shm_zone_t         *shm_zone;
    ngx_ess_rpc_figures_t  *figures;

    figures = ngx_pcalloc(cf->pool, sizeof(ngx_ess_rpc_figures_t));
    if (figures == NULL) {
        return NULL;
    }

    figures->queues = queues;
    figures->calls = calls;

    /* with room for others, so that most changes of a configuration keep the
       size, and with it the figures */

    figures->nrows = ngx_align(2 * queues->nelts + 1, NGX_ESS_RPC_MEMORY_ROWS);

    size = ngx_ess_rpc_memory_size(figures);

    /* the slab pool has a little of each page */

    size += size / 64 + 16 * ngx_pagesize;

    shm_zone = ngx_shared_memory_add(cf, &ngx_ess_rpc_memory_name, size,
                                     &ngx_ess_rpc_memory_name);
    if (shm_zone == NULL) {
        return NULL;
    }

    shm_zone->init = ngx_ess_rpc_memory_init;
    shm_zone->data = figures;

    return figures;
}


/* nginx calls it with the data of the last cycle when the memory is the same,
   which is when its size is. */

static ngx_int_t
ngx_ess_rpc_memory_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_slab_pool_t        *shpool;
    ngx_ess_rpc_figures_t  *figures, *old;

    figures = shm_zone->data;
    old = data;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (old) {
        figures->sh = old->sh;
        figures->nrows = old->nrows;

    } else if (shm_zone->shm.exists) {
        figures->sh = shpool->data;

    } else {
        figures->sh = ngx_slab_calloc(shpool,
                                      ngx_ess_rpc_memory_size(figures));
        if (figures->sh == NULL) {
            return NGX_ERROR;
        }

        shpool->data = figures->sh;
    }

    ngx_ess_rpc_memory_give(figures);

    return NGX_OK;
}


/*
 * Each queue of the configuration has a row: its own, a free one, or that of a
 * queue which is in it no more.  The last may get something from a worker that
 * is shutting down; there are twice as many rows as queues, so it is rare.
 */

static void
ngx_ess_rpc_memory_give(ngx_ess_rpc_figures_t *figures)
{
    ngx_uint_t                     i;
    ngx_ess_rpc_memory_row_t      *row;
    ngx_ess_consume_conf_queue_t  *queue;

    queue = figures->queues->elts;

    for (i = 0; i < figures->nrows; i++) {
        row = &figures->sh->rows[i];

        /* of a queue that comes back: that nobody consumed it meanwhile is no
           trouble */

        if (!row->wanted) {
            row->left = ngx_current_msec | 1;
        }

        row->wanted = 0;
    }

    for (i = 0; i < figures->queues->nelts; i++) {
        row = ngx_ess_rpc_memory_find(figures, &queue[i].name);

        if (row) {
            row->wanted = 1;
            queue[i].figures = row - figures->sh->rows;
        }
    }

    for (i = 0; i < figures->queues->nelts; i++) {

        if (ngx_ess_rpc_memory_find(figures, &queue[i].name)) {
            continue;
        }

        row = ngx_ess_rpc_memory_unused(figures);

        ngx_memzero(row, sizeof(ngx_ess_rpc_memory_row_t));

        row->left = ngx_current_msec | 1;
        row->wanted = 1;
        row->len = ngx_min(queue[i].name.len, NGX_ESS_MAX_KEY);
        ngx_memcpy(row->name, queue[i].name.data, row->len);

        queue[i].figures = row - figures->sh->rows;
    }
}


static ngx_ess_rpc_memory_row_t *
ngx_ess_rpc_memory_find(ngx_ess_rpc_figures_t *figures, ngx_str_t *name)
{
    ngx_uint_t                 i;
    ngx_ess_rpc_memory_row_t  *row;

    for (i = 0; i < figures->nrows; i++) {
        row = &figures->sh->rows[i];

        if (row->len == name->len
            && ngx_memcmp(row->name, name->data, name->len) == 0)
        {
            return row;
        }
    }

    return NULL;
}


/* There are more rows than queues. */

static ngx_ess_rpc_memory_row_t *
ngx_ess_rpc_memory_unused(ngx_ess_rpc_figures_t *figures)
{
    ngx_uint_t                 i;
    ngx_ess_rpc_memory_row_t  *row, *other;

    other = figures->sh->rows;

    for (i = 0; i < figures->nrows; i++) {
        row = &figures->sh->rows[i];

        if (row->len == 0) {
            return row;
        }

        if (!row->wanted) {
            other = row;
        }
    }

    return other;
}


static size_t
ngx_ess_rpc_memory_size(ngx_ess_rpc_figures_t *figures)
{
    return sizeof(ngx_ess_rpc_memory_shared_t)
           + figures->nrows * sizeof(ngx_ess_rpc_memory_row_t)
           + NGX_ESS_RPC_MEMORY_PROCS * ngx_ess_rpc_memory_stride(figures);
}


static size_t
ngx_ess_rpc_memory_stride(ngx_ess_rpc_figures_t *figures)
{
    return ngx_align(sizeof(ngx_ess_rpc_memory_proc_t)
                     + figures->nrows / 64 * sizeof(uint64_t), 64);
}


ngx_ess_rpc_memory_proc_t *
ngx_ess_rpc_memory_proc(ngx_ess_rpc_figures_t *figures, ngx_uint_t i)
{
    return (ngx_ess_rpc_memory_proc_t *)
               ((u_char *) &figures->sh->rows[figures->nrows]
                + i * ngx_ess_rpc_memory_stride(figures));
}


/*
 * The record of a process that is there, else NULL.  A process id may be
 * another process's by now, even this one's, so what nginx knows of the slot
 * counts as well: the master tells its workers whom it started and reaped.
 * A worker of another user (EPERM) is ours only when nginx knows it.
 */

ngx_ess_rpc_memory_proc_t *
ngx_ess_rpc_memory_there(ngx_ess_rpc_figures_t *figures, ngx_uint_t i)
{
    uint32_t                    pid;
    ngx_uint_t                  known;
    ngx_ess_rpc_memory_proc_t  *proc;

    proc = ngx_ess_rpc_memory_proc(figures, i);
    pid = *(volatile uint32_t *) &proc->pid;

    if (pid == 0) {
        return NULL;
    }

    if ((ngx_pid_t) pid == ngx_pid) {
        return (i == (ngx_uint_t) ngx_process_slot) ? proc : NULL;
    }

    known = (ngx_processes[i].pid == (ngx_pid_t) pid);

    if (known && ngx_processes[i].channel[0] == -1) {
        return NULL;
    }

    if (kill((ngx_pid_t) pid, 0) == -1 && (ngx_errno != NGX_EPERM || !known)) {
        return NULL;
    }

    return proc;
}


ngx_uint_t
ngx_ess_rpc_memory_consumers(ngx_ess_rpc_figures_t *figures, ngx_uint_t row)
{
    uint64_t                    bit;
    ngx_uint_t                  i, n;
    ngx_ess_rpc_memory_proc_t  *proc;

    bit = (uint64_t) 1 << (row % 64);

    for (i = 0, n = 0; i < NGX_ESS_RPC_MEMORY_PROCS; i++) {
        proc = ngx_ess_rpc_memory_proc(figures, i);

        if (*(volatile uint64_t *) &proc->consumes[row / 64] & bit) {
            n += (ngx_ess_rpc_memory_there(figures, i) != NULL);
        }
    }

    return n;
}
