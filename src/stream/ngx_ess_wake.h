/*
 * Wakes the workers that have subscribers on a stream that changed.
 *
 * Who appends puts the stream on the dirty list of each process slot that has
 * an interest in it, once, and wakes them once a batch, through an eventfd per
 * process slot.  The eventfds are made by the master, once, close-on-exec, and
 * kept across reloads, so that workers of every generation can wake each other.
 */


#ifndef _NGX_ESS_WAKE_H_INCLUDED_
#define _NGX_ESS_WAKE_H_INCLUDED_


#include "ngx_ess_zone.h"


/* a set of process slots: those to be woken after the mutex was released */

typedef struct {
    uint64_t                 procs[NGX_ESS_PROCS / 64];
} ngx_ess_wake_t;


/* who hears of what; all are called without the mutex */

typedef struct {
    /* once for each stream that changed since and in which this process has an
       interest */
    void                   (*changed)(ngx_ess_stream_ref_t *ref);

    /* after that, when there were more of them than are listed: for each of
       these ngx_ess_wake_is_more() is true, and for few others */
    void                   (*changed_more)(const uint32_t *more);

    /* before that, when newer subscribers of the stream have taken over from
       those whose number is below "first", which are to be closed */
    void                   (*replaced)(ngx_ess_stream_ref_t *ref,
                               uint64_t first);

    /* the mailbox may have something for this process */
    void                   (*mail)(void);

    /* something was stored that sources of this process are to read */
    void                   (*stored)(void);
} ngx_ess_wake_handlers_t;


#define ngx_ess_wake_is_more(more, id)                                        \
    ((more)[(id) / 32 % NGX_ESS_WAKE_MORE] >> (id) % 32 & 1)


/*
 * In the master (or single process), from init_module, never in a test of
 * the configuration: makes the eventfds, once for the life of the master;
 * how many follows from worker_processes.  NGX_OK or NGX_ERROR, logged.
 */
ngx_int_t ngx_ess_wake_init_module(ngx_cycle_t *cycle);

/*
 * In a worker, after ngx_ess_process_attach(): listens to its own eventfd on an
 * idle connection.  A worker whose process slot has no eventfd polls instead.
 */
ngx_int_t ngx_ess_wake_init_process(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone, const ngx_ess_wake_handlers_t *handlers);
void ngx_ess_wake_exit_process(ngx_cycle_t *cycle);

/* Looks at the wake-up flag without having been woken: for a timer, in case
   that a waker died between its commit and its wake-up. */
void ngx_ess_wake_poll(void);

/*
 * A sign of life of a process that is reading what it was told of; with "all"
 * it has read it.  Until then, or until it gives no sign for a second, an
 * append evicts none of it: see ngx_ess_log_append_locked().  Takes the mutex.
 */
void ngx_ess_wake_progress(ngx_uint_t all);

/*
 * This process's sources read what others store, or do so no more.  What was
 * stored since is to be looked for: the first call may have come too late for
 * it.
 */
void ngx_ess_wake_listen_stored(ngx_uint_t on);

/* Something was stored: tells all processes that listen.  Without the mutex. */
void ngx_ess_wake_stored(ngx_ess_zone_t *zone);

/* Wakes the process slots in "wake", the own one through a posted event, and
   clears it.  Without the mutex. */
void ngx_ess_wake_procs(ngx_ess_zone_t *zone, ngx_ess_wake_t *wake);


/* For stream/ alone, with the mutex; the caller commits. */

/* Marks the stream for all that have an interest in it; at most
   NGX_ESS_WAKE_UNDO entries of the journal for each. */
#define NGX_ESS_WAKE_UNDO      4

void ngx_ess_wake_mark_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_wake_t *wake);

/* There is something for the process slot in the mailbox; wake gets it as
   well.  Not in the journal. */
void ngx_ess_wake_mail_locked(ngx_ess_zone_sh_t *sh, ngx_uint_t p,
    ngx_ess_wake_t *wake);

/*
 * May a worker that has an interest in the record's stream not have seen it
 * yet?  One that gave no sign of life for a second does not count.
 */
ngx_uint_t ngx_ess_wake_unseen_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_zone_record_t *r);

/* The same for one pair, which gets the flag; at its worker's overflow it is
   lost. */
void ngx_ess_wake_mark_pair_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t i,
    ngx_ess_pair_t *pair, uint32_t flag, ngx_ess_wake_t *wake);

/* Takes the stream off the dirty list: no entry outlives the interest. */
void ngx_ess_wake_undirty_locked(ngx_ess_zone_sh_t *sh,
    ngx_ess_process_t *proc, ngx_ess_seg_t i);

/*
 * Copies the process slot's dirty list to refs (NGX_ESS_DIRTY), and to "first"
 * below which number subscribers of each were replaced, 0: none since it was
 * told; and empties it.  Commits.  *overflow: there was more, which "more" is
 * filled with.
 */
ngx_uint_t ngx_ess_wake_take_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *refs, uint64_t *first, ngx_uint_t *overflow,
    uint32_t *more);


#endif /* _NGX_ESS_WAKE_H_INCLUDED_ */
