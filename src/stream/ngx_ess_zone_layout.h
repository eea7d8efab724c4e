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
 *   | link, of a stream that has attributes (without a rest of the key they
 *   v are the stream's link)
 *   +------------+     +-------------+
 *   | attributes |---->| rest of     |
 *   | text[200]  |     | their text  |
 *   +------------+     +-------------+
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


#ifndef _NGX_ESS_ZONE_LAYOUT_H_INCLUDED_
#define _NGX_ESS_ZONE_LAYOUT_H_INCLUDED_


#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_idempotency.h"
#include "ngx_ess_log.h"
#include "ngx_ess_mailbox.h"
#include "ngx_ess_zone.h"


#define NGX_ESS_ZONE_MAGIC       0x5a535345     /* "ESSZ" */
#define NGX_ESS_ZONE_LAYOUT      11

#define NGX_ESS_STREAM_PAIRS     4              /* in the stream itself */
#define NGX_ESS_PAIRS_MORE       30             /* in each further segment */
#define NGX_ESS_STREAM_KEY       40             /* bytes of it in the stream */
#define NGX_ESS_STREAM_SEGS      4              /* of a stream, at most */
#define NGX_ESS_NAMES_SHARE      4              /* one bucket of names for so
                                                   many of ids */
#define NGX_ESS_ZONE_MARKS       64
#define NGX_ESS_CREATED_ROWS     2
#define NGX_ESS_CREATED_CELLS    128            /* of each */
#define NGX_ESS_MAILBOXES        4

/* hash tables of idempotency keys, a segment each, and their buckets */
#define NGX_ESS_IDEMPOTENCY_TABLES   64
#define NGX_ESS_IDEMPOTENCY_BUCKETS  (NGX_ESS_ZONE_REST / sizeof(ngx_ess_seg_t))

#define NGX_ESS_ZONE_LINK        sizeof(ngx_ess_seg_t)
#define NGX_ESS_ZONE_REST        (NGX_ESS_SEGMENT_SIZE - NGX_ESS_ZONE_LINK)

/* ordinals are reserved in blocks, again when half of one is used up */
#define NGX_ESS_ORDINALS         65536
#define NGX_ESS_ORDINALS_LOW     (NGX_ESS_ORDINALS / 2)


/* one change: where, and what was there */

typedef struct {
    uint64_t                 where;         /* offset; bit 0: 8 bytes, not 4 */
    uint64_t                 old;
} ngx_ess_journal_undo_t;


/* a process that has subscribers on a stream */

#define NGX_ESS_PAIR_DIRTY       0x80000000     /* it is on the dirty list */
#define NGX_ESS_PAIR_REPLACED    0x40000000     /* and has not been told of the
                                                   first subscriber */

struct ngx_ess_pair_s {
    uint32_t                 proc;          /* process slot, and the flags */
    uint32_t                 count;         /* subscribers, 0: unused */
};

#define ngx_ess_pair_proc(pair)                                              \
    ((pair)->proc & ~(NGX_ESS_PAIR_DIRTY|NGX_ESS_PAIR_REPLACED))


/* who asked the broker to unbind which key */

typedef struct {
    uint32_t                 hash;
    uint32_t                 proc;          /* process slot + 1, 0: unused */
} ngx_ess_zone_mark_t;


typedef enum {
    NGX_ESS_BOX_FREE = 0,
    NGX_ESS_BOX_ASKED,
    NGX_ESS_BOX_ANSWERED
} ngx_ess_mailbox_state_e;


/* a question to another worker, and its answer; not in the journal */

typedef struct {
    uint32_t                 state;         /* ngx_ess_mailbox_state_e */
    uint32_t                 serial;        /* of the question */
    uint32_t                 asker;         /* process slot, and which life */
    uint32_t                 asker_life;
    uint32_t                 asked;         /* process slot */
    uint32_t                 type;          /* ngx_ess_mail_type_e */
    uint32_t                 number;
    uint32_t                 nsubs;
    ngx_ess_stream_ref_t     ref;
    ngx_ess_mail_subscriber_t subs[NGX_ESS_MAILBOX_ANSWER];
} ngx_ess_mailbox_t;


/* a process slot */

struct ngx_ess_process_s {
    uint64_t                 generation;    /* of the owner, 0: none */
    uint32_t                 pid;           /* of the owner, 0: none */
    uint32_t                 incarnation;   /* how many owners it had */
    uint32_t                 npairs;        /* streams it has an interest in */
    uint32_t                 told;          /* NGX_ESS_WAKE_*: bits, set and
                                               cleared atomically */

    /* set by those who append, with the mutex held; see notify */
    uint32_t                 wake;
    uint32_t                 overflow;      /* dirty[] was too short: the rest
                                               is in more[] */
    uint32_t                 ndirty;
    ngx_ess_seg_t            dirty[NGX_ESS_DIRTY];
    uint32_t                 more[NGX_ESS_WAKE_MORE];   /* not in the journal:
                                               what is there for nothing costs
                                               a look */

    /* what it has not seen yet; not in the journal, for it only delays; times
       as those of records */
    uint32_t                 behind;        /* it has taken a list, and is
                                               reading those logs */
    uint32_t                 taken;         /* arrival of the last record when
                                               it took the list */
    uint32_t                 since;         /* arrival of the first record that
                                               it may not have seen; valid with
                                               wake or behind */
    uint32_t                 progress;      /* its last sign of life */

    uint32_t                 consumes;      /* bit n: slot n */
    /* not in the journal: written under a sequence number of their own */
    ngx_ess_trouble_t        troubles[NGX_ESS_BROKER_SESSIONS];

    uint64_t                 counters[NGX_ESS_C_N];
};


/*
 * A slot's memory of what was appended last, for recognising redeliveries:
 * the fingerprint of the event number n is in ring[n % nring].
 */

typedef struct {
    uint64_t                 appended;      /* events so far, 0: none yet */
    uint64_t                 acked;         /* last one whose ack was sent */
    uint64_t                 settled;       /* last one that is known not to
                                               come again */

    /* an event for more streams than one journal takes, half way through */
    uint64_t                 partial_print;
    uint64_t                 partial_id;    /* the last stream that has it */
    uint32_t                 losses;        /* of events, ever; wraps around */
    uint8_t                  queues[2];     /* ngx_ess_broker_queue_e: its
                                               classic and its quorum queue */

    uint64_t                 left;          /* ngx_current_msec when a consumer
                                               ended last, 0: never; not in the
                                               journal */
} ngx_ess_zone_slot_t;


struct ngx_ess_stream_s {
    ngx_ess_seg_t            link;          /* rest of the key, attributes */

    ngx_ess_seg_t            id_next;       /* hash chains; of these by key */
    ngx_ess_seg_t            uuid_next;     /* is a ring in order of id, and */
    ngx_ess_seg_t            key_prev;      /* its bucket names the last one: */
    ngx_ess_seg_t            key_next;      /* see ngx_ess_lookup_keyed() */

    ngx_ess_seg_t            prev;          /* all streams in order of id */
    ngx_ess_seg_t            next;
    ngx_ess_seg_t            pending_prev;  /* all CREATING and DELETING ones */
    ngx_ess_seg_t            pending_next;
    ngx_ess_seg_t            want_prev;     /* all in need of ordinals */
    ngx_ess_seg_t            want_next;
    uint32_t                 want;          /* ngx_ess_ordinal_want_e */

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

    union {
        ngx_ess_kind_t       kind;
        uint32_t             kind_word;     /* the same, for the journal */
    };

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
    ngx_ess_pair_t           pairs[NGX_ESS_STREAM_PAIRS];
    u_char                   key[NGX_ESS_STREAM_KEY];
};


typedef struct {
    ngx_ess_seg_t            link;
    uint32_t                 unused[3];
    ngx_ess_pair_t           pairs[NGX_ESS_PAIRS_MORE];
} ngx_ess_pairs_t;


/* written before it is linked; then only the links change, and all of it is
   replaced by another one: see ngx_ess_attr_set_locked() */

struct ngx_ess_attr_s {
    ngx_ess_seg_t            link;          /* the text goes on */
    ngx_ess_seg_t            stream;        /* whose they are */
    ngx_ess_seg_t            name_next;     /* hash chain of streams with names
                                               (of streams, not of these) */
    uint32_t                 name_hash;
    ngx_ess_seg_t            aged_prev;     /* those that have a log_age of */
    ngx_ess_seg_t            aged_next;     /* their own */
    uint32_t                 log_count;     /* events; 0: as ess_log says */
    uint16_t                 name_len;      /* 0: none */
    uint16_t                 rule_len;      /* 0: none */
    uint64_t                 log_size;      /* bytes; 0: as ess_log says */
    uint64_t                 log_age;       /* ms; 0: likewise */
    uint32_t                 used;          /* of one made on demand: when it
                                               was seen in use, in ticks */
    uint32_t                 seen;          /* its next ordinal then, cut */
    u_char                   text[NGX_ESS_SEGMENT_SIZE - 56];
                                            /* the name, and the rule */
};


/* how late a range is: bits that count, and shifts above them */
#define NGX_ESS_ZONE_LATE_BITS   15
#define NGX_ESS_ZONE_LATE_ANY    0x1fffff       /* nobody knows */

struct ngx_ess_zone_record_s {
    ngx_ess_seg_t            link;          /* the body goes on */
    ngx_ess_seg_t            last;          /* its last segment, to be freed
                                               in one go */
    ngx_ess_seg_t            prev;          /* in the stream */
    ngx_ess_seg_t            next;
    ngx_ess_seg_t            age_prev;      /* in the zone */
    ngx_ess_seg_t            age_next;
    ngx_ess_seg_t            stream;
    uint32_t                 len;           /* of the body */
    unsigned                 type:3;        /* ngx_ess_record_type_e */
    unsigned                 keyed:1;       /* it has a key: see
                                               ngx_ess_zone_record_key() */
    unsigned                 ms:4;          /* behind the arrival */
    unsigned                 sparse:1;      /* ordinals before its own are of
                                               no event: see
                                               ngx_ess_zone_after() */
    unsigned                 undated:1;     /* it has no time of its own */
    unsigned                 some_undated:1; /* nor have events of its range:
                                               see ngx_ess_log_search.c */
    unsigned                 late:21;       /* the latest timestamp of its
                                               range is so much above its */
    uint32_t                 arrival;       /* as ngx_ess_zone_now(), but never
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


/* an idempotency key; all but the links, and "finished", is written before it
   is linked, or while nobody reads it: see ngx_ess_idempotency_finish() */

struct ngx_ess_idempotency_entry_s {
    ngx_ess_seg_t            link;          /* 0 */
    ngx_ess_seg_t            next;          /* in its bucket */
    ngx_ess_seg_t            list_prev;     /* of those under way, or of */
    ngx_ess_seg_t            list_next;     /* finished ones; oldest first */
    uint32_t                 finished;
    uint32_t                 owner;         /* of one under way: its process */
    uint32_t                 incarnation;   /* slot, and which life */
    uint32_t                 expires;       /* as ngx_ess_zone_now() */
    uint32_t                 accepted;
    uint32_t                 len;           /* of the answer */
    u_char                   key[NGX_ESS_IDEMPOTENCY_FINGERPRINT];
    u_char                   request[NGX_ESS_IDEMPOTENCY_FINGERPRINT];
    u_char                   answer[NGX_ESS_IDEMPOTENCY_ANSWER];
};


_Static_assert(sizeof(ngx_ess_idempotency_entry_t) == NGX_ESS_SEGMENT_SIZE,
               "an idempotency key is a segment");
_Static_assert(sizeof(ngx_ess_stream_t) == NGX_ESS_SEGMENT_SIZE,
               "a stream is a segment");
_Static_assert(sizeof(ngx_ess_pairs_t) == NGX_ESS_SEGMENT_SIZE,
               "a set of pairs is a segment");
_Static_assert(sizeof(ngx_ess_attr_t) == NGX_ESS_SEGMENT_SIZE,
               "attributes begin in a segment");
_Static_assert(sizeof(ngx_ess_zone_record_t) == NGX_ESS_SEGMENT_SIZE,
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
    uint64_t                 names;
    uint64_t                 segs;
    uint32_t                 njournal;      /* entries */
    uint32_t                 nprocs;
    uint32_t                 nring;
    uint32_t                 nbuckets;      /* of each table, a power of two;
                                               of names fewer */
    uint32_t                 nsegs;         /* with segment 0, never used */
} ngx_ess_zone_geometry_t;


struct ngx_ess_zone_sh_s {
    uint32_t                 magic;
    uint32_t                 layout;
    ngx_ess_zone_geometry_t  geo;

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
    uint32_t                 ndeclared;     /* that are declared, but CLOSED */

    ngx_ess_seg_t            streams_head;
    ngx_ess_seg_t            streams_tail;
    ngx_ess_seg_t            pending;
    ngx_ess_seg_t            want;
    ngx_ess_seg_t            age_head;
    ngx_ess_seg_t            age_tail;
    ngx_ess_seg_t            age_kept;      /* it and those before it stay for
                                               their streams' own bounds; 0 */
    ngx_ess_seg_t            aged_head;     /* attributes with a log_age */
    ngx_ess_seg_t            aged_tail;
    uint32_t                 ncreated;      /* streams made on demand */
    uint32_t                 created_walk;  /* when old ones were looked for */
    uint32_t                 arrival;       /* of the last record */
    uint32_t                 no_room;       /* that was logged */
    uint32_t                 questions;     /* in boxes, ever; wraps around */
    uint32_t                 exchange_losses;   /* of all bindings, ever; wraps
                                               around */
    uint32_t                 witness;       /* which one was made, 0: none */

    /* idempotency keys; the tables are there while there are any */
    uint32_t                 nidempotency;
    ngx_ess_seg_t            underway_head;
    ngx_ess_seg_t            underway_tail;
    ngx_ess_seg_t            finished_head;
    ngx_ess_seg_t            finished_tail;
    ngx_ess_seg_t            idempotency[NGX_ESS_IDEMPOTENCY_TABLES];
    u_char                   idempotency_seed[NGX_ESS_IDEMPOTENCY_SEED];

    /* random: of the hash of addresses for each row of cells, of names */
    uint64_t                 factors[NGX_ESS_CREATED_ROWS + 1];

    /* addresses that make streams: see ngx_ess_created_admit_locked() */
    uint32_t                 created_cells[NGX_ESS_CREATED_ROWS]
                                          [NGX_ESS_CREATED_CELLS];

    ngx_ess_zone_mark_t      marks[NGX_ESS_ZONE_MARKS];
    ngx_ess_zone_slot_t      slots[NGX_ESS_SLOTS];
    ngx_ess_mailbox_t        boxes[NGX_ESS_MAILBOXES];
};


#define ngx_ess_zone_at(sh, offset)                                           \
    ((void *) ((u_char *) (sh) + (offset)))

#define ngx_ess_zone_seg(sh, i)                                               \
    ngx_ess_zone_at(sh, (sh)->geo.segs + (uint64_t) (i) * NGX_ESS_SEGMENT_SIZE)

#define ngx_ess_zone_link(sh, i)                                              \
    ((ngx_ess_seg_t *) ngx_ess_zone_seg(sh, i))

/* all of a segment but its link */
#define ngx_ess_zone_rest(sh, i)                                              \
    ((u_char *) ngx_ess_zone_seg(sh, i) + NGX_ESS_ZONE_LINK)

#define ngx_ess_zone_stream(sh, i)                                            \
    ((ngx_ess_stream_t *) ngx_ess_zone_seg(sh, i))

#define ngx_ess_zone_record(sh, i)                                            \
    ((ngx_ess_zone_record_t *) ngx_ess_zone_seg(sh, i))

#define ngx_ess_zone_ext(sh, i)                                               \
    ((ngx_ess_pairs_t *) ngx_ess_zone_seg(sh, i))

#define ngx_ess_zone_attr(sh, i)                                              \
    ((ngx_ess_attr_t *) ngx_ess_zone_seg(sh, i))

#define ngx_ess_zone_idempotency(sh, i)                                       \
    ((ngx_ess_idempotency_entry_t *) ngx_ess_zone_seg(sh, i))

/* the word that names the table of a key's fingerprint, and its bucket there */
#define ngx_ess_zone_idempotency_table(sh, key)                               \
    (&(sh)->idempotency[(key)[0] % NGX_ESS_IDEMPOTENCY_TABLES])
#define ngx_ess_zone_idempotency_bucket(sh, table, key)                       \
    ((ngx_ess_seg_t *) ngx_ess_zone_rest(sh, table)                           \
     + ((key)[1] * 256 + (key)[2]) % NGX_ESS_IDEMPOTENCY_BUCKETS)

#define ngx_ess_zone_proc(sh, p)                                              \
    ((ngx_ess_process_t *) ngx_ess_zone_at(sh, (sh)->geo.procs) + (p))

#define ngx_ess_zone_ring(sh, slot)                                           \
    ((uint64_t *) ngx_ess_zone_at(sh, (sh)->geo.rings)                        \
     + (slot) * (sh)->geo.nring)

#define ngx_ess_zone_bucket(sh, table, n)                                     \
    ((ngx_ess_seg_t *) ngx_ess_zone_at(sh, (sh)->geo.table)                   \
     + ((n) & ((sh)->geo.nbuckets - 1)))

#define ngx_ess_zone_name_bucket(sh, hash)                                    \
    ((ngx_ess_seg_t *) ngx_ess_zone_at(sh, (sh)->geo.names)                   \
     + ((hash) & ((sh)->geo.nbuckets / NGX_ESS_NAMES_SHARE - 1)))

/* the slot is in the low bits of the hash */
#define ngx_ess_zone_key_bucket(sh, hash)                                     \
    ngx_ess_zone_bucket(sh, keys, (hash) / NGX_ESS_SLOTS)


#define ngx_ess_zone_record_type(r)                                           \
    ((ngx_ess_record_type_e) (r)->type)

/* 0: not known */
#define ngx_ess_zone_timestamp(r)                                             \
    ((r)->undated ? 0 : (r)->timestamp)

/* of a record of the stream; a log has less than 2^32 */
#define ngx_ess_zone_seq(s, r)                                                \
    ((s)->next_seq - (uint32_t) ((uint32_t) (s)->next_seq - (r)->seq))

/* nobody need consume the slot for some time from now on */
#define ngx_ess_zone_slot_left(sh, slot)                                      \
    (*(volatile uint64_t *) &(sh)->slots[slot].left = ngx_current_msec | 1)

/* as ngx_current_msec */
#define ngx_ess_zone_arrival(sh, r)                                           \
    ((ngx_msec_t) (sh)->created                                               \
     + (ngx_msec_t) (r)->arrival * NGX_ESS_ZONE_TICK                          \
     + (r)->ms)


/* the process slot of this process; NULL: it has none (master) */

static ngx_inline ngx_ess_process_t *
ngx_ess_zone_own(ngx_ess_zone_t *zone)
{
    return (zone->proc < zone->sh->geo.nprocs)
           ? ngx_ess_zone_proc(zone->sh, zone->proc) : NULL;
}


/* which life of its process slot this process is; 0: the master */

static ngx_inline uint32_t
ngx_ess_zone_life(ngx_ess_zone_t *zone)
{
    ngx_ess_process_t  *own;

    own = ngx_ess_zone_own(zone);

    return own ? own->incarnation : 0;
}


/* is that process there still?  The master is not meant. */

static ngx_inline ngx_uint_t
ngx_ess_zone_lives(ngx_ess_zone_sh_t *sh, uint32_t proc, uint32_t life)
{
    ngx_ess_process_t  *p;

    if (proc >= sh->geo.nprocs) {
        return 0;
    }

    p = ngx_ess_zone_proc(sh, proc);

    return *(volatile uint32_t *) &p->pid
           && *(volatile uint32_t *) &p->incarnation == life;
}


/* ordinal of the first event of the log, or of the next one to come; what is no
   event has the ordinal of the one before it */

static ngx_inline uint64_t
ngx_ess_zone_first(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    ngx_ess_zone_record_t  *r;

    if (s->head == 0) {
        return s->next_ordinal;
    }

    r = ngx_ess_zone_record(sh, s->head);

    return r->ordinal + (r->type != NGX_ESS_RECORD_EVENT);
}


/* what is before the body: of a sparse record this, then, of one that has a
   key, a byte, its length, and the key; in the first segment, but for the end
   of a long key */
#define NGX_ESS_ZONE_AFTER       sizeof(uint64_t)

/* as much as there may be of it */
#define NGX_ESS_ZONE_HEAD        (NGX_ESS_ZONE_AFTER + 1 + NGX_ESS_MAX_KEY)

#define ngx_ess_zone_record_after(r)                                          \
    ((r)->sparse ? NGX_ESS_ZONE_AFTER : 0)

#define ngx_ess_zone_record_key_len(r)                                        \
    ((r)->keyed ? (r)->body[ngx_ess_zone_record_after(r)] : 0)

#define ngx_ess_zone_record_head(r)                                           \
    (ngx_ess_zone_record_after(r)                                             \
     + ((r)->keyed ? 1 + ngx_ess_zone_record_key_len(r) : 0))

/* ordinal of the last event that the stream ever had before the record: see
   ngx_ess_gap.h */

static ngx_inline uint64_t
ngx_ess_zone_after(ngx_ess_zone_record_t *r)
{
    uint64_t  after;

    if (r->sparse) {
        ngx_memcpy(&after, r->body, sizeof(uint64_t));
        return after;
    }

    return r->ordinal - (r->type == NGX_ESS_RECORD_EVENT);
}


/* the same of the log's first record, or of its end */

static ngx_inline uint64_t
ngx_ess_zone_begin(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    return s->head ? ngx_ess_zone_after(ngx_ess_zone_record(sh, s->head))
                   : s->next_ordinal - 1;
}


/* are there losses of its slot that the log of a stream that binds does not
   tell of? */

static ngx_inline ngx_uint_t
ngx_ess_zone_untold(ngx_ess_zone_sh_t *sh, ngx_ess_stream_t *s)
{
    return s->kind.binds
           && s->losses != sh->slots[s->key_hash % NGX_ESS_SLOTS].losses;
}


/* segments that an event takes */

static ngx_inline uint32_t
ngx_ess_zone_record_segs(size_t len)
{
    size_t  first;

    first = sizeof(((ngx_ess_zone_record_t *) 0)->body);

    if (len <= first) {
        return 1;
    }

    return 1 + (len - first + NGX_ESS_ZONE_REST - 1) / NGX_ESS_ZONE_REST;
}


#endif /* _NGX_ESS_ZONE_LAYOUT_H_INCLUDED_ */
