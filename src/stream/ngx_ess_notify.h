/*
 * Wakes the workers that have subscribers on a stream that changed.
 *
 * Each stream names in the zone the process slots that have an interest in
 * it, and how many subscribers each has.  Who appends puts the stream on the
 * list of changed streams of each of them, once, and wakes them once a batch,
 * through an eventfd per process slot.  The eventfds are made by the master,
 * once, close-on-exec, and kept across reloads, so that workers of every
 * generation can wake each other.
 */


#ifndef _NGX_ESS_NOTIFY_H_INCLUDED_
#define _NGX_ESS_NOTIFY_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"


/* a set of process slots: those to be woken after the mutex was released */

typedef struct {
    uint64_t                 procs[NGX_ESS_PROCS / 64];
} ngx_ess_notify_wake_t;


/* who hears of what; all are called without the mutex */

typedef struct {
    /* once for each stream that changed since and in which this process has an
       interest; with ref->id 0: any of them may have changed */
    void                   (*changed)(ngx_ess_stream_ref_t *ref);

    /* before that, when newer subscribers of the stream have taken over from
       those whose number is below "first", which are to be closed */
    void                   (*replaced)(ngx_ess_stream_ref_t *ref,
                               uint64_t first);

    /* the mailbox may have something for this process */
    void                   (*mail)(void);

    /* once, at the graceful shutdown, at once */
    void                   (*shutdown)(void);
} ngx_ess_notify_handlers_t;


typedef struct {
    ngx_uint_t               max;           /* subscribers of a stream */
    ngx_uint_t               replace;       /* older ones go instead */
} ngx_ess_notify_limit_t;


/*
 * In the master (or single process), from init_module, never in a test of
 * the configuration: makes the eventfds, once for the life of the master;
 * how many follows from worker_processes.  NGX_OK or NGX_ERROR, logged.
 */
ngx_int_t ngx_ess_notify_init_module(ngx_cycle_t *cycle);

/*
 * In a worker, after ngx_ess_shm_attach(): listens to its own eventfd on an
 * idle connection.  A worker whose process slot has no eventfd polls instead.
 */
ngx_int_t ngx_ess_notify_init_process(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone, const ngx_ess_notify_handlers_t *handlers);
void ngx_ess_notify_exit_process(ngx_cycle_t *cycle);

/* Looks at the wake-up flag without having been woken: for a timer, in case
   that a waker died between its commit and its wake-up. */
void ngx_ess_notify_poll(void);

/*
 * A sign of life of a process that is reading what it was told of; with "all"
 * it has read it.  Until then, or until it gives no sign for a second, an
 * append evicts none of it: see ngx_ess_log_append_locked().  Takes the mutex.
 */
void ngx_ess_notify_progress(ngx_uint_t all);

/*
 * This process has one subscriber more on the stream.  *seq is the position
 * of the next record to come, *ordinal that of the next event, taken together
 * with it; *number counts the stream's subscribers, in order of their arrival.
 * "limit" NULL: none; with "replace" no more than the last "max" of them stay.
 * Takes the mutex.  NGX_OK; NGX_DECLINED: no such stream (only VISIBLE and
 * DELETING ones); NGX_BUSY: it has as many subscribers as it may; NGX_ERROR:
 * no room for one more process.
 */
ngx_int_t ngx_ess_notify_subscribe(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_notify_limit_t *limit, uint64_t *seq,
    uint64_t *ordinal, uint32_t *number);

/*
 * One subscriber less; the last of a CLOSED stream frees it.  Takes the mutex.
 */
void ngx_ess_notify_unsubscribe(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* 1 when this process has subscribers on the stream.  Takes the mutex. */
ngx_uint_t ngx_ess_notify_subscribed(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref);

/* The process slots that have subscribers on the stream.  Takes the mutex. */
void ngx_ess_notify_interested(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *ref, ngx_ess_notify_wake_t *procs);

/* Wakes the process slots in "wake", the own one through a posted event, and
   clears it.  Without the mutex. */
void ngx_ess_notify_wake(ngx_ess_zone_t *zone, ngx_ess_notify_wake_t *wake);


#endif /* _NGX_ESS_NOTIFY_H_INCLUDED_ */
