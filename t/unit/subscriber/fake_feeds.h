/*
 * What the unit tests of feeds stand on: a log, encodings, a broker and
 * clients that are scripted, and an event loop.  A client notes down in words
 * what it is sent: "e7:body;" an event, "gap 3-5;" the notice of a gap (with
 * "?" in place of an end that nobody knows), and why it was closed.  The key of
 * an event is what its body has before a colon.
 */


#ifndef _FAKE_FEEDS_H_INCLUDED_
#define _FAKE_FEEDS_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_client.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_feed_turn.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_source.h"
#include "ngx_ess_counter.h"


#define FEEDS_ROOM  ((size_t) 1 << 40)


typedef struct {
    ngx_ess_record_type_e    type;
    uint64_t                 ordinal;
    uint64_t                 after;
    uint64_t                 timestamp;
    ngx_str_t                body;          /* the test's */
} feeds_record_t;


typedef struct {
    ngx_ess_stream_ref_t     ref;
    ngx_uint_t               sparse;        /* it follows a broker's stream */
    feeds_record_t          *records;       /* the first has the number 1 */
    ngx_uint_t               n;
    ngx_uint_t               evicted;       /* of them */
    uint64_t                 next_ordinal;
    ngx_uint_t               closed;        /* deleted, and still there */
    ngx_uint_t               missing;       /* no more */
    ngx_uint_t               exchanged;     /* it has another epoch */
    ngx_uint_t               slice;         /* records in a read, 0: any */
    ngx_uint_t               refused;       /* 1: whatever the buffer */
    ngx_uint_t               reads;         /* that were made */
} feeds_stream_t;


typedef struct feeds_client_s  feeds_client_t;

struct feeds_client_s {
    ngx_ess_client_t         client;        /* must be first */
    ngx_ess_loc_conf_t       conf;
    char                    *text;          /* since it was looked at */
    size_t                   len;
    size_t                   room;          /* bytes that its socket takes */
    ngx_uint_t               stuffed;       /* 1: with what is no frame */
    ngx_uint_t               lingers;       /* closed, it waits for the peer */
    ngx_uint_t               skipped;
    ngx_uint_t               reclaimed;
    ngx_uint_t               flushes;
    ngx_uint_t               turn;          /* of the last one */
    feeds_client_t          *victim;        /* leaves at the next one */

    /* of a client with several subscriptions, for which it is one */

    feeds_client_t          *parent;        /* whose replay it was; NULL: its
                                               own */
    ngx_str_t                keys[4];       /* of its replay */
    ngx_uint_t               nkeys;
    ngx_uint_t               taken;         /* it was handed over */
};


typedef struct {
    ngx_uint_t               fail;          /* the nth allocation from now */
    ngx_uint_t               failed;        /* it did */
    ngx_uint_t               encoded;       /* for all, */
    ngx_uint_t               encoded_one;   /* for one */
    uint32_t                 number;        /* of the next client */
    ngx_uint_t               opening;       /* clients wait for feeds_open() */
    ngx_uint_t               alerts;        /* messages, alert or worse */
    ngx_uint_t               done;          /* all was read, as it was said
                                               last */
    ngx_uint_t               yields;        /* bursts that go on */
    ngx_uint_t               turns;         /* of the event loop */
    int64_t                  counters[NGX_ESS_C_N];

    ngx_ess_source_replay_t *replay;        /* the broker's, oldest first; */
    ngx_uint_t               replays;       /* started */
    ngx_uint_t               more;          /* calls of it */
} feeds_t;


extern feeds_t                    feeds;

extern const ngx_ess_encoding_t  feeds_plain;
extern const ngx_ess_encoding_t  feeds_strict;      /* without "!..." */
extern const ngx_ess_encoding_t  feeds_other;       /* the same */
extern const ngx_ess_encoding_t  feeds_silent;      /* has no gaps */
extern const ngx_ess_encoding_t  feeds_deflated;    /* "E7:body;" for all */
extern const ngx_ess_encoding_t  feeds_many;        /* of several subscriptions,
                                                       labelled */


/* Of each test.  The end ends who is left, and fails when anything is. */
int feeds_begin(void **state);
int feeds_end(void **state);

#define feeds_test(name)                                                       \
    cmocka_unit_test_setup_teardown(name, feeds_begin, feeds_end)

/* The stream with the id, which is made at its first use. */
feeds_stream_t *feeds_stream(uint64_t id);

/* To its log, without a word to anybody. */
feeds_record_t *feeds_append(feeds_stream_t *s, const char *body);
feeds_record_t *feeds_append_type(feeds_stream_t *s,
    ngx_ess_record_type_e type);
feeds_record_t *feeds_append_gap(feeds_stream_t *s, const char *body);
void feeds_lost(feeds_stream_t *s);
void feeds_evict(feeds_stream_t *s, ngx_uint_t n);

/* The log has more: it is told, and the event loop is run. */
void feeds_changed(feeds_stream_t *s);

/* One iteration of the event loop; until nothing is posted. */
void feeds_turn(void);
void feeds_run(void);

/*
 * A stream's life in letters, with one client, which is returned:
 *
 *     j       joins at the end         e       an event, "x"
 *     r0..r9  replays from behind      g       the same, behind some that
 *             that ordinal                     are gone
 *     b       its socket is full       -       an ordinal without a record
 *     t       it takes all             p, G    POISON, GONE
 *     !       the log has more         x       the oldest record is evicted
 *     .       the event loop is run    D, M    deleted; no more
 *     1       a read brings one record
 *     N       it has another epoch
 */
feeds_client_t *feeds_script(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    const char *script);

/* What such a client is to have got; each row in a stream of its own, until a
   row without a script. */

typedef struct {
    const char              *script;
    const char              *text;
} feeds_row_t;

void feeds_rows(const feeds_row_t *row, ngx_uint_t sparse,
    const ngx_ess_encoding_t *t);

/* NULL: no memory.  They are freed by feeds_end(). */
feeds_client_t *feeds_join(feeds_stream_t *s, const ngx_ess_encoding_t *t);
feeds_client_t *feeds_replay(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    uint64_t after);
feeds_client_t *feeds_place(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    ngx_ess_log_place_t *place);
feeds_client_t *feeds_source(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    ngx_uint_t gap, uint64_t after, uint64_t timestamp);

/* The same in the lane of the key, or with the keys of a text such as "eu,us";
   what comes to lanes where a replay arrived is noted with its client. */
feeds_client_t *feeds_join_key(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    const char *key);
feeds_client_t *feeds_replay_keys(feeds_stream_t *s,
    const ngx_ess_encoding_t *t, uint64_t after, const char *keys);

/* The key of a body; empty: none. */
ngx_str_t feeds_key(const char *body);

/* Its response header was sent. */
void feeds_open(feeds_client_t *c);

/* Its socket is full from now on; takes so many bytes more; it leaves. */
void feeds_block(feeds_client_t *c);
void feeds_stuff(feeds_client_t *c);          /* with what is no frame */
void feeds_take(feeds_client_t *c, size_t room);
void feeds_leave(feeds_client_t *c);
ngx_uint_t feeds_is_gone(feeds_client_t *c);

/* What it got since the last time. */
void feeds_expect(feeds_client_t *c, const char *text);

/* What it got is all of that, and it is there; or it is the beginning, then
   that it was closed. */
void feeds_expect_or_closed(feeds_client_t *c, const char *text);

/* What the stream has here. */
ngx_uint_t feeds_subscribers(feeds_stream_t *s);

/* From the broker, to the oldest replay that is running. */
ngx_int_t feeds_broker_event(uint64_t ordinal, const char *body);
ngx_int_t feeds_broker_event_gap(uint64_t ordinal, const char *body);
void feeds_broker_batch(void);
void feeds_broker_ended(ngx_int_t rc);


/* of fake_feeds_log.c and fake_feeds_client.c, for fake_feeds.c */

extern const ngx_ess_feed_handlers_t  feeds_client_handlers;

void feeds_log_begin(void);
void feeds_log_end(void);
void feeds_client_begin(void);
void feeds_client_leave(void);
void feeds_client_end(void);
feeds_client_t *feeds_client(feeds_stream_t *s);
feeds_client_t *feeds_opened(feeds_client_t *c, ngx_int_t rc);
void feeds_say(feeds_client_t *c, const void *data, size_t len);


/* of fake_feeds_many.c: clients with several subscriptions */

void feeds_many_begin(void);
void feeds_many_turn(void);
void feeds_many_ready(ngx_ess_subscriber_t *sub);
void feeds_many_arrived(ngx_ess_subscriber_t *sub);
void feeds_many_taken(ngx_ess_feed_t *feed, ngx_ess_feed_visit_pt visit,
    void *data);
void feeds_many_kept(void);
size_t feeds_many_over(size_t over, size_t target);


#endif /* _FAKE_FEEDS_H_INCLUDED_ */
