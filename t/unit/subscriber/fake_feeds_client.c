/*
 * Clients for the unit tests of feeds.  Each does what ngx_ess_client.c does
 * with one, but has a size in place of a connection.
 */


#include "fake_feeds.h"
#include "ngx_ess_flush.h"
#include "ngx_ess_log.h"


#define FEEDS_CLIENTS  2048


static void feeds_flush(ngx_ess_subscriber_t *sub);
static void feeds_failed(ngx_ess_subscriber_t *sub);
static void feeds_slow(ngx_ess_subscriber_t *sub, size_t behind);
static void feeds_reclaim(ngx_ess_subscriber_t *sub);
static void feeds_missed(ngx_ess_subscriber_t *sub);
static void feeds_replaced(ngx_ess_subscriber_t *sub);
static void feeds_exit(ngx_ess_subscriber_t *sub);


const ngx_ess_feed_handlers_t  feeds_client_handlers = {
    feeds_flush,
    feeds_failed,
    feeds_slow,
    feeds_reclaim,
    feeds_missed,
    feeds_replaced,
    feeds_exit,
    feeds_many_ready,
    feeds_many_arrived,
    feeds_many_taken,
    feeds_many_kept,
    feeds_many_over
};


static feeds_client_t  *feeds_clients[FEEDS_CLIENTS];
static ngx_uint_t      feeds_nclients;

/* of what only connections need */

ngx_os_io_t     ngx_io;
const uint32_t  ngx_ess_counter_ages[NGX_ESS_AGES - 1];
const uint32_t  ngx_ess_counter_batches[NGX_ESS_BATCHES - 1];


void
feeds_client_begin(void)
{
    feeds_nclients = 0;
    feeds_many_begin();
}


void
feeds_client_leave(void)
{
    ngx_uint_t  i;

    for (i = 0; i < feeds_nclients; i++) {
        if (!feeds_is_gone(feeds_clients[i])) {
            feeds_leave(feeds_clients[i]);
        }
    }
}


void
feeds_client_end(void)
{
    ngx_uint_t  i;

    for (i = 0; i < feeds_nclients; i++) {
        free(feeds_clients[i]->text);
        free(feeds_clients[i]);
    }
}


feeds_client_t *
feeds_client(feeds_stream_t *s)
{
    feeds_client_t  *c;

    assert_true(feeds_nclients < FEEDS_CLIENTS);

    c = calloc(1, sizeof(feeds_client_t));
    assert_non_null(c);

    feeds_clients[feeds_nclients++] = c;

    c->room = FEEDS_ROOM;
    c->conf.slow_buffer = 1024 * 1024;

    c->client.sub.client = &c->client;
    c->client.conf = &c->conf;
    c->client.state = NGX_ESS_CLIENT_GONE;
    c->client.stream_id = s->ref.id;
    c->client.sub.number = feeds.number++;
    c->client.sub.seq = s->n + 1;
    c->client.sub.follow = s->sparse;

    return c;
}


feeds_client_t *
feeds_opened(feeds_client_t *c, ngx_int_t rc)
{
    if (rc != NGX_OK) {
        return NULL;
    }

    c->client.state = NGX_ESS_CLIENT_OPENING;

    if (!feeds.opening) {
        feeds_open(c);
    }

    return c;
}


void
feeds_open(feeds_client_t *c)
{
    c->client.state = NGX_ESS_CLIENT_OPEN;

    if (!c->client.sub.many) {
        feeds_flush(&c->client.sub);
    }
}


feeds_client_t *
feeds_join(feeds_stream_t *s, const ngx_ess_encoding_t *t)
{
    return feeds_join_key(s, t, NULL);
}


feeds_client_t *
feeds_join_key(feeds_stream_t *s, const ngx_ess_encoding_t *t, const char *key)
{
    ngx_str_t        text;
    feeds_client_t  *c;

    c = feeds_client(s);

    if (key) {
        text.data = (u_char *) key;
        text.len = strlen(key);
    }

    return feeds_opened(c, ngx_ess_feed_join(&s->ref, t, key ? &text : NULL,
                                             &c->client.sub, s->next_ordinal));
}


feeds_client_t *
feeds_replay_keys(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    uint64_t after, const char *keys)
{
    size_t                n;
    feeds_client_t       *c;
    ngx_ess_log_place_t   place;

    c = feeds_client(s);

    for ( /* void */ ; *keys; keys += n + (keys[n] == ',')) {
        n = strcspn(keys, ",");
        c->keys[c->nkeys].data = (u_char *) keys;
        c->keys[c->nkeys++].len = n;
    }

    assert_int_equal(ngx_ess_log_search_ordinal(NULL, &s->ref, after, &place),
                     NGX_OK);

    return feeds_opened(c, ngx_ess_feed_join_replay(&s->ref, t, c->keys,
                                                    c->nkeys, &c->client.sub,
                                                    &place));
}


feeds_client_t *
feeds_place(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    ngx_ess_log_place_t *place)
{
    feeds_client_t  *c;

    c = feeds_client(s);

    return feeds_opened(c, ngx_ess_feed_join_replay(&s->ref, t, NULL, 0,
                                                    &c->client.sub, place));
}


feeds_client_t *
feeds_replay(feeds_stream_t *s, const ngx_ess_encoding_t *t, uint64_t after)
{
    ngx_ess_log_place_t  place;

    assert_int_equal(ngx_ess_log_search_ordinal(NULL, &s->ref, after, &place),
                     NGX_OK);

    return feeds_place(s, t, &place);
}


feeds_client_t *
feeds_source(feeds_stream_t *s, const ngx_ess_encoding_t *t, ngx_uint_t gap,
    uint64_t after, uint64_t timestamp)
{
    ngx_int_t            rc;
    feeds_client_t      *c;
    ngx_ess_log_place_t  place;

    c = feeds_client(s);

    assert_int_equal(ngx_ess_log_search_ordinal(NULL, &s->ref, after, &place),
                     NGX_OK);

    /* with a gap: of another epoch, nobody knows how many */

    place.gap.from = gap ? after + 1 : 0;
    place.gap.to = 0;

    rc = ngx_ess_feed_join_replay(&s->ref, t, NULL, 0, &c->client.sub, &place);

    if (rc == NGX_OK) {
        rc = ngx_ess_feed_join_source(&c->client.sub, &place, after, timestamp);
    }

    return feeds_opened(c, rc);
}


void
feeds_say(feeds_client_t *c, const void *data, size_t len)
{
    c = c->parent ? c->parent : c;
    c->text = realloc(c->text, c->len + len + 1);
    assert_non_null(c->text);

    ngx_memcpy(c->text + c->len, data, len);
    c->len += len;
    c->text[c->len] = '\0';
}


void
feeds_expect(feeds_client_t *c, const char *text)
{
    assert_string_equal(c->text ? c->text : "", text);

    free(c->text);
    c->text = NULL;
    c->len = 0;
}


void
feeds_expect_or_closed(feeds_client_t *c, const char *text)
{
    size_t      len;
    ngx_uint_t  i;

    static const char  *closed[] = { "failed;", "slow;" };

    if (!feeds_is_gone(c)) {
        feeds_expect(c, text);
        return;
    }

    for (i = 0; i < 2; i++) {
        len = strlen(closed[i]);

        if (c->len >= len && strcmp(c->text + c->len - len, closed[i]) == 0) {
            break;
        }
    }

    assert_true(i < 2);
    assert_true(c->len - len <= strlen(text));

    if (c->len > len) {
        assert_memory_equal(c->text, text, c->len - len);
    }
}


void
feeds_block(feeds_client_t *c)
{
    c->room = 0;
}


void
feeds_stuff(feeds_client_t *c)
{
    c->stuffed = 1;
    feeds_flush(&c->client.sub);
}


void
feeds_take(feeds_client_t *c, size_t room)
{
    c->room += room;
    c->stuffed = 0;

    if (c->client.blocked && !feeds_is_gone(c)) {
        feeds_flush(&c->client.sub);
    }

    feeds_run();
}


void
feeds_leave(feeds_client_t *c)
{
    c->client.state = NGX_ESS_CLIENT_GONE;
    c->taken = 0;
    ngx_ess_feed_leave(&c->client.sub);
}


ngx_uint_t
feeds_is_gone(feeds_client_t *c)
{
    return c->client.state == NGX_ESS_CLIENT_GONE;
}


static void
feeds_count(ngx_ess_subscriber_t *sub, void *data)
{
    (*(ngx_uint_t *) data)++;
}


ngx_uint_t
feeds_subscribers(feeds_stream_t *s)
{
    ngx_uint_t  n;

    n = 0;
    ngx_ess_feed_each(&s->ref, feeds_count, &n);

    return n;
}


/* as ngx_ess_client_close_with() */

static void
feeds_close(ngx_ess_subscriber_t *sub, const char *why)
{
    feeds_client_t  *c;

    c = (feeds_client_t *) sub;

    if (sub->client->state >= NGX_ESS_CLIENT_CLOSING) {
        return;
    }

    feeds_say(c, why, strlen(why));
    feeds_say(c, ";", 1);

    if (!c->lingers || sub->lane->feed->rest) {
        feeds_leave(c);
        return;
    }

    sub->client->state = NGX_ESS_CLIENT_CLOSING;
    sub->closed = 1;

    ngx_ess_feed_waiting(sub);

    if (sub->frame && sub->offset) {
        ngx_ess_frame_cut(&sub->lane->frames, sub->frame);

    } else if (sub->frame) {
        ngx_ess_frame_release(&sub->lane->frames, sub->frame);
        sub->frame = NULL;
    }
}


/* as ngx_ess_client_flush() */

static void
feeds_flush(ngx_ess_subscriber_t *sub)
{
    size_t           n, sent;
    ngx_uint_t       i, count;
    struct iovec     iovs[NGX_ESS_FLUSH_BUFS];
    feeds_client_t  *c;

    c = (feeds_client_t *) sub;

    if (sub->client->state == NGX_ESS_CLIENT_OPENING) {
        ngx_ess_feed_waiting(sub);
        return;
    }

    c->flushes++;
    c->turn = feeds.turns;

    if (c->victim) {
        feeds_leave(c->victim);

        if (c->victim == c) {
            return;
        }

        c->victim = NULL;
    }

    count = c->stuffed ? 0 : ngx_ess_flush_collect(sub->client, iovs);
    sent = 0;

    for (i = 0; i < count; i++) {
        n = ngx_min(iovs[i].iov_len, c->room);

        feeds_say(c, iovs[i].iov_base, n);

        c->room -= n;
        sent += n;
    }

    ngx_ess_flush_account(NULL, sub->client, sent);

    sub->client->blocked = (c->stuffed || (c->room == 0
                                           && ngx_ess_flush_more(&c->client)));

    if (sub->client->blocked) {
        ngx_ess_feed_waiting(sub);
        return;
    }

    if (ngx_ess_flush_more(sub->client)) {
        ngx_ess_feed_due(sub);
        return;
    }

    if (sub->client->state >= NGX_ESS_CLIENT_CLOSING) {
        return;
    }

    if (sub->frame) {
        feeds_close(sub, sub->frame->type == NGX_ESS_FRAME_GONE ? "gone"
                                                                : "close");
        return;
    }

    if (ngx_ess_feed_join_idle(sub) != NGX_OK) {
        feeds_close(sub, "failed");
    }
}


static void
feeds_failed(ngx_ess_subscriber_t *sub)
{
    feeds_close(sub, "failed");
}


static void
feeds_slow(ngx_ess_subscriber_t *sub, size_t behind)
{
    if (behind <= sub->client->conf->slow_buffer) {
        return;
    }

    if (sub->client->conf->slow_skip
        && (sub->lane->feed->ended || ngx_ess_feed_back(sub, 1) == NGX_OK))
    {
        ((feeds_client_t *) sub)->skipped++;
        return;
    }

    feeds_close(sub, "slow");
}


static void
feeds_reclaim(ngx_ess_subscriber_t *sub)
{
    ngx_uint_t  live;

    if (sub->client->state >= NGX_ESS_CLIENT_CLOSING) {
        feeds_leave((feeds_client_t *) sub);
        return;
    }

    live = !sub->lane->feed->replay;

    switch (ngx_ess_feed_back(sub, 0)) {

    case NGX_OK:
        if (live) {
            sub->lane->feed->strict = !sub->client->conf->slow_skip;
        }

        ((feeds_client_t *) sub)->reclaimed++;
        return;

    case NGX_DECLINED:
        feeds_close(sub, "close");
        return;

    default: /* NGX_ERROR */
        feeds_close(sub, "failed");
    }
}


static void
feeds_missed(ngx_ess_subscriber_t *sub)
{
    feeds_close(sub, "missed");
}


static void
feeds_replaced(ngx_ess_subscriber_t *sub)
{
    feeds_close(sub, "replaced");
}


static void
feeds_exit(ngx_ess_subscriber_t *sub)
{
    feeds_say((feeds_client_t *) sub, "exit;", 5);
    feeds_leave((feeds_client_t *) sub);
}


feeds_client_t *
feeds_script(feeds_stream_t *s, const ngx_ess_encoding_t *t,
    const char *script)
{
    const char      *p;
    feeds_client_t  *c;

    c = NULL;

    for (p = script; *p; p++) {

        switch (*p) {

        case 'j':
            c = feeds_join(s, t);
            break;

        case 'r':
            c = feeds_replay(s, t, *++p - '0');
            break;

        case 'b':
            feeds_block(c);
            break;

        case 't':
            feeds_take(c, FEEDS_ROOM);
            break;

        case '!':
            feeds_changed(s);
            break;

        case '.':
            feeds_run();
            break;

        case '1':
            s->slice = 1;
            break;

        case 'e':
            feeds_append(s, "x");
            break;

        case 'g':
            feeds_append_gap(s, "x");
            break;

        case '-':
            feeds_lost(s);
            break;

        case 'p':
            feeds_append_type(s, NGX_ESS_RECORD_POISON);
            break;

        case 'G':
            feeds_append_type(s, NGX_ESS_RECORD_GONE);
            break;

        case 'x':
            feeds_evict(s, 1);
            break;

        case 'D':
            s->closed = 1;
            break;

        case 'M':
            s->missing = 1;
            break;

        case 'N':
            s->exchanged = 1;
            break;

        default:
            fail_msg("no such letter: %c", *p);
        }
    }

    return c;
}


void
feeds_rows(const feeds_row_t *row, ngx_uint_t sparse,
    const ngx_ess_encoding_t *t)
{
    uint64_t         id;
    feeds_client_t  *c;
    feeds_stream_t  *s;

    for (id = 1; row->script; row++, id++) {
        s = feeds_stream(id);
        s->sparse = sparse;

        c = feeds_script(s, t, row->script);

        if (strcmp(c->text ? c->text : "", row->text) != 0) {
            print_error("script \"%s\"\n", row->script);
        }

        feeds_expect(c, row->text);
        assert_int_equal(feeds_subscribers(s), !feeds_is_gone(c));
    }
}
