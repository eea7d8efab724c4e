/*
 * A log and a broker for the unit tests of feeds.  The log keeps the contract
 * of ngx_ess_log_read(), and sees that the caller does.
 */


#include "fake_feeds.h"
#include "ngx_ess_log_read.h"
#include "ngx_ess_stream.h"


#define FEEDS_STREAMS  2048
#define FEEDS_REPLAYS  8
#define FEEDS_SEG      1000                  /* of the record 0 */


static feeds_stream_t     feeds_streams[FEEDS_STREAMS];
static ngx_uint_t         feeds_nstreams;
static ngx_ess_source_replay_t  *feeds_replays[FEEDS_REPLAYS];
static ngx_uint_t         feeds_nreplays;


void
feeds_log_begin(void)
{
    ngx_memzero(feeds_streams, sizeof(feeds_streams));

    feeds_nstreams = 0;
    feeds_nreplays = 0;
}


void
feeds_log_end(void)
{
    ngx_uint_t  i;

    for (i = 0; i < feeds_nstreams; i++) {
        assert_int_equal(feeds_subscribers(&feeds_streams[i]), 0);
        feeds_changed(&feeds_streams[i]);
        free(feeds_streams[i].records);
    }
}


static feeds_stream_t *
feeds_find(ngx_ess_stream_ref_t *ref)
{
    ngx_uint_t  i;

    for (i = 0; i < feeds_nstreams; i++) {
        if (feeds_streams[i].ref.id == ref->id) {
            return feeds_streams[i].ref.epoch == ref->epoch
                   && !feeds_streams[i].missing
                   ? &feeds_streams[i] : NULL;
        }
    }

    return NULL;
}


feeds_stream_t *
feeds_stream(uint64_t id)
{
    ngx_uint_t       i;
    feeds_stream_t  *s;

    for (i = 0; i < feeds_nstreams; i++) {
        if (feeds_streams[i].ref.id == id) {
            return &feeds_streams[i];
        }
    }

    assert_true(feeds_nstreams < FEEDS_STREAMS);

    s = &feeds_streams[feeds_nstreams++];

    s->ref.id = id;
    s->ref.epoch = 0xe;
    s->next_ordinal = 1;

    return s;
}


static feeds_record_t *
feeds_add(feeds_stream_t *s)
{
    feeds_record_t  *r;

    s->records = realloc(s->records, (s->n + 1) * sizeof(feeds_record_t));
    assert_non_null(s->records);

    r = &s->records[s->n++];
    ngx_memzero(r, sizeof(feeds_record_t));

    return r;
}


/* Ordinal of the last event before the record; those that are left out of a
   broker's stream are of none. */

static uint64_t
feeds_last(feeds_stream_t *s, feeds_record_t *r)
{
    return (r > s->records) ? r[-1].ordinal : 0;
}


feeds_record_t *
feeds_append(feeds_stream_t *s, const char *body)
{
    feeds_record_t  *r;

    r = feeds_add(s);

    r->after = s->sparse ? feeds_last(s, r) : s->next_ordinal - 1;
    r->ordinal = s->next_ordinal++;
    r->timestamp = r->ordinal * 10;
    r->body.data = (u_char *) body;
    r->body.len = strlen(body);

    return r;
}


/* It has the ordinal of the event before it, but a POISON of a broker's stream
   has its own. */

feeds_record_t *
feeds_append_type(feeds_stream_t *s, ngx_ess_record_type_e type)
{
    feeds_record_t  *r;

    r = feeds_add(s);

    r->type = type;
    r->ordinal = s->next_ordinal - 1;
    r->after = r->ordinal;

    if (s->sparse && type == NGX_ESS_RECORD_POISON) {
        r->after = feeds_last(s, r);
        r->ordinal = s->next_ordinal++;
    }

    return r;
}


feeds_record_t *
feeds_append_gap(feeds_stream_t *s, const char *body)
{
    feeds_record_t  *r;

    if (!s->sparse) {
        feeds_append_type(s, NGX_ESS_RECORD_LOSS);
    }

    r = feeds_append(s, body);
    r->after = r->ordinal - 1;

    return r;
}


void
feeds_lost(feeds_stream_t *s)
{
    s->next_ordinal++;
}


void
feeds_evict(feeds_stream_t *s, ngx_uint_t n)
{
    s->evicted += n;
    assert_true(s->evicted <= s->n);
}


static uint64_t
feeds_begin_of(feeds_stream_t *s)
{
    return (s->evicted < s->n) ? s->records[s->evicted].after
                               : s->next_ordinal - 1;
}


ngx_int_t
ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need)
{
    size_t           used;
    ngx_uint_t       max;
    feeds_record_t  *r;
    feeds_stream_t  *s;

    max = *n;
    *n = 0;
    *need = 0;
    lost->records = 0;
    used = 0;

    s = feeds_find(ref);
    if (s == NULL) {
        return NGX_DECLINED;
    }

    s->reads++;

    if (s->exchanged) {
        return NGX_ABORT;
    }

    if (s->refused) {
        return NGX_BUSY;
    }

    /* what is evicted has no place */

    assert_true(*last == 0 || *last == FEEDS_SEG + *seq - 1
                || *seq <= s->evicted + 1);

    if (*seq < s->evicted + 1) {
        lost->records = s->evicted + 1 - *seq;
        lost->after = feeds_begin_of(s);
        *seq = s->evicted + 1;
    }

    for ( /* void */ ; *seq <= s->n; (*seq)++) {
        r = &s->records[*seq - 1];

        if (r->body.len > size - used && *n == 0) {
            *need = r->body.len;
            return NGX_BUSY;
        }

        if (r->body.len > size - used || *n == max
            || (s->slice && *n == s->slice))
        {
            break;
        }

        records[*n].type = r->type;
        records[*n].seq = *seq;
        records[*n].ordinal = r->ordinal;
        records[*n].after = r->after;
        records[*n].timestamp = r->timestamp;
        records[*n].arrival = ngx_current_msec;
        records[*n].body.len = r->body.len;
        records[*n].body.data = buf + used;
        records[*n].key = feeds_key((char *) r->body.data);

        if (r->body.len) {
            ngx_memcpy(buf + used, r->body.data, r->body.len);
        }

        used += r->body.len;
        *last = FEEDS_SEG + *seq;
        (*n)++;
    }

    return (*seq <= s->n) ? NGX_AGAIN : s->closed ? NGX_DONE : NGX_OK;
}


/* where to begin: as ngx_ess_log_search.c */

static ngx_int_t
feeds_search(ngx_ess_stream_ref_t *ref, uint64_t after, uint64_t since,
    uint64_t undated, ngx_ess_log_place_t *place, uint64_t *end)
{
    ngx_uint_t       i;
    feeds_record_t  *r;
    feeds_stream_t  *s;

    s = feeds_find(ref);
    if (s == NULL) {
        return NGX_DECLINED;
    }

    place->begin = feeds_begin_of(s);
    *end = s->next_ordinal - 1;

    for (i = s->evicted; i < s->n; i++) {
        r = &s->records[i];

        if (r->type == NGX_ESS_RECORD_LOSS && since == 0
            && r->ordinal >= after)
        {
            break;
        }

        if (r->type == NGX_ESS_RECORD_EVENT
            && r->ordinal > after
            && (r->timestamp ? r->timestamp >= since : r->ordinal >= undated))
        {
            break;
        }
    }

    place->seq = i + 1;
    place->last = (i > s->evicted) ? FEEDS_SEG + i : 0;
    place->have = (i == s->n) ? *end
                  : (i > s->evicted) ? s->records[i - 1].ordinal
                  : s->records[i].after;

    return NGX_OK;
}


ngx_int_t
ngx_ess_log_search_ordinal(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t ordinal, ngx_ess_log_place_t *place)
{
    uint64_t  end;

    if (feeds_search(ref, ordinal, 0, 0, place, &end) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_ess_gap(&place->gap, ordinal, place->begin)) {
        place->have = place->begin;

    } else if (!ngx_ess_gap_beyond(&place->gap, ordinal, end)) {
        place->have = ordinal;
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_log_search_since(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t timestamp, uint64_t undated, ngx_ess_log_place_t *place)
{
    uint64_t  end;

    if (feeds_search(ref, 0, timestamp, undated, place, &end) != NGX_OK) {
        return NGX_DECLINED;
    }

    (void) ngx_ess_gap(&place->gap, 0, place->last ? 0 : place->begin);

    return NGX_OK;
}


ngx_uint_t
ngx_ess_log_is_poison(ngx_str_t *body)
{
    return body->len == 6 && ngx_memcmp(body->data, "POISON", 6) == 0;
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *zone, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    feeds_stream_t  *s;

    s = feeds_stream(id);

    if (s->missing) {
        return NGX_DECLINED;
    }

    ngx_memzero(info, sizeof(ngx_ess_stream_info_t));

    info->ref = s->ref;
    info->key_len = 3;
    ngx_memcpy(info->key, "key", 3);

    return NGX_OK;
}


/* the broker */

static void
feeds_oldest_replay(void)
{
    feeds.replay = feeds_nreplays ? feeds_replays[0] : NULL;
}


ngx_int_t
ngx_ess_source_replay_start(ngx_ess_source_replay_t *replay)
{
    assert_true(feeds_nreplays < FEEDS_REPLAYS);
    assert_int_equal(replay->key.len, 3);
    assert_memory_equal(replay->key.data, "key", 3);

    replay->found = (replay->timestamp == 0);

    feeds_replays[feeds_nreplays++] = replay;
    feeds.replays++;
    feeds_oldest_replay();

    return NGX_OK;
}


void
ngx_ess_source_replay_more(ngx_ess_source_replay_t *replay)
{
    feeds.more++;
}


void
ngx_ess_source_replay_stop(ngx_ess_source_replay_t *replay)
{
    ngx_uint_t  i;

    for (i = 0; i < feeds_nreplays && feeds_replays[i] != replay; i++) {
        /* void */
    }

    assert_true(i < feeds_nreplays);

    for (feeds_nreplays--; i < feeds_nreplays; i++) {
        feeds_replays[i] = feeds_replays[i + 1];
    }

    feeds_oldest_replay();
}


ngx_str_t
feeds_key(const char *body)
{
    ngx_str_t  key;

    ngx_str_null(&key);

    if (body && strchr(body, ':')) {
        key.data = (u_char *) body;
        key.len = strchr(body, ':') - body;
    }

    return key;
}


static ngx_int_t
feeds_broker(uint64_t ordinal, const char *body, ngx_uint_t gap)
{
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = (u_char *) body;
    event.body.len = strlen(body);
    event.key = feeds_key(body);
    event.ordinal = ordinal;
    event.timestamp = ordinal * 10;
    event.after = gap ? ordinal - 1 : 0;

    feeds.replay->ordinal = ordinal;
    feeds.replay->found = 1;

    return feeds.replay->handlers->event(feeds.replay, &event);
}


ngx_int_t
feeds_broker_event(uint64_t ordinal, const char *body)
{
    return feeds_broker(ordinal, body, 0);
}


ngx_int_t
feeds_broker_event_gap(uint64_t ordinal, const char *body)
{
    return feeds_broker(ordinal, body, 1);
}


void
feeds_broker_batch(void)
{
    feeds.replay->handlers->batch(feeds.replay);
    feeds_run();
}


void
feeds_broker_ended(ngx_int_t rc)
{
    feeds.replay->handlers->ended(feeds.replay, rc);
    feeds_run();
}


ngx_int_t
ngx_ess_zone_random(void *p, size_t len, ngx_log_t *log)
{
    static uint32_t  last;

    ngx_memset(p, 0x5a, len);
    last++;
    ngx_memcpy(p, &last, sizeof(uint32_t));

    return NGX_OK;
}
