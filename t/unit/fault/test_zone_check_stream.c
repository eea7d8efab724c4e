/*
 * The checker, of streams, their pairs and their logs: whatever word is wrong,
 * it says so.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/fault/broken_zone.c
 */


#include "broken_zone.h"
#include "ngx_ess_attr.h"


static void
test_list(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    broken(stream_at(1)->prev, segs[2], "list of streams, backwards");
    broken(stream_at(1)->id, 9, "list of streams, id");
    broken(sh->next_id, 2, "list of streams, id");
    broken(sh->streams_tail, segs[0], "list of streams, end");
    broken(stream_at(0)->next, segs[2], "count of streams");
    broken(stream_at(2)->next, segs[1], "segment");
    broken(sh->nstatic, sh->nstatic + 1, "count of segments of streams");
}


static void
test_stream(void **state)
{
    broken(stream_at(0)->link, segs[1], "segment");
    broken(*ngx_ess_zone_link(zone->sh, stream_at(0)->link), segs[1],
           "end of a key");
    broken(stream_at(0)->key_len, 0, "length of a key");
    broken(stream_at(0)->key_len, NGX_ESS_MAX_KEY + 1, "length of a key");
    broken(stream_at(0)->state, 0, "state of a stream");
    broken(stream_at(0)->state, NGX_ESS_STREAM_CLOSED + 1,
           "state of a stream");
    broken(stream_at(0)->want, NGX_ESS_WANT_TOLD + 1, "want of a stream");
}


static void
test_attr(void **state)
{
    ngx_ess_attr_t    *attr;
    ngx_ess_stream_t  *s;

    s = stream_at(2);
    attr = ngx_ess_attr_locked(zone->sh, s);

    broken(s->kind.attr, 0, "end of a key");
    broken(s->kind.attr, NGX_ESS_ATTR_NAME, "attributes of a stream");
    broken(s->link, 0, "end of a key");
    broken(s->link, segs[1], "segment");
    broken(attr->stream, segs[1], "attributes of a stream");
    broken(attr->name_len, NGX_ESS_MAX_NAME + 1, "attributes of a stream");
    broken(attr->rule_len, 0, "attributes of a stream");
    broken(attr->link, 0, "attributes of a stream");
    broken(attr->text[0], 'x', "attributes of a stream");
    broken(attr->log_age, 0, "list of ages");
    broken(attr->aged_prev, segs[1], "list of ages");
    broken(*ngx_ess_zone_link(zone->sh, attr->link), segs[1],
           "end of attributes");
}


static void
test_pairs(void **state)
{
    ngx_ess_pair_t    *pairs;
    ngx_ess_stream_t  *s;

    s = stream_at(1);
    pairs = s->pairs;

    assert_int_equal(pairs[0].count, 1);

    broken(pairs[0].count, 0, "an unused pair");
    broken(pairs[0].proc, zone->sh->geo.nprocs, "process slot of a pair");
    broken(pairs[0].proc, 2, "count of a process's dirty streams");
    broken(pairs[1].count, 1, "count of a process's pairs");
    broken(s->ext, recs[0], "segment");
    broken(s->first_subscriber, 2, "first subscriber");
    broken(stream_at(0)->state, NGX_ESS_STREAM_CLOSED,
           "a closed stream of nobody");

    /* one process in two pairs */

    pairs[1] = pairs[0];
    broken_zone_told("process slot of a pair");
    ngx_memzero(&pairs[1], sizeof(ngx_ess_pair_t));
}


static void
test_log(void **state)
{
    ngx_ess_stream_t  *s;

    s = stream_at(1);

    broken(s->head, recs[1], "counts of a log");
    broken(s->tail, recs[0], "end of a log");
    broken(s->count, 3, "number of a record");
    broken(s->events, 3, "counts of a log");
    broken(s->bytes, 3, "counts of a log");
    broken(s->next_seq, 9, "number of a record");
    broken(s->next_ordinal, 4, "next number of a log");

    broken(record_at(1)->prev, recs[2], "link of a record");
    broken(record_at(1)->stream, segs[0], "link of a record");
    broken(record_at(1)->next, recs[0], "segment");
    broken(record_at(1)->seq, 9, "number of a record");
    broken(record_at(1)->ordinal, 1, "number of a record");
    broken(record_at(1)->ordinal, 9, "last event before a record");
}


static void
test_range(void **state)
{
    /* the fourth record's range is the log, and is asked from its end */

    broken(record_at(3)->timestamp, 999, "timestamps of a range");
    broken(record_at(2)->before, recs[0], "what is before a range");
    broken(record_at(1)->timestamp, 1001, "timestamps of a range");
}


static void
test_record(void **state)
{
    broken(record_at(0)->len, NGX_ESS_SEGMENT_SIZE, "length of a record");
    broken(record_at(0)->last, recs[1], "length of a record");
    broken(record_at(2)->link, 0, "length of a record");
    broken(record_at(2)->link, recs[0], "segment");

    record_at(0)->type = NGX_ESS_RECORD_LOSS + 1;
    broken_zone_told("type of a record");
    record_at(0)->type = NGX_ESS_RECORD_EVENT;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        broken_zone_test(test_list),
        broken_zone_test(test_stream),
        broken_zone_test(test_attr),
        broken_zone_test(test_pairs),
        broken_zone_test(test_log),
        broken_zone_test(test_range),
        broken_zone_test(test_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
