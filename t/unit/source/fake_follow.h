/*
 * What those need who follow: a zone that says what the test lets it say, and
 * clients that wait for the log of stream "abc".  Both write lines of
 * ngx_trace.h:
 *
 *     claim
 *     begin 23 from 13
 *     append 5 gap at 1000
 *     a: OK
 */


#ifndef _FAKE_FOLLOW_H_INCLUDED_
#define _FAKE_FOLLOW_H_INCLUDED_


#include "ngx_ess_follow.h"
#include "ngx_ess_follower.h"


/* ms: between looks at who follows, and while somebody waits; until a zone
   without room is asked again; without subscribers until a stream is let go
   of */
#define TICK    500
#define POLL    20
#define ROOM    5
#define IDLE    60000


/* of the log, at first */
#define FAKE_EPOCH  0xe


typedef struct {
    ngx_ess_follow_e          state;
    uint64_t                  epoch;
    ngx_int_t                 claim_rc;
    uint64_t                  claim_ordinal;
    ngx_int_t                 begin_rc;     /* NGX_AGAIN: it is filled, if
                                               there is anything before */
    ngx_int_t                 live_rc;
    ngx_int_t                 release_rc;
    ngx_int_t                 append_rc;
    ngx_uint_t                mine;         /* set by a claim */
    ngx_uint_t                subscribed;
} fake_follow_t;


typedef struct {
    ngx_ess_source_attach_t   attach;
    const char               *name;
    void                     *other;        /* this one is canceled by its
                                               handler */
    ngx_uint_t                again;        /* asks again in its handler */
    ngx_uint_t                keep;         /* is not freed by it */
} client_t;


extern fake_follow_t  follow;


/* Sets what is common of "s", where clients are attached to from now on. */
void follow_init(ngx_ess_followers_t *s);

/* A client asks: the source has heard of it, or has looked as well.  It frees
   itself when it is answered. */
client_t *client_asks(const char *name);
client_t *client_waits(const char *name);

/* It is gone. */
void client_cancel(client_t *client);


#endif /* _FAKE_FOLLOW_H_INCLUDED_ */
