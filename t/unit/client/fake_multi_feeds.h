/*
 * A client with several subscriptions, over feeds that are lists: each
 * subscription has a lane and frames of its own, and what it is sent is noted
 * down as "stream:record ".
 */


#ifndef _FAKE_MULTI_FEEDS_H_INCLUDED_
#define _FAKE_MULTI_FEEDS_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_multi_back.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_due.h"
#include "ngx_ess_multi_join.h"
#include "ngx_ess_counter.h"


#define FAKE_STREAMS  16
#define FAKE_SUBS     128


typedef struct {
    ngx_ess_client_t       client;
    ngx_ess_multi_t       *multi;

    ngx_uint_t             fail;            /* the nth allocation from now */
    ngx_uint_t             failed;          /* it did */
    ngx_int_t              entered;         /* what entering returns */
    ngx_int_t              back;            /* and going back */
    ngx_int_t              counted[FAKE_STREAMS];   /* in the zone */
    ngx_int_t              subscriptions;   /* the figure */
    ngx_uint_t             holds;           /* of the mutex */
    uint32_t               arrived;
    ngx_uint_t             backs;           /* replays that went back */
    ngx_uint_t             wanted;          /* feeds, so often */
    ngx_uint_t             begun;           /* replays, at the record */
    uint64_t               begun_at;
    ngx_ess_position_t     pos;             /* of the last one that entered */

    ngx_ess_feed_t        *feeds[FAKE_STREAMS];     /* shared ones */
    ngx_ess_subscriber_t  *subs[FAKE_SUBS];         /* in lanes */
    char                   sent[65536];
} fake_multi_t;


extern fake_multi_t  fake;


/* Of each test.  The end drops all, and fails when anything is left. */
int fake_multi_setup(void **state);
int fake_multi_teardown(void **state);

#define fake_multi_test(name)                                                 \
    cmocka_unit_test_setup_teardown(name, fake_multi_setup,                   \
                                    fake_multi_teardown)

/* Subscribes, to keys such as "eu,us" or NULL; from an ordinal on, or with 0
   from now on. */
ngx_int_t fake_join(uint64_t id, const char *keys, uint64_t from);

/* Drops these, or with NULL all. */
void fake_unsubscribe(uint64_t id, const char *keys);

/* The record has come; with a key, and those with that, or NULL. */
void fake_event(uint64_t id, const char *key, uint64_t seq);

/* The subscription to the key, or with NULL the whole stream, or the stream's
   group; NULL: there is none. */
ngx_ess_multi_cell_t *fake_cell(uint64_t id, const char *key);

/* The replay that has the key; NULL: none has. */
ngx_ess_subscriber_t *fake_replay(uint64_t id, const char *key);

/* A record comes to the replay alone; it has read all there is. */
void fake_frame(ngx_ess_subscriber_t *sub, uint64_t seq);
void fake_end(ngx_ess_subscriber_t *sub);

/* All that is ready is sent: that text, or NULL: any. */
void fake_sends(const char *text);


#endif /* _FAKE_MULTI_FEEDS_H_INCLUDED_ */
