/*
 * A feed by itself, for the unit tests of what is kept in one.
 */


#include "one_feed.h"


one_feed_t  one_feed;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return (one_feed.fail && --one_feed.fail == 0) ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    if (p) {
        ngx_memzero(p, size);
    }

    return p;
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_int_equal(counter, NGX_ESS_C_MEMORY);
    one_feed.memory += n;
}


int
one_feed_begin(void **state)
{
    ngx_uint_t  i;

    ngx_memzero(&one_feed, sizeof(one_feed_t));

    ngx_queue_init(&one_feed.feed.lane.idle);
    one_feed.feed.lane.feed = &one_feed.feed;
    ngx_queue_init(&one_feed.feed.due);
    ngx_queue_init(&one_feed.feed.waiting);

    for (i = 0; i < ONE_FEED_SUBS; i++) {
        one_feed.subs[i].lane = &one_feed.feed.lane;
        ngx_queue_insert_tail(&one_feed.feed.waiting, &one_feed.subs[i].queue);
    }

    ngx_ess_memory_init(NULL, 1024 * 1024);

    return 0;
}


int
one_feed_end(void **state)
{
    assert_null(one_feed.feed.lane.frames.tail);
    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(one_feed.memory, 0);

    return 0;
}


ngx_ess_frame_t *
one_feed_append(size_t len)
{
    ngx_uint_t                 fail;
    ngx_ess_frame_t           *frame;
    ngx_ess_encoding_frame_t   data;

    ngx_memzero(&data, sizeof(ngx_ess_encoding_frame_t));

    fail = one_feed.fail;
    one_feed.fail = 0;

    data.data = ngx_ess_encoding_alloc(len, NULL);
    assert_non_null(data.data);
    data.len = len;

    one_feed.fail = fail;
    one_feed.frames++;

    frame = ngx_ess_frame_append(&one_feed.feed.lane.frames,
                                 NGX_ESS_FRAME_EVENT, one_feed.frames,
                                 one_feed.frames, &data, NULL);

    ngx_ess_frame_drop(data.data, data.len);

    return frame;
}


void
one_feed_pass(size_t len)
{
    ngx_ess_frame_release(&one_feed.feed.lane.frames, one_feed_append(len));
}


void
one_feed_at(ngx_uint_t i, ngx_ess_frame_t *frame)
{
    one_feed.subs[i].frame = frame;
    ngx_ess_frame_hold(frame);
}


void
one_feed_release(ngx_uint_t i)
{
    ngx_ess_frame_release(&one_feed.subs[i].lane->frames,
                          one_feed.subs[i].frame);
    one_feed.subs[i].frame = NULL;
}


void
one_feed_next(ngx_uint_t i)
{
    one_feed.subs[i].frame = ngx_ess_frame_next(&one_feed.feed.lane.frames,
                                                one_feed.subs[i].frame);
}
