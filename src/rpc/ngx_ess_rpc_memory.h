/*
 * Shared memory of RPC's figures: rows of queues, sums, process slots.
 */


#ifndef _NGX_ESS_RPC_MEMORY_H_INCLUDED_
#define _NGX_ESS_RPC_MEMORY_H_INCLUDED_


#include "ngx_ess_rpc_figures.h"
#include "ngx_ess_trouble.h"


#define NGX_ESS_RPC_MEMORY_PROCS  256         /* process slots */


/* one a process slot; its process writes it */

typedef struct {
    uint32_t                 pid;           /* 0: nobody had it yet */
    ngx_int_t                in_work;
    ngx_int_t                in_flight;
    ngx_ess_trouble_t        troubles[NGX_ESS_RPC_SESSIONS];
    ngx_ess_trouble_t        alarm;         /* which blocks the publishing
                                               session */
    uint64_t                 consumes[];    /* a bit a row */
} ngx_ess_rpc_memory_proc_t;


typedef struct {
    ngx_atomic_t             buckets[NGX_ESS_RPC_FIGURES_TIMES];
    ngx_atomic_t             sum;           /* ms */
} ngx_ess_rpc_memory_sums_t;


typedef struct {
    ngx_atomic_t             left;          /* ngx_current_msec of when nobody
                                               consumed it any more; 0: it is
                                               consumed */
    ngx_atomic_t             outcomes[NGX_ESS_CONSUME_OUTCOMES];
    uint32_t                 len;           /* of the name; 0: a free row */
    uint32_t                 wanted;        /* by the last configuration; while
                                               rows are given */
    u_char                   name[NGX_ESS_MAX_KEY];
} ngx_ess_rpc_memory_row_t;


typedef struct {
    ngx_atomic_t             calls[NGX_ESS_CALL_OUTCOMES];
    ngx_ess_rpc_memory_sums_t message_time;
    ngx_ess_rpc_memory_sums_t call_time;
    ngx_ess_rpc_memory_row_t rows[];        /* and then the process slots */
} ngx_ess_rpc_memory_shared_t;


struct ngx_ess_rpc_figures_s {
    ngx_ess_rpc_memory_shared_t *sh;        /* NULL: not there yet */
    ngx_array_t             *queues;        /* of
                                               ngx_ess_consume_conf_queue_t */
    ngx_uint_t               calls;
    ngx_uint_t               nrows;
};


/* Adds the shared memory, in the postconfiguration; "queues": of
   ngx_ess_consume_conf_queue_t, whose "figures" are set when the memory is
   there; "calls": locations with ess_rpc.  NULL: no memory, logged. */
ngx_ess_rpc_figures_t *ngx_ess_rpc_memory_add(ngx_conf_t *cf,
    ngx_array_t *queues, ngx_uint_t calls);

/* Process slot "i"; the same if its process is there, else NULL. */
ngx_ess_rpc_memory_proc_t *ngx_ess_rpc_memory_proc(
    ngx_ess_rpc_figures_t *figures, ngx_uint_t i);
ngx_ess_rpc_memory_proc_t *ngx_ess_rpc_memory_there(
    ngx_ess_rpc_figures_t *figures, ngx_uint_t i);

/* Workers that are there and consume a row's queue. */
ngx_uint_t ngx_ess_rpc_memory_consumers(ngx_ess_rpc_figures_t *figures,
    ngx_uint_t row);


#endif /* _NGX_ESS_RPC_MEMORY_H_INCLUDED_ */
