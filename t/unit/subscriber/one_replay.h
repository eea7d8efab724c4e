/*
 * A feed of one client and the replay that it has from a source: a test says
 * what the replay hands out, and reads what became of it.
 */


#ifndef _ONE_REPLAY_H_INCLUDED_
#define _ONE_REPLAY_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_feed_source.h"
#include "ngx_ess_source.h"
#include "ngx_trace.h"


typedef struct {
    ngx_ess_feed_t            feed;
    ngx_ess_source_replay_t  *replay;       /* that was started; NULL: none */
    ngx_ess_frame_t          *kept;         /* the first frame of a batch */

    /* what the fakes return */

    const char               *rule;         /* the stream's; NULL: none */
    const char               *key;          /* of the next event, which it
                                               names itself */
    ngx_int_t                 no_memory;
    ngx_int_t                 no_stream;
    ngx_int_t                 record_rc;
    ngx_int_t                 log_rc;
    ngx_ess_log_place_t       place;
    size_t                    memory;       /* that is kept, of 1000 bytes */
    ngx_uint_t                leaves;       /* the client does, when it is told
                                               of frames */
} one_replay_t;


extern one_replay_t  one_replay;


/* Of each test.  The log does not have it yet.  The end fails when anything is
   left. */
int one_replay_begin(void **state);
int one_replay_end(void **state);

#define one_replay_test(name)                                                 \
    cmocka_unit_test_setup_teardown(name, one_replay_begin, one_replay_end)

/* It starts; and hands out an event of at least that size, a batch. */
void one_replay_start(uint64_t ordinal, uint64_t timestamp);
ngx_int_t one_replay_event(size_t size, const char *text, uint64_t ordinal,
    ngx_uint_t gap);
void one_replay_batch(void);

/* In words. */
const char *one_replay_rc(ngx_int_t rc);


#endif /* _ONE_REPLAY_H_INCLUDED_ */
