/*
 * Who starts replays, and what ngx_ess_rabbitmq_replay.c needs besides a
 * session.  What a taker hears of are lines of ngx_trace.h:
 *
 *     a: event 6 gap
 *     a: batch at 6
 *     a: ended DECLINED
 */


#ifndef _FAKE_TAKER_H_INCLUDED_
#define _FAKE_TAKER_H_INCLUDED_


#include "ngx_ess_rabbitmq_replay.h"
#include "amqp/fake_amqp.h"


typedef struct {
    ngx_ess_source_replay_t   replay;
    char               name[16];
    char               got[512];        /* ordinals, with "g" of a gap */
    uint64_t           have;            /* as in ngx_ess_gap.h */
    ngx_uint_t         room;            /* events; the last one is answered
                                           with NGX_AGAIN.  0: it takes all */
    ngx_uint_t         stop_batch;      /* stops from within */
    ngx_uint_t         stop_ended;
    ngx_uint_t         more_batch;      /* wants more from within */
} taker_t;


/* Replays under way, and sessions that were opened, as they are counted. */
extern int64_t  taker_replays;
extern int64_t  taker_sessions;


/* Both are for cmocka's setup and teardown; the latter fails if anything is
   left. */
int taker_setup(void **state);
int taker_teardown(void **state);

/* A replay of "abc" behind the ordinal, or from the timestamp, in ms. */
taker_t *taker_start(const char *name, uint64_t ordinal, uint64_t timestamp);

/* The same, with the session open and the consumer there: the number of its
   channel is fake.opened. */
taker_t *taker_reads(const char *name, uint64_t ordinal);

void taker_more(taker_t *taker);

/* Stops, and frees at once. */
void taker_stop(taker_t *taker);


#endif /* _FAKE_TAKER_H_INCLUDED_ */
