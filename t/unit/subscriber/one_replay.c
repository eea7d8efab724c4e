/*
 * What stands around the source of a feed, for its unit tests.
 */


#include "one_replay.h"
#include "ngx_ess_feed_read.h"
#include "ngx_ess_feed_settle.h"
#include "ngx_ess_memory.h"
#include "ngx_ess_stream.h"


one_replay_t  one_replay;

static ngx_log_t        test_log;
static ngx_cycle_t      test_cycle = { .log = &test_log };
static ngx_ess_zone_t   test_zone;

volatile ngx_cycle_t   *ngx_cycle = &test_cycle;

ngx_ess_feed_worker_t   ngx_ess_feed_worker = { .zone = &test_zone };


const char *
one_replay_rc(ngx_int_t rc)
{
    switch (rc) {
    case NGX_OK:
        return "OK";
    case NGX_ERROR:
        return "ERROR";
    case NGX_DECLINED:
        return "DECLINED";
    case NGX_DONE:
        return "DONE";
    default:
        return "?";
    }
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return one_replay.no_memory ? NULL : calloc(1, size);
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    assert_int_equal(id, 7);

    if (one_replay.no_stream) {
        return NGX_DECLINED;
    }

    /* it is the caller's, and the rest of it is not set */

    ngx_memset(info, 0xff, sizeof(ngx_ess_stream_info_t));
    info->key_len = 3;
    ngx_memcpy(info->key, "abc", 3);
    info->rule_len = one_replay.rule ? strlen(one_replay.rule) : 0;
    ngx_memcpy(info->rule, one_replay.rule ? one_replay.rule : "",
               info->rule_len);

    return NGX_OK;
}


ngx_int_t
ngx_ess_source_replay_start(ngx_ess_source_replay_t *r)
{
    assert_null(one_replay.replay);
    one_replay.replay = r;

    ngx_unit_trace("start %.*s after %u from %u", (int) r->key.len,
                   r->key.data, (unsigned) r->ordinal,
                   (unsigned) r->timestamp);

    r->found = (r->timestamp == 0);
    r->after = 0;

    return NGX_OK;
}


void
ngx_ess_source_replay_more(ngx_ess_source_replay_t *r)
{
    assert_ptr_equal(r, one_replay.replay);
    ngx_unit_trace("more");
}


void
ngx_ess_source_replay_stop(ngx_ess_source_replay_t *r)
{
    assert_ptr_equal(r, one_replay.replay);
    ngx_unit_trace("stop");

    /* what is the replay's is still there */

    assert_memory_equal(r->key.data, "abc", 3);
    one_replay.replay = NULL;
}


ngx_int_t
ngx_ess_feed_read_record(ngx_ess_feed_t *f, ngx_ess_record_t *record,
    ngx_ess_frame_t **first)
{
    const char  *type;

    assert_ptr_equal(f, &one_replay.feed);

    type = record->type == NGX_ESS_RECORD_EVENT ? "event"
           : record->type == NGX_ESS_RECORD_POISON ? "poison"
           : record->type == NGX_ESS_RECORD_GONE ? "gone" : "?";

    ngx_unit_trace("%s %u \"%.*s\" at %u%s%s%.*s", type,
                   (unsigned) record->ordinal,
                   (int) ngx_min(record->body.len, 10),
                   record->body.len ? (char *) record->body.data : "",
                   (unsigned) record->timestamp,
                   record->after > f->have ? " gap" : "",
                   record->key.len ? " key " : "", (int) record->key.len,
                   record->key.len ? (char *) record->key.data : "");

    assert_true(record->type == NGX_ESS_RECORD_GONE || record->seq == 0);
    assert_ptr_equal(*first, one_replay.kept);

    if (one_replay.record_rc == NGX_OK && *first == NULL) {
        one_replay.kept = calloc(1, sizeof(ngx_ess_frame_t));
        assert_non_null(one_replay.kept);
        *first = one_replay.kept;
    }

    return one_replay.record_rc;
}


void
ngx_ess_frame_release(ngx_ess_frames_t *frames, ngx_ess_frame_t *frame)
{
    assert_ptr_equal(frames, &one_replay.feed.lane.frames);

    if (frame == NULL) {
        return;
    }

    assert_ptr_equal(frame, one_replay.kept);

    ngx_unit_trace("release");
    free(frame);
    one_replay.kept = NULL;
}


void
ngx_ess_feed_settle(ngx_ess_feed_t *f, ngx_int_t rc,
    ngx_ess_frame_t *first)
{
    assert_ptr_equal(first, one_replay.kept);

    /* the feed is held: what this does may not free it */

    assert_int_equal(f->subscribers, 2);

    ngx_unit_trace("settle %s%s", one_replay_rc(rc), first ? " frames" : "");

    free(first);
    one_replay.kept = NULL;

    if (one_replay.leaves) {
        f->subscribers--;
    }
}


void
ngx_ess_feed_unhold(ngx_ess_feed_t *f)
{
    if (--f->subscribers == 0) {
        ngx_unit_trace("free");
        ngx_ess_feed_source_stop(f);
    }
}


void
ngx_ess_feed_reclaim(void)
{
    ngx_unit_trace("reclaim");
}


size_t
ngx_ess_memory_used(void)
{
    return one_replay.memory;
}


size_t
ngx_ess_memory_max(void)
{
    return 1000;
}


ngx_uint_t
ngx_ess_log_is_poison(ngx_str_t *body)
{
    return body->len == 6 && ngx_memcmp(body->data, "POISON", 6) == 0;
}


ngx_int_t
ngx_ess_log_search_ordinal(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t ordinal, ngx_ess_log_place_t *place)
{
    ngx_unit_trace("log after %u", (unsigned) ordinal);
    *place = one_replay.place;

    return one_replay.log_rc;
}


ngx_int_t
ngx_ess_log_search_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place)
{
    char  from[32];

    (void) snprintf(from, sizeof(from), "%u", (unsigned) undated);
    ngx_unit_trace("log since %u or %s,", (unsigned) timestamp,
                   undated == (uint64_t) -1 ? "none" : from);
    *place = one_replay.place;

    return one_replay.log_rc;
}


int
one_replay_begin(void **state)
{
    ngx_unit_trace_clear();

    ngx_memzero(&one_replay, sizeof(one_replay_t));

    one_replay.feed.ref.id = 7;
    one_replay.feed.subscribers = 1;
    one_replay.feed.replay = 1;

    /* the log does not have it yet */

    one_replay.place.seq = 77;
    one_replay.place.last = 5;
    one_replay.place.begin = 19;
    one_replay.place.have = 19;
    one_replay.place.gap.from = 1;

    return 0;
}


int
one_replay_end(void **state)
{
    ngx_unit_trace_clear();
    ngx_ess_feed_source_stop(&one_replay.feed);

    return one_replay.replay != NULL || one_replay.kept != NULL;
}


void
one_replay_start(uint64_t ordinal, uint64_t timestamp)
{
    assert_int_equal(ngx_ess_feed_source_start(&one_replay.feed, ordinal,
                                               timestamp),
                     NGX_OK);
    ngx_unit_trace_clear();
}


/* The key is the rule, but of "none". */

static ngx_int_t
find_key(ngx_ess_event_t *event, ngx_str_t *rule, ngx_str_t *key)
{
    if (rule->len == 4 && memcmp(rule->data, "none", 4) == 0) {
        return NGX_DECLINED;
    }

    memcpy(key->data, rule->data, rule->len);
    key->len = rule->len;

    return NGX_OK;
}


ngx_int_t
one_replay_event(size_t size, const char *text, uint64_t ordinal,
    ngx_uint_t gap)
{
    ngx_int_t        rc;
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = calloc(1, ngx_max(size, strlen(text)));
    event.body.len = ngx_max(size, strlen(text));
    assert_non_null(event.body.data);
    ngx_memcpy(event.body.data, text, strlen(text));
    event.ordinal = ordinal;
    event.timestamp = ordinal * 10;
    event.after = gap ? ordinal - 1 : 0;
    event.find_key = find_key;

    if (one_replay.key) {
        event.key.data = (u_char *) one_replay.key;
        event.key.len = strlen(one_replay.key);
    }

    one_replay.replay->ordinal = ordinal;
    rc = one_replay.replay->handlers->event(one_replay.replay, &event);

    /* it is not looked at after the call */

    free(event.body.data);

    return rc;
}


void
one_replay_batch(void)
{
    one_replay.replay->handlers->batch(one_replay.replay);
}
