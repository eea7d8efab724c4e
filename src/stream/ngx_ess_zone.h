/*
 * The zone: the shared memory that all workers map.
 *
 * The master takes one block from the slab, once, at init.  It holds
 *
 *   +--------+---------+-------+-------+---------+--------------------------+
 *   | header | journal | procs | slots | buckets | segments, 256 bytes each |
 *   +--------+---------+-------+-------+---------+--------------------------+
 *
 * Streams and events live in segments, named by index; 0 is none.  After
 * init nothing is allocated or freed but segments, through one free list.
 *
 * A worker may die at any instruction, with the mutex held.  nginx's master
 * then unlocks the mutex but repairs nothing; whoever locks next does: see
 * ngx_ess_journal.h.
 */


#ifndef _NGX_ESS_ZONE_H_INCLUDED_
#define _NGX_ESS_ZONE_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_SEGMENT_SIZE     256

/* per process slot: shorter tables would not do for a reload of 64 workers */
#define NGX_ESS_PROCS            256

#define NGX_ESS_DIRTY            510

/* words of bits, one for each stream id modulo their number: of streams that
   the list has no room for */
#define NGX_ESS_WAKE_MORE        512


typedef uint32_t  ngx_ess_seg_t;            /* index of a segment, 0: none */


/* private to stream/ */

typedef struct ngx_ess_stream_s       ngx_ess_stream_t;
typedef struct ngx_ess_zone_sh_s      ngx_ess_zone_sh_t;
typedef struct ngx_ess_pair_s         ngx_ess_pair_t;
typedef struct ngx_ess_attr_s         ngx_ess_attr_t;
typedef struct ngx_ess_process_s      ngx_ess_process_t;
typedef struct ngx_ess_zone_record_s  ngx_ess_zone_record_t;
typedef struct ngx_ess_idempotency_entry_s  ngx_ess_idempotency_entry_t;


/* a process's handle of the zone; in the pool of its cycle */

struct ngx_ess_zone_s {
    ngx_shm_zone_t          *shm_zone;
    ngx_slab_pool_t         *shpool;
    ngx_ess_zone_sh_t       *sh;

    /* bounds of a log, from ess_log and ess_max_event of this cycle */
    size_t                   log_size;      /* bytes */
    ngx_uint_t               log_count;
    ngx_msec_t               log_age;       /* ms */
    size_t                   max_event;     /* bytes */

    ngx_uint_t               proc;          /* own process slot; NGX_ESS_PROCS:
                                               none (master) */
    uint64_t                 generation;    /* of the cycle */
    unsigned                 fresh:1;       /* made by this cycle, empty */

    /* called at the end of the init of a fresh zone, but not in a test of the
       configuration; NGX_ERROR: the start or the reload fails */
    ngx_int_t              (*fill)(ngx_ess_zone_t *zone);
    ngx_cycle_t             *cycle;         /* that is being made, for fill */
};


/*
 * Adds the zone to the configuration.  Used by the directive's setter; keeps
 * the size of a zone of that name that is already in use, with a warning.
 * Returns NGX_CONF_OK or NGX_CONF_ERROR, the error logged.
 */
char *ngx_ess_zone_add(ngx_conf_t *cf, ngx_ess_zone_t *zone, ngx_str_t *name,
    ssize_t size);

/* Least size of a zone, in bytes, with these bounds. */
size_t ngx_ess_zone_min_size(size_t max_event);

/*
 * In the master, from init_module, never in a test of the configuration:
 * a new generation begins.  Workers whose generation is lower than
 * ngx_ess_zone_generation() were replaced by a reload.  No lock.
 */
void ngx_ess_zone_new_generation(ngx_ess_zone_t *zone);

/* Bytes of the kernel's generator.  NGX_OK, or NGX_ERROR: it has none, which is
   logged.  No lock. */
ngx_int_t ngx_ess_zone_random(void *p, size_t len, ngx_log_t *log);
uint64_t ngx_ess_zone_generation(ngx_ess_zone_t *zone);

/* Lock; rolls back what a dead worker left half-done. */
void ngx_ess_zone_lock(ngx_ess_zone_t *zone);
void ngx_ess_zone_unlock(ngx_ess_zone_t *zone);

/* Free segments and all segments; no lock. */
void ngx_ess_zone_room(ngx_ess_zone_t *zone, ngx_uint_t *nfree,
    ngx_uint_t *total);


/* The zone's init handler, in the master: makes it, or takes it over. */
ngx_int_t ngx_ess_zone_init(ngx_shm_zone_t *shm_zone, void *data);


/* For stream/ alone; with the mutex, and the caller commits. */

/*
 * Takes "n" segments, linked, sets *last; sh->nfree is at least n.  Everything
 * but the link may be written without the journal until the commit.
 */
ngx_ess_seg_t ngx_ess_zone_take_locked(ngx_ess_zone_sh_t *sh, uint32_t n,
    ngx_ess_seg_t *last);
void ngx_ess_zone_give_locked(ngx_ess_zone_sh_t *sh, ngx_ess_seg_t first,
    ngx_ess_seg_t last, uint32_t n);

/*
 * Bytes that lie in a segment, from "first" on, where there is room for so
 * many, and go on in the segments from "link" on: written and read, without the
 * journal.  Reading returns the end of what was read.  Skipping sets all three
 * to where those behind "n" bytes are.
 */
void ngx_ess_zone_put_locked(ngx_ess_zone_sh_t *sh, u_char *first, size_t room,
    ngx_ess_seg_t link, u_char *p, size_t len);
u_char *ngx_ess_zone_get_locked(ngx_ess_zone_sh_t *sh, u_char *first,
    size_t room, ngx_ess_seg_t link, u_char *p, size_t len);
void ngx_ess_zone_skip_locked(ngx_ess_zone_sh_t *sh, u_char **first,
    size_t *room, ngx_ess_seg_t *link, size_t n);

/* The time since the zone was made, in ticks, by the process's own cached
   clock; no lock. */
#define NGX_ESS_ZONE_TICK         10             /* ms */
#define NGX_ESS_ZONE_SECOND       (1000 / NGX_ESS_ZONE_TICK)

uint32_t ngx_ess_zone_now(ngx_ess_zone_sh_t *sh);


#endif /* _NGX_ESS_ZONE_H_INCLUDED_ */
