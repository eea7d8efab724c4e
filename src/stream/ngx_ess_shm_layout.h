/*
 * What lies in the zone.  Private to stream/ and its unit tests.
 *
 *   stream                     records of its log
 *   +--------------------+     +---------------+     +---------------+
 *   | head              ------>| next         ----->| next: 0       |
 *   | tail              ---,   | prev: 0       |<-----  prev        |
 *   | pairs[4], ext -,   | |   | stream, seq   |  ,->| stream, seq   |
 *   | key            |   | |   | body[192]     |  |  | body[192]     |
 *   +----------------|---+ |   +--- link ------+  |  +--- link ------+
 *        | link      |     `----------|-----------'         0
 *        v           v                v
 *   +---------+ +---------+     +-----------+     +-----------+
 *   | rest of | | link    |     | link     ------>| link: 0   |
 *   | the key | | pairs   |     | body[252] |     | body[252] |
 *   +---------+ +---------+     +-----------+     +-----------+
 *
 * "link" is the first word of every segment: the next one of the same thing,
 * or, of a free segment, the next free one.  Segments from sh->fresh on were
 * never used; they are on no list.
 *
 * The life of a segment:
 *
 *   never used ──► unlinked ──► part of a stream or record ──► free
 *                     ▲                                         │
 *                     └─────────────────────────────────────────┘
 *
 * While a segment is unlinked (taken within an operation that is not yet
 * committed) all but its first word is written without the journal: a
 * rollback makes it free again, and nobody looks at a free segment's bytes.
 * For that to hold, what one operation frees must not be taken again before
 * it is committed.
 */


#ifndef _NGX_ESS_SHM_LAYOUT_H_INCLUDED_
#define _NGX_ESS_SHM_LAYOUT_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_shm.h"
#include "ngx_ess_log.h"
#include "ngx_ess_mailbox.h"
#include "ngx_ess_notify.h"
#include "ngx_ess_stream_table.h"


#define NGX_ESS_SHM_MAGIC        0x5a535345     /* "ESSZ" */
#define NGX_ESS_SHM_LAYOUT       8

#define NGX_ESS_SHM_PAIRS        4              /* in the stream itself */
#define NGX_ESS_SHM_EXT_PAIRS    30             /* in each further segment */
#define NGX_ESS_SHM_KEY          40             /* bytes of it in the stream */
#define NGX_ESS_SHM_STREAM_SEGS  2              /* of a stream, at most */
#define NGX_ESS_SHM_MARKS        64
#define NGX_ESS_SHM_BOXES        4

#define NGX_ESS_SHM_LINK         sizeof(ngx_ess_seg_t)
#define NGX_ESS_SHM_REST         (NGX_ESS_SEGMENT_SIZE - NGX_ESS_SHM_LINK)

/* ordinals are reserved in blocks, again when half of one is used up */
#define NGX_ESS_ORDINALS         65536
#define NGX_ESS_ORDINALS_LOW     (NGX_ESS_ORDINALS / 2)


/* one change: where, and what was there */

typedef struct {
    uint64_t                 where;         /* offset; bit 0: 8 bytes, not 4 */
    uint64_t                 old;
} ngx_ess_shm_undo_t;


/* a process that has subscribers on a stream */

#define NGX_ESS_PAIR_DIRTY       0x80000000     /* it is on the dirty list */
#define NGX_ESS_PAIR_REPLACED    0x40000000     /* and has not been told of the
                                                   first subscriber */

typedef struct {
    uint32_t                 proc;          /* process slot, and the flags */
    uint32_t                 count;         /* subscribers, 0: unused */
} ngx_ess_shm_pair_t;

#define ngx_ess_shm_pair_proc(pair)                                          \
    ((pair)->proc & ~(NGX_ESS_PAIR_DIRTY|NGX_ESS_PAIR_REPLACED))


/* who asked the broker to unbind which key */

typedef struct {
    uint32_t                 hash;
    uint32_t                 proc;          /* process slot + 1, 0: unused */
} ngx_ess_shm_mark_t;


typedef enum {
    NGX_ESS_BOX_FREE = 0,
    NGX_ESS_BOX_ASKED,
    NGX_ESS_BOX_ANSWERED
} ngx_ess_shm_box_state_e;


/* a question to another worker, and its answer; not in the journal */

typedef struct {
    uint32_t                 state;         /* ngx_ess_shm_box_state_e */
    uint32_t                 serial;        /* of the question */
    uint32_t                 asker;         /* process slot, and which life */
    uint32_t                 asker_life;
    uint32_t                 asked;         /* process slot */
    uint32_t                 type;          /* ngx_ess_mail_type_e */
    uint32_t                 number;
    uint32_t                 nsubs;
    ngx_ess_stream_ref_t     ref;
    ngx_ess_mail_subscriber_t subs[NGX_ESS_MAILBOX_ANSWER];
} ngx_ess_shm_box_t;


typedef enum {
    NGX_ESS_WANT_NONE = 0,
    NGX_ESS_WANT_LISTED,                    /* on the list of those in need */
    NGX_ESS_WANT_TOLD                       /* somebody is storing a mark */
} ngx_ess_shm_want_e;


struct ngx_ess_shm_stream_s {
    ngx_ess_seg_t            link;          /* rest of the key */

    ngx_ess_seg_t            id_next;       /* hash chains; of these by key */
    ngx_ess_seg_t            uuid_next;     /* is a ring in order of id, and */
    ngx_ess_seg_t            key_prev;      /* its bucket names the last one: */
    ngx_ess_seg_t            key_next;      /* see ngx_ess_stream_keyed() */

    ngx_ess_seg_t            prev;          /* all streams in order of id */
    ngx_ess_seg_t            next;
    ngx_ess_seg_t            pending_prev;  /* all CREATING and DELETING ones */
    ngx_ess_seg_t            pending_next;
    ngx_ess_seg_t            want_prev;     /* all in need of ordinals */
    ngx_ess_seg_t            want_next;
    uint32_t                 want;          /* ngx_ess_shm_want_e */

    uint32_t                 state;         /* ngx_ess_stream_state_e */
    uint32_t                 owner;         /* who creates or deletes it: its */
    uint32_t                 incarnation;   /* process slot, and which life */

    ngx_ess_seg_t            head;          /* the log */
    ngx_ess_seg_t            tail;
    uint32_t                 count;         /* records in the log */
    uint32_t                 events;        /* those that are events */

    ngx_ess_seg_t            ext;           /* further pairs */
    uint32_t                 key_hash;
    uint32_t                 key_len;

    ngx_ess_kind_t           kind;
    uint32_t                 follow;        /* ngx_ess_follow_e */
    uint32_t                 follower;      /* who makes the log follow the
                                               source's: its process */
    union {
        uint32_t             follower_life; /* slot + 1, and which life */
        uint32_t             losses;        /* of one that binds: those of its
                                               slot that its log tells of */
    };

    uint64_t                 id;
    uint64_t                 epoch;
    uint64_t                 bytes;         /* of bodies in the log */
    uint64_t                 next_seq;
    uint64_t                 next_ordinal;
    uint64_t                 reserved_ordinal;

    uint64_t                 last_subscriber;   /* number of the newest one */
    uint64_t                 first_subscriber;  /* those below are closed */

    u_char                   uuid[NGX_ESS_UUID_LEN];
    ngx_ess_shm_pair_t       pairs[NGX_ESS_SHM_PAIRS];
    u_char                   key[NGX_ESS_SHM_KEY];
};


typedef struct {
    ngx_ess_seg_t            link;
    uint32_t                 unused[3];
    ngx_ess_shm_pair_t       pairs[NGX_ESS_SHM_EXT_PAIRS];
} ngx_ess_shm_ext_t;


/* how late a range is: bits that count, and shifts above them */
#define NGX_ESS_SHM_LATE_BITS  15
#define NGX_ESS_SHM_LATE_ANY   0x1fffff     /* nobody knows */

struct ngx_ess_shm_record_s {
    ngx_ess_seg_t            link;          /* the body goes on */
    ngx_ess_seg_t            last;          /* its last segment, to be freed
                                               in one go */
    ngx_ess_seg_t            prev;          /* in the stream */
    ngx_ess_seg_t            next;
    ngx_ess_seg_t            age_prev;      /* in the zone */
    ngx_ess_seg_t            age_next;
    ngx_ess_seg_t            stream;
    uint32_t                 len;           /* of the body */
    unsigned                 type:4;        /* ngx_ess_record_type_e */
    unsigned                 ms:4;          /* behind the arrival */
    unsigned                 gap:1;         /* some before it are gone */
    unsigned                 undated:1;     /* it has no time of its own */
    unsigned                 some_undated:1; /* nor have events of its range:
                                               see ngx_ess_log_search.c */
    unsigned                 late:21;       /* the latest timestamp of its
                                               range is so much above its */
    uint32_t                 arrival;       /* as ngx_ess_shm_now(), but never
                                               less than one before it */
    uint64_t                 ordinal;
    uint32_t                 seq;           /* the lower half of its number */
    ngx_ess_seg_t            before;        /* the one before its range, if the
                                               log has that */
    uint64_t                 timestamp;     /* ms since 1970, the event's own;
                                               undated: the latest one of its
                                               range */
    u_char                   body[NGX_ESS_SEGMENT_SIZE - 64];
};


_Static_assert(sizeof(ngx_ess_shm_stream_t) == NGX_ESS_SEGMENT_SIZE,
               "a stream is a segment");
_Static_assert(sizeof(ngx_ess_shm_ext_t) == NGX_ESS_SEGMENT_SIZE,
               "a set of pairs is a segment");
_Static_assert(sizeof(ngx_ess_shm_record_t) == NGX_ESS_SEGMENT_SIZE,
               "a record's head is a segment");


/* where things are in a block of "size" bytes; fixed when the zone is made */

typedef struct {
    uint64_t                 size;
    uint64_t                 journal;       /* offsets */
    uint64_t                 procs;
    uint64_t                 rings;
    uint64_t                 ids;
    uint64_t                 uuids;
    uint64_t                 keys;
    uint64_t                 segs;
    uint32_t                 njournal;      /* entries */
    uint32_t                 nprocs;
    uint32_t                 nring;
    uint32_t                 nbuckets;      /* of each table, a power of two */
    uint32_t                 nsegs;         /* with segment 0, never used */
} ngx_ess_shm_geometry_t;


struct ngx_ess_shm_s {
    uint32_t                 magic;
    uint32_t                 layout;
    ngx_ess_shm_geometry_t   geo;

    /* the one word that says that an operation is under way */
    volatile uint32_t        undo;          /* entries in the journal */
    uint32_t                 overflows;     /* of the journal: never */

    uint64_t                 created;       /* ngx_current_msec at init */
    uint64_t                 generation;
    uint64_t                 next_id;

    ngx_ess_seg_t            free;
    ngx_ess_seg_t            fresh;         /* never used, from here on */
    uint32_t                 nfree;         /* both kinds */
    uint32_t                 nstatic;       /* used by all but records */
    uint32_t                 nstreams;

    ngx_ess_seg_t            streams_head;
    ngx_ess_seg_t            streams_tail;
    ngx_ess_seg_t            pending;
    ngx_ess_seg_t            want;
    ngx_ess_seg_t            age_head;
    ngx_ess_seg_t            age_tail;
    uint32_t                 arrival;       /* of the last record */
    uint32_t                 no_room;       /* that was logged */
    uint32_t                 questions;     /* in boxes, ever; wraps around */
    uint32_t                 exchange_losses;   /* of all bindings, ever; wraps
                                               around */
    uint32_t                 witness;       /* which one was made, 0: none */

    ngx_ess_shm_mark_t       marks[NGX_ESS_SHM_MARKS];
    ngx_ess_shm_slot_t       slots[NGX_ESS_SLOTS];
    ngx_ess_shm_box_t        boxes[NGX_ESS_SHM_BOXES];
};


/*
 * A test build dies here on demand: ESS_FAULT_FILE names a file of 8 bytes, a
 * counter; whoever counts it down to 0 kills itself.  It also keeps the CPU
 * time of each hold of the mutex, by caller, in the file that ESS_HOLDS_FILE
 * names, and what was looked at under it, each record and stream, as a time
 * that is the same on any machine.
 */

#if (NGX_ESS_FAULT)

#define NGX_ESS_SHM_FAULT_HOLDS  256

typedef struct {
    uint64_t                 where;         /* in the module, of the caller */
    uint64_t                 n;
    uint64_t                 sum;           /* ns */
    uint64_t                 most;          /* ns */
    uint32_t                 spread[256];   /* four to a power of two of ns */
} ngx_ess_shm_fault_hold_t;

typedef struct {
    uint64_t                 now;           /* in this hold */
    uint64_t                 most;          /* in one hold */
    uint64_t                 all;
} ngx_ess_shm_looks_t;

extern ngx_ess_shm_looks_t  ngx_ess_shm_looks;

void ngx_ess_shm_fault_init(ngx_log_t *log);
void ngx_ess_shm_fault(void);
void ngx_ess_shm_fault_held_locked(void *caller);
void ngx_ess_shm_fault_released_locked(void);

#define ngx_ess_shm_look()       (ngx_ess_shm_looks.now++)

#else

#define ngx_ess_shm_fault_init(log)
#define ngx_ess_shm_fault()
#define ngx_ess_shm_fault_held_locked(caller)
#define ngx_ess_shm_fault_released_locked()
#define ngx_ess_shm_look()

#endif


/*
 * Order as the compiler sees it is enough: a process that is killed has done
 * all that stands before the instruction at which it died, and nothing of
 * what stands after it.
 */

#define ngx_ess_shm_barrier()    __asm__ volatile ("" ::: "memory")

#define ngx_ess_shm_at(sh, offset)                                            \
    ((void *) ((u_char *) (sh) + (offset)))

#define ngx_ess_shm_seg(sh, i)                                                \
    ngx_ess_shm_at(sh, (sh)->geo.segs + (uint64_t) (i) * NGX_ESS_SEGMENT_SIZE)

#define ngx_ess_shm_link(sh, i)                                               \
    ((ngx_ess_seg_t *) ngx_ess_shm_seg(sh, i))

#define ngx_ess_shm_stream(sh, i)                                             \
    ((ngx_ess_shm_stream_t *) ngx_ess_shm_seg(sh, i))

#define ngx_ess_shm_record(sh, i)                                             \
    ((ngx_ess_shm_record_t *) ngx_ess_shm_seg(sh, i))

#define ngx_ess_shm_ext(sh, i)                                                \
    ((ngx_ess_shm_ext_t *) ngx_ess_shm_seg(sh, i))

#define ngx_ess_shm_proc(sh, p)                                               \
    ((ngx_ess_shm_proc_t *) ngx_ess_shm_at(sh, (sh)->geo.procs) + (p))

#define ngx_ess_shm_ring(sh, slot)                                            \
    ((uint64_t *) ngx_ess_shm_at(sh, (sh)->geo.rings)                         \
     + (slot) * (sh)->geo.nring)

#define ngx_ess_shm_bucket(sh, table, n)                                      \
    ((ngx_ess_seg_t *) ngx_ess_shm_at(sh, (sh)->geo.table)                    \
     + ((n) & ((sh)->geo.nbuckets - 1)))

/* the slot is in the low bits of the hash */
#define ngx_ess_shm_key_bucket(sh, hash)                                      \
    ngx_ess_shm_bucket(sh, keys, (hash) / NGX_ESS_SLOTS)


#define ngx_ess_shm_record_type(r)                                            \
    ((ngx_ess_record_type_e) (r)->type)

/* 0: not known */
#define ngx_ess_shm_timestamp(r)                                              \
    ((r)->undated ? 0 : (r)->timestamp)

/* of a record of the stream; a log has less than 2^32 */
#define ngx_ess_shm_seq(s, r)                                                 \
    ((s)->next_seq - (uint32_t) ((uint32_t) (s)->next_seq - (r)->seq))

/* nobody need consume the slot for some time from now on */
#define ngx_ess_shm_slot_left(sh, slot)                                       \
    (*(volatile uint64_t *) &(sh)->slots[slot].left = ngx_current_msec | 1)

/* as ngx_current_msec */
#define ngx_ess_shm_arrival(sh, r)                                            \
    ((ngx_msec_t) (sh)->created + (ngx_msec_t) (r)->arrival * NGX_ESS_SHM_TICK\
     + (r)->ms)


/* ordinal of the first event of the log, or of the next one to come; what is no
   event has the ordinal of the one before it */

static ngx_inline uint64_t
ngx_ess_shm_first(ngx_ess_shm_t *sh, ngx_ess_shm_stream_t *s)
{
    ngx_ess_shm_record_t  *r;

    if (s->head == 0) {
        return s->next_ordinal;
    }

    r = ngx_ess_shm_record(sh, s->head);

    return r->ordinal + (r->type != NGX_ESS_RECORD_EVENT);
}


/* segments that an event takes */

static ngx_inline uint32_t
ngx_ess_shm_record_segs(size_t len)
{
    size_t  first;

    first = sizeof(((ngx_ess_shm_record_t *) 0)->body);

    if (len <= first) {
        return 1;
    }

    return 1 + (len - first + NGX_ESS_SHM_REST - 1) / NGX_ESS_SHM_REST;
}


static ngx_inline void
ngx_ess_shm_commit_locked(ngx_ess_shm_t *sh)
{
    ngx_ess_shm_barrier();
    ngx_ess_shm_fault();

    sh->undo = 0;

    ngx_ess_shm_barrier();
}


static ngx_inline void
ngx_ess_shm_journal_locked(ngx_ess_shm_t *sh, void *p, uint64_t old,
    uint64_t wide)
{
    uint32_t             n;
    ngx_ess_shm_undo_t  *u;

    n = sh->undo;

    if (n >= sh->geo.njournal) {
        /* a fault of ours that the checker reports; it costs the rollback of
           what was done so far, no more */
        sh->overflows++;
        ngx_ess_shm_commit_locked(sh);
        n = 0;
    }

    u = (ngx_ess_shm_undo_t *) ngx_ess_shm_at(sh, sh->geo.journal) + n;

    ngx_ess_shm_fault();

    u->where = (uint64_t) ((u_char *) p - (u_char *) sh) | wide;
    u->old = old;

    ngx_ess_shm_barrier();
    ngx_ess_shm_fault();

    sh->undo = n + 1;

    ngx_ess_shm_barrier();
    ngx_ess_shm_fault();
}


static ngx_inline void
ngx_ess_shm_set32_locked(ngx_ess_shm_t *sh, uint32_t *p, uint32_t value)
{
    if (*p == value) {
        return;
    }

    ngx_ess_shm_journal_locked(sh, p, *p, 0);

    *(volatile uint32_t *) p = value;
}


static ngx_inline void
ngx_ess_shm_set64_locked(ngx_ess_shm_t *sh, uint64_t *p, uint64_t value)
{
    if (*p == value) {
        return;
    }

    ngx_ess_shm_journal_locked(sh, p, *p, 1);

    *(volatile uint64_t *) p = value;
}


/* a walk over all streams in order of id, with the mutex let go now and then */

typedef struct {
    uint64_t                 id;            /* those behind this one */

    /* the search for the first one, when "id" is gone */
    uint32_t                 buckets;       /* looked at so far; 0: begin */
    uint64_t                 least;         /* id above "id" so far */
} ngx_ess_stream_cursor_t;


/* The zone's init handler, in the master: makes it, or takes it over. */
ngx_int_t ngx_ess_shm_init(ngx_shm_zone_t *shm_zone, void *data);

/* All of the following are private to stream/, need the mutex and leave the
   commit to the caller, unless they say otherwise. */

/*
 * Takes "n" segments, linked, sets *last; sh->nfree is at least n.  Everything
 * but the link may be written without the journal until the commit.
 */
ngx_ess_seg_t ngx_ess_shm_take_locked(ngx_ess_shm_t *sh, uint32_t n,
    ngx_ess_seg_t *last);
void ngx_ess_shm_give_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t first,
    ngx_ess_seg_t last, uint32_t n);

/* The time since the zone was made, in ticks, by the process's own cached
   clock; no lock. */
#define NGX_ESS_SHM_TICK         10             /* ms */
#define NGX_ESS_SHM_SECOND       (1000 / NGX_ESS_SHM_TICK)

uint32_t ngx_ess_shm_now(ngx_ess_shm_t *sh);

/* A stream in any state, 0: none. */
ngx_ess_seg_t ngx_ess_stream_find_locked(ngx_ess_shm_t *sh, uint64_t id,
    uint64_t epoch);

/* The one with that id, whatever its epoch. */
ngx_ess_seg_t ngx_ess_stream_of_id_locked(ngx_ess_shm_t *sh, uint64_t id);

/*
 * The first stream with an id above c->id, in any state, 0: none.  NGX_AGAIN:
 * not found yet, *found is 0: unlock and call again with the same cursor.
 */
ngx_int_t ngx_ess_stream_after_locked(ngx_ess_shm_t *sh,
    ngx_ess_stream_cursor_t *c, ngx_ess_seg_t *found);

/* Does it take part in appends, by its key?  Those that do are on the rings. */
#define ngx_ess_stream_keyed(s)                                               \
    ((s)->kind.binds && (s)->state != NGX_ESS_STREAM_CLOSED)

/* The streams of a key that take part in appends, in order of id: the first
   one behind "i" (0: from the start), 0: no more. */
ngx_ess_seg_t ngx_ess_stream_next_of_key_locked(ngx_ess_shm_t *sh,
    ngx_str_t *key, uint32_t hash, ngx_ess_seg_t i);

/*
 * The first of them with an id above "id", 0: none.  Is the one with that id
 * gone, or has another key, the search begins at the id *sought: 0 at first,
 * or what was found for a lower id, or not found.  NGX_AGAIN: not found yet,
 * *looks streams were looked at, and it is 0: unlock and call again with the
 * same *sought.
 */
#define NGX_ESS_STREAM_LOOKS  1024          /* in one hold, all in all */

ngx_int_t ngx_ess_stream_of_key_after_locked(ngx_ess_shm_t *sh,
    ngx_str_t *key, uint32_t hash, uint64_t id, uint64_t *sought,
    ngx_uint_t *looks, ngx_ess_seg_t *found);

uint32_t ngx_ess_stream_key_hash(ngx_str_t *key);
uint32_t ngx_ess_stream_uuid_hash(const u_char *uuid);
ngx_ess_seg_t ngx_ess_stream_find_uuid_locked(ngx_ess_shm_t *sh,
    const u_char *uuid);

/* Has any process an interest in the stream? */
ngx_uint_t ngx_ess_stream_interest_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s);

/* Fills all of "info". */
void ngx_ess_stream_info_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_stream_info_t *info);

/* Unlinks and frees a stream whose log is empty and that nobody has an
   interest in. */
void ngx_ess_stream_free_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i);

/* Puts a stream on the list of those in need of ordinals. */
void ngx_ess_stream_want_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i);

/* The pair behind "pair" (NULL: the first one) that is in use; *ext is kept
   between the calls.  NULL: no more. */
ngx_ess_shm_pair_t *ngx_ess_notify_pair_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s, ngx_ess_shm_pair_t *pair, ngx_ess_seg_t *ext);

/* The stream's subscribers, without those that newer ones have replaced. */
uint64_t ngx_ess_notify_count_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_stream_t *s);

/* Marks the stream for all that have an interest in it; at most
   NGX_ESS_NOTIFY_UNDO entries of the journal for each. */
#define NGX_ESS_NOTIFY_UNDO      4

void ngx_ess_notify_mark_locked(ngx_ess_shm_t *sh, ngx_ess_seg_t i,
    ngx_ess_notify_wake_t *wake);

/* There is something for the process slot in the mailbox; wake gets it as
   well.  Not in the journal. */
void ngx_ess_notify_mail_locked(ngx_ess_shm_t *sh, ngx_uint_t p,
    ngx_ess_notify_wake_t *wake);

/*
 * May a worker that has an interest in the record's stream not have seen it
 * yet?  One that gave no sign of life for a second does not count.
 */
ngx_uint_t ngx_ess_notify_unseen_locked(ngx_ess_shm_t *sh,
    ngx_ess_shm_record_t *r);

/*
 * Ends the interest of process slot p in a stream; frees a CLOSED stream with
 * its last one.  Commits.  NGX_AGAIN: not done yet, such a stream has a long
 * log: unlock and call again.
 */
ngx_int_t ngx_ess_notify_forget_locked(ngx_ess_zone_t *zone, ngx_ess_seg_t i,
    ngx_uint_t p);

/*
 * Copies the process slot's dirty list to refs (NGX_ESS_DIRTY), and to "first"
 * below which number subscribers of each were replaced, 0: none since it was
 * told; and empties it.  Commits.  *overflow: there was more.
 */
ngx_uint_t ngx_ess_notify_take_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *refs, uint64_t *first, ngx_uint_t *overflow);


#endif /* _NGX_ESS_SHM_LAYOUT_H_INCLUDED_ */
