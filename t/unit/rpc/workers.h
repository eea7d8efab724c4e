/*
 * Workers that share the figures of RPC: processes, each in a slot of nginx's.
 * The test's own one reads them.
 */


#ifndef _WORKERS_H_INCLUDED_
#define _WORKERS_H_INCLUDED_


#include "ngx_ess_consume_conf.h"
#include "ngx_ess_rpc_memory.h"
#include "ngx_ess_rpc_report.h"


#define WORKERS_READER  9                   /* process slot of this one */


typedef struct {
    pid_t  pid;
    int    ready;                           /* a byte comes when it is */
} workers_t;


extern ngx_process_t                 ngx_processes[NGX_MAX_PROCESSES];
extern ngx_time_t                    workers_time;
extern ngx_ess_consume_conf_queue_t  workers_queue[200];
extern ngx_ess_rpc_figures_t        *workers_figures;
extern u_char                        workers_buf[NGX_ESS_RPC_REPORT_WHY + 1];


/* With the queues "a" and "b". */
int workers_setup(void **state);

/* A cycle with these queues, and the memory of the last one if it may be. */
void workers_cycle(ngx_uint_t n, const char **names);

/* A process in a slot, which works and then waits to be killed. */
workers_t workers_start(ngx_int_t slot, void (*work)(void));
void workers_killed(workers_t *w);

/* Of a queue of the configuration. */
uint64_t workers_outcome(ngx_uint_t i, ngx_ess_consume_outcome_e o);
ngx_uint_t workers_consumers(ngx_uint_t i);

/* What is said of health; NULL: it is well. */
const char *workers_unhealthy(void);

/* Behind it is a date, which nginx's own ngx_slprintf() writes. */
void workers_begins(const void *said, const char *text);


#endif /* _WORKERS_H_INCLUDED_ */
