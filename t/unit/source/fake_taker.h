/*
 * Who starts replays, and what every source needs for them.  What a taker hears
 * of are lines of ngx_trace.h:
 *
 *     a: event 6 gap
 *     a: batch at 6
 *     a: ended DECLINED
 */


#ifndef _FAKE_TAKER_H_INCLUDED_
#define _FAKE_TAKER_H_INCLUDED_


#include "ngx_ess_source.h"


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


/* what takers start; set by the test */
extern const ngx_ess_source_t  *taker_source;
extern ngx_ess_zone_t           taker_zone;

/* Replays under way, and sessions that were opened, as they are counted. */
extern int64_t  taker_replays;
extern int64_t  taker_sessions;


void taker_init(void);

/* A replay of "abc" behind the ordinal, or from the timestamp, in ms. */
taker_t *taker_start(const char *name, uint64_t ordinal, uint64_t timestamp);

void taker_more(taker_t *taker);

/* Stops, and frees at once. */
void taker_stop(taker_t *taker);


#endif /* _FAKE_TAKER_H_INCLUDED_ */
