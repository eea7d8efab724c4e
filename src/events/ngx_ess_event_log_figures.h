/*
 * Figures of event logs, over all workers, in shared memory of their own: a log
 * needs no ess_zone.  A row a log, found by its name, kept over a reload.  Sums
 * are added to atomically; what a log last failed with has a lock.
 */


#ifndef _NGX_ESS_EVENT_LOG_FIGURES_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_FIGURES_H_INCLUDED_


#include "ngx_ess_event_log.h"
#include "ngx_ess_trouble.h"


/* what became of events that were to be stored */

typedef enum {
    NGX_ESS_EVENT_LOG_FIGURES_STORED = 0,
    NGX_ESS_EVENT_LOG_FIGURES_SAME,
    NGX_ESS_EVENT_LOG_FIGURES_DUPLICATE,    /* their id has other content */
    NGX_ESS_EVENT_LOG_FIGURES_INVALID,      /* before the database, or by a
                                               trigger in it */
    NGX_ESS_EVENT_LOG_FIGURES_UNDONE,       /* with others, all or none */
    NGX_ESS_EVENT_LOG_FIGURES_UNAVAILABLE,
    NGX_ESS_EVENT_LOG_FIGURES_RESULTS
} ngx_ess_event_log_figures_result_e;


/* buckets of times, the last without end; upper bounds of the others, ms */
#define NGX_ESS_EVENT_LOG_FIGURES_TIMES  14

extern const uint32_t
    ngx_ess_event_log_figures_times[NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1];


/* bytes of what is wrong */
#define NGX_ESS_EVENT_LOG_FIGURES_WHY    1024


typedef struct {
    uint64_t                 results[NGX_ESS_EVENT_LOG_FIGURES_RESULTS];
    uint64_t                 events;        /* in the database, */
    uint64_t                 bytes;         /* as it was last asked, */
    ngx_uint_t               measured;      /* 0: it never was */
    ngx_uint_t               listening;     /* a worker of this nginx does */
    uint64_t                 noticed;       /* times it heard of others */
    ngx_uint_t               followed;      /* by clients of this nginx */
    uint64_t                 behind;        /* events that they do not have
                                               yet */
    uint64_t                 inserts[NGX_ESS_EVENT_LOG_FIGURES_TIMES + 1];
    uint64_t                 queries[NGX_ESS_EVENT_LOG_FIGURES_TIMES + 1];
                                            /* times: of each bucket, and then
                                               the sum, ms */
} ngx_ess_event_log_figures_sums_t;


/* In the postconfiguration: adds the memory, in which each of the logs
   (ngx_ess_event_log_t *) gets a row.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_event_log_figures_add(ngx_conf_t *cf, ngx_array_t *logs);

/* In a worker.  An insert, or a query, was answered. */
void ngx_ess_event_log_figures_insert(ngx_ess_event_log_t *log,
    ngx_ess_event_log_insert_t *insert);
void ngx_ess_event_log_figures_query(ngx_ess_event_log_t *log,
    ngx_ess_event_log_query_t *query);

/* In a worker: n events were refused before the database. */
void ngx_ess_event_log_figures_invalid(ngx_ess_event_log_t *log, ngx_uint_t n);

/* In a worker: what there is.  "text" null terminated. */
void ngx_ess_event_log_figures_measured(ngx_ess_event_log_t *log,
    uint64_t events, uint64_t bytes);
void ngx_ess_event_log_figures_failed(ngx_ess_event_log_t *log, u_char *text);
void ngx_ess_event_log_figures_well(ngx_ess_event_log_t *log);

/* In a worker.  The lease of what one worker does for all: NGX_OK: this one has
   it for the next "ms"; NGX_BUSY: another one, which is alive, has it. */
ngx_int_t ngx_ess_event_log_figures_lease(ngx_ess_event_log_t *log,
    ngx_msec_t ms);
void ngx_ess_event_log_figures_unlease(ngx_ess_event_log_t *log);

/* In a worker.  It listens, for the next "ms" at least, or, 0, no more; and n
   times was told that others have stored. */
void ngx_ess_event_log_figures_listening(ngx_ess_event_log_t *log,
    ngx_msec_t ms);
void ngx_ess_event_log_figures_noticed(ngx_ess_event_log_t *log, ngx_uint_t n);

/* In a worker.  The one that follows has all but n events; or it follows no
   more. */
void ngx_ess_event_log_figures_behind(ngx_ess_event_log_t *log, uint64_t n);
void ngx_ess_event_log_figures_left(ngx_ess_event_log_t *log);

/* In a worker, for ess_metrics. */
void ngx_ess_event_log_figures_sums(ngx_ess_event_log_t *log,
    ngx_ess_event_log_figures_sums_t *sums);

/*
 * In a worker, for ess_health.  NGX_DECLINED: a log's database does not answer
 * for two seconds or longer; "why" says which and why, in "buf" of
 * NGX_ESS_EVENT_LOG_FIGURES_WHY bytes.
 */
ngx_int_t ngx_ess_event_log_figures_healthy(ngx_array_t *logs, u_char *buf,
    ngx_str_t *why);

/* 1: that is so of this one */
ngx_uint_t ngx_ess_event_log_figures_trouble(ngx_ess_event_log_t *log,
    ngx_ess_trouble_t *copy);


#endif /* _NGX_ESS_EVENT_LOG_FIGURES_H_INCLUDED_ */
