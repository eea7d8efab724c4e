/*
 * One feed with frames, and four subscribers that wait for their sockets.
 */


#ifndef _ONE_FEED_H_INCLUDED_
#define _ONE_FEED_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "ngx_ess_feed.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_counter.h"


#define ONE_FEED_SUBS  4


typedef struct {
    ngx_ess_feed_t           feed;
    ngx_ess_subscriber_t     subs[ONE_FEED_SUBS];
    ngx_uint_t               frames;        /* that were appended */
    ngx_uint_t               fail;          /* the nth allocation from now */
    int64_t                  memory;        /* the zone's gauge */
} one_feed_t;


extern one_feed_t  one_feed;


/* Of each test.  The end fails when a frame is left. */
int one_feed_begin(void **state);
int one_feed_end(void **state);

#define one_feed_test(name)                                                   \
    cmocka_unit_test_setup_teardown(name, one_feed_begin, one_feed_end)

/* Its number is one more than that of the last one.  One reference is the
   caller's; NULL: no memory. */
ngx_ess_frame_t *one_feed_append(size_t len);

/* The same, and nobody is at it. */
void one_feed_pass(size_t len);

/* The subscriber's cursor, one more at the frame; it goes from there; it moves
   on. */
void one_feed_at(ngx_uint_t i, ngx_ess_frame_t *frame);
void one_feed_release(ngx_uint_t i);
void one_feed_next(ngx_uint_t i);


#endif /* _ONE_FEED_H_INCLUDED_ */
