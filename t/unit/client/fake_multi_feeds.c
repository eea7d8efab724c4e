/*
 * Feeds of unit tests of clients with several subscriptions.
 */


#include "fake_multi_feeds.h"


typedef struct {
    ngx_ess_lane_t  lane;
    u_char          key[16];
} fake_lane_t;


fake_multi_t     fake;
ngx_queue_t      ngx_posted_events;
ngx_queue_t      ngx_posted_next_events;
ngx_ess_zone_t  *ngx_ess_client_zone;

static ngx_log_t           fake_log;
static ngx_cycle_t         fake_cycle;
static ngx_connection_t    fake_connection;
static ngx_ess_loc_conf_t  fake_conf;
static ngx_str_t           fake_keys[8];


static ngx_int_t fake_enter(ngx_ess_subscriber_t *sub,
    ngx_ess_subscriber_entry_t *entry);


static ngx_uint_t
fake_fails(void)
{
    if (fake.fail && --fake.fail == 0) {
        fake.failed = 1;
        return 1;
    }

    return 0;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return fake_fails() ? NULL : malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    return fake_fails() ? NULL : calloc(1, size);
}


void *
ngx_memalign(size_t alignment, size_t size, ngx_log_t *log)
{
    void  *p;

    return (fake_fails() || posix_memalign(&p, alignment, size)) ? NULL : p;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    assert_int_equal(counter, NGX_ESS_C_SUBSCRIPTIONS);
    fake.subscriptions += n;
}


void
ngx_ess_interest_unsubscribe(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref)
{
    assert_int_equal(ref->epoch, 0xe);
    fake.counted[ref->id]--;
}


void
ngx_ess_interest_unsubscribe_many(ngx_ess_zone_t *zone,
    ngx_ess_stream_ref_t *refs, ngx_uint_t n)
{
    ngx_uint_t  i;

    fake.holds += (n != 0);

    for (i = 0; i < n; i++) {
        ngx_ess_interest_unsubscribe(zone, &refs[i]);
    }
}


uint32_t
ngx_ess_lane_hash(u_char *key, size_t len)
{
    return (uint32_t) ngx_murmur_hash2(key, len);
}


void
ngx_ess_feed_gate(ngx_uint_t shut)
{
}


void
ngx_ess_feed_want(ngx_ess_feed_t *feed, ngx_queue_t *posted)
{
    assert_false(feed->parked);
    fake.wanted++;
}


ngx_ess_feed_t *
ngx_ess_feed_find(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding)
{
    return fake.feeds[ref->id];
}


/* A lane in the feed, which is new if there is none. */

static ngx_int_t
fake_put(ngx_ess_subscriber_t *sub, ngx_ess_stream_ref_t *ref,
    ngx_ess_feed_t *feed, ngx_str_t *key)
{
    ngx_uint_t    i;
    fake_lane_t  *lane;

    if (fake_fails()) {
        return NGX_ERROR;
    }

    if (feed == NULL) {
        feed = calloc(1, sizeof(ngx_ess_feed_t));
        assert_non_null(feed);
        feed->ref = *ref;
    }

    lane = calloc(1, sizeof(fake_lane_t));
    assert_non_null(lane);

    lane->lane.feed = feed;
    feed->subscribers++;

    if (key) {
        lane->lane.key_len = key->len;
        memcpy(lane->key, key->data, key->len);
    }

    sub->lane = &lane->lane;
    sub->frame = NULL;

    ngx_queue_init(&lane->lane.idle);
    ngx_queue_insert_tail(&lane->lane.idle, &sub->queue);

    for (i = 0; fake.subs[i]; i++) {
        assert_true(i < FAKE_SUBS - 1);
    }

    fake.subs[i] = sub;

    return NGX_OK;
}


static ngx_int_t
fake_put_shared(ngx_ess_subscriber_t *sub, ngx_ess_stream_ref_t *ref,
    ngx_str_t *key)
{
    if (fake_put(sub, ref, fake.feeds[ref->id], key) != NGX_OK) {
        return NGX_ERROR;
    }

    fake.feeds[ref->id] = sub->lane->feed;

    return NGX_OK;
}


static ngx_int_t
fake_put_replay(ngx_ess_subscriber_t *sub, ngx_ess_stream_ref_t *ref,
    ngx_str_t *keys, ngx_uint_t n)
{
    if (fake_put(sub, ref, NULL, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    sub->lane->feed->replay = 1;

    if (n) {
        sub->lane->feed->keys = ngx_ess_feed_keys_copy(keys, n, NULL);

        if (sub->lane->feed->keys == NULL) {
            ngx_ess_feed_leave(sub);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_ess_subscriber_enter_many(ngx_ess_subscriber_t **subs,
    ngx_ess_subscriber_entry_t *entries, ngx_uint_t n,
    ngx_ess_max_subscribers_t *limit)
{
    ngx_uint_t  i;

    fake.holds += (n != 0);

    for (i = 0; i < n; i++) {
        entries[i].rc = fake_enter(subs[i], &entries[i]);
    }
}


static ngx_int_t
fake_enter(ngx_ess_subscriber_t *sub, ngx_ess_subscriber_entry_t *entry)
{
    ngx_int_t  rc;

    fake.pos = entry->pos;

    rc = fake.entered;

    if (rc == NGX_OK) {
        rc = (entry->pos.type == NGX_ESS_POSITION_NEW)
             ? fake_put_shared(sub, &entry->ref, entry->keys)
             : fake_put_replay(sub, &entry->ref, entry->keys, entry->nkeys);
    }

    if (rc == NGX_OK && !entry->again) {
        fake.counted[entry->ref.id]++;
        sub->number = ++fake.arrived;
    }

    return rc;
}


ngx_int_t
ngx_ess_feed_join(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *key,
    ngx_ess_subscriber_t *sub, uint64_t ordinal)
{
    return fake_put_shared(sub, ref, key);
}


ngx_int_t
ngx_ess_feed_join_replay(ngx_ess_stream_ref_t *ref,
    const ngx_ess_encoding_t *encoding, ngx_str_t *keys, ngx_uint_t n,
    ngx_ess_subscriber_t *sub, ngx_ess_log_place_t *place)
{
    fake.begun++;
    fake.begun_at = place->seq;

    return fake_put_replay(sub, ref, keys, n);
}


ngx_int_t
ngx_ess_feed_join_arrived(ngx_ess_subscriber_t *arrived, ngx_str_t *key,
    ngx_ess_subscriber_t *sub)
{
    ngx_uint_t            i;
    ngx_ess_subscriber_t  old;

    if (arrived != sub) {
        return fake_put_shared(sub, &arrived->lane->feed->ref, key);
    }

    old = *sub;

    for (i = 0; fake.subs[i] != sub; i++) { /* void */ }

    fake.subs[i] = NULL;

    if (fake_put_shared(sub, &old.lane->feed->ref, key) != NGX_OK) {
        fake.subs[i] = sub;
        return NGX_ERROR;
    }

    /* only its place in the old lane goes */

    ngx_queue_init(&old.queue);
    old.frame = NULL;
    ngx_ess_feed_leave(&old);

    return NGX_OK;
}


ngx_int_t
ngx_ess_feed_join_idle(ngx_ess_subscriber_t *sub)
{
    ngx_ess_feed_t  *feed;

    feed = sub->lane->feed;

    ngx_queue_remove(&sub->queue);
    ngx_queue_insert_tail(&sub->lane->idle, &sub->queue);

    if (!feed->replay) {
        return NGX_OK;
    }

    ngx_queue_remove(&sub->queue);
    ngx_queue_init(&sub->queue);

    if (feed->keys && feed->keys->n > 1) {
        ngx_ess_multi_join_arrived(sub);
        return NGX_OK;
    }

    return ngx_ess_feed_join_arrived(sub, feed->keys ? feed->keys->keys : NULL,
                                     sub);
}


ngx_int_t
ngx_ess_feed_back(ngx_ess_subscriber_t *sub, ngx_uint_t keep)
{
    ngx_ess_frame_t  *frame;

    assert_int_equal(sub->offset, 0);
    assert_false(keep);

    if (fake.back == NGX_OK) {
        assert_true(sub->lane->feed->replay);
        fake.backs++;

        while ((frame = sub->frame) != NULL) {
            sub->frame = frame->next;
            free(frame);
        }
    }

    return fake.back;
}


void
ngx_ess_feed_leave(ngx_ess_subscriber_t *sub)
{
    ngx_uint_t        i;
    ngx_ess_feed_t   *feed;
    ngx_ess_frame_t  *frame;

    feed = sub->lane->feed;

    ngx_queue_remove(&sub->queue);

    for (i = 0; i < FAKE_SUBS; i++) {
        if (fake.subs[i] && fake.subs[i]->lane == sub->lane) {
            fake.subs[i] = NULL;
        }
    }

    while ((frame = sub->frame) != NULL) {
        sub->frame = frame->next;
        free(frame);
    }

    free(sub->lane);

    if (--feed->subscribers) {
        return;
    }

    if (fake.feeds[feed->ref.id] == feed) {
        fake.feeds[feed->ref.id] = NULL;
    }

    free(feed->keys);
    free(feed);
}


static void
fake_due(ngx_ess_client_t *client)
{
}


static ngx_int_t
fake_said_end(ngx_ess_multi_t *multi, ngx_ess_subscriber_t *sub,
    ngx_uint_t code, const char *reason)
{
    sprintf(fake.sent + strlen(fake.sent), "end %lu %lu ",
            (unsigned long) sub->lane->feed->ref.id, (unsigned long) code);

    return fake_fails() ? NGX_ERROR : NGX_OK;
}


static const ngx_ess_multi_kind_t  fake_kind = { NULL, fake_said_end, NULL,
                                                 NULL };


int
fake_multi_setup(void **state)
{
    memset(&fake, 0, sizeof(fake));

    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);

    fake_cycle.log = &fake_log;
    fake_connection.log = &fake_log;

    fake.client.connection = &fake_connection;
    fake.client.conf = &fake_conf;
    fake.client.state = NGX_ESS_CLIENT_OPEN;

    ngx_ess_multi_init();
    ngx_ess_multi_due_init(&fake_cycle, fake_due);

    fake.multi = ngx_ess_multi_create(&fake.client, &fake_kind, NULL);
    fake.client.multi = fake.multi;

    return fake.multi == NULL;
}


int
fake_multi_teardown(void **state)
{
    ngx_uint_t  i;

    fake.fail = 0;

    ngx_ess_multi_drop_all(fake.multi);

    assert_int_equal(fake.multi->subscriptions, 0);
    assert_int_equal(fake.multi->replays, 0);
    assert_true(ngx_queue_empty(&fake.multi->parked));
    assert_true(ngx_queue_empty(&fake.multi->ready));
    assert_true(ngx_queue_empty(&fake.multi->fresh));
    assert_int_equal(fake.subscriptions, 0);
    assert_int_equal(ngx_ess_multi_cells(), 0);

    for (i = 0; i < FAKE_STREAMS; i++) {
        assert_int_equal(fake.counted[i], 0);
        assert_null(fake.feeds[i]);
    }

    for (i = 0; i < FAKE_SUBS; i++) {
        assert_null(fake.subs[i]);
    }

    ngx_ess_multi_due_leave(fake.multi);
    ngx_ess_multi_free(fake.multi);
    assert_null(ngx_ess_multi_first());

    return 0;
}


static ngx_uint_t
fake_split(const char *text)
{
    size_t      len;
    ngx_uint_t  n;

    for (n = 0; text && *text; n++) {
        len = strcspn(text, ",");

        fake_keys[n].data = (u_char *) text;
        fake_keys[n].len = len;

        text += len + (text[len] == ',');
    }

    return n;
}


ngx_int_t
fake_join(uint64_t id, const char *keys, uint64_t from)
{
    ngx_ess_multi_entry_t  e;

    memset(&e, 0, sizeof(e));

    e.entry.ref.id = id;
    e.entry.ref.epoch = 0xe;
    e.entry.nkeys = fake_split(keys);
    e.entry.keys = e.entry.nkeys ? fake_keys : NULL;

    if (from) {
        e.entry.pos.type = NGX_ESS_POSITION_ORDINAL;
        e.entry.pos.ordinal = from;
    }

    ngx_ess_multi_join(fake.multi, &e, 1);

    return e.entry.rc;
}


void
fake_unsubscribe(uint64_t id, const char *keys)
{
    ngx_uint_t            n;
    ngx_ess_multi_left_t  left;

    left.n = 0;
    n = fake_split(keys);
    ngx_ess_multi_unsubscribe(fake.multi, id, fake_keys, n, &left);
    ngx_ess_multi_left(&left);
}


void
fake_frame(ngx_ess_subscriber_t *sub, uint64_t seq)
{
    ngx_ess_frame_t  *frame, **p;

    frame = calloc(1, sizeof(ngx_ess_frame_t));
    assert_non_null(frame);

    frame->seq = seq;
    frame->ordinal = seq + 100;
    frame->type = NGX_ESS_FRAME_EVENT;

    for (p = &sub->frame; *p; p = &(*p)->next) { /* void */ }

    *p = frame;

    if (sub->frame == frame && !sub->taken) {
        sub->offset = 0;
        ngx_ess_multi_ready(sub);
    }
}


void
fake_event(uint64_t id, const char *key, uint64_t seq)
{
    ngx_uint_t       i;
    ngx_ess_lane_t  *lane;

    if (fake.feeds[id]) {
        fake.feeds[id]->have = seq + 100;
    }

    for (i = 0; i < FAKE_SUBS; i++) {

        if (fake.subs[i] == NULL || fake.subs[i]->lane->feed->ref.id != id
            || fake.subs[i]->lane->feed->replay)
        {
            continue;
        }

        lane = fake.subs[i]->lane;

        if (lane->key_len == 0
            || (key && strlen(key) == lane->key_len
                && memcmp(key, ngx_ess_lane_key(lane), lane->key_len) == 0))
        {
            fake_frame(fake.subs[i], seq);
        }
    }
}


ngx_ess_multi_cell_t *
fake_cell(uint64_t id, const char *key)
{
    ngx_str_t  name;

    name.data = (u_char *) key;
    name.len = key ? strlen(key) : 0;

    return ngx_ess_multi_table_find(&fake.multi->table, id,
                                    key ? &name : NULL);
}


ngx_ess_subscriber_t *
fake_replay(uint64_t id, const char *key)
{
    ngx_str_t              name;
    ngx_ess_multi_cell_t  *cell;

    name.data = (u_char *) key;
    name.len = strlen(key);

    cell = NULL;

    while ((cell = ngx_ess_multi_table_replay(&fake.multi->table, id, cell))) {
        if (ngx_ess_feed_keys_has(cell->sub.lane->feed->keys, &name)) {
            return &cell->sub;
        }
    }

    return NULL;
}


void
fake_end(ngx_ess_subscriber_t *sub)
{
    if (!sub->taken) {
        ngx_queue_remove(&sub->queue);
        ngx_queue_init(&sub->queue);
    }

    ngx_ess_multi_idle(fake.multi, sub);
}


/* One frame of what is next. */

static void
fake_send(ngx_queue_t *q)
{
    ngx_ess_frame_t        *frame;
    ngx_ess_subscriber_t   *sub;
    ngx_ess_multi_group_t  *group;

    sub = ngx_queue_data(q, ngx_ess_subscriber_t, queue);
    group = NULL;

    ngx_queue_remove(q);
    ngx_queue_init(q);

    if (sub->group) {
        group = (ngx_ess_multi_group_t *) sub;

        sub = group->ready;
        group->ready = ngx_ess_multi_heap_pop(sub);
    }

    frame = sub->frame;

    if (frame == NULL) {
        /* a replay that went back */
        ngx_queue_init(&sub->queue);

        if (group && group->ready) {
            ngx_queue_insert_tail(&fake.multi->ready, q);
        }

        sub->taken = 0;
        ngx_queue_insert_tail(&sub->lane->idle, &sub->queue);

        return;
    }

    sub->frame = frame->next;

    sprintf(fake.sent + strlen(fake.sent), "%lu:%lu ",
            (unsigned long) sub->lane->feed->ref.id,
            (unsigned long) frame->seq);
    free(frame);

    if (group && sub->frame) {
        group->ready = ngx_ess_multi_heap_merge(group->ready, sub);
    }

    if (group ? group->ready != NULL : sub->frame != NULL) {
        ngx_queue_insert_tail(&fake.multi->ready, q);
    }

    if (sub->frame == NULL) {
        ngx_ess_multi_idle(fake.multi, sub);
    }
}


void
fake_sends(const char *text)
{
    while (!ngx_queue_empty(&fake.multi->ready)) {
        fake_send(ngx_queue_head(&fake.multi->ready));
    }

    if (text) {
        assert_string_equal(fake.sent, (char *) text);
    }

    fake.sent[0] = '\0';
}
