/*
 * The zone and the clients of those who follow streams.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fake_follow.h"
#include "ngx_ess_log.h"
#include "ngx_ess_stream.h"
#include "ngx_timer.h"
#include "ngx_trace.h"
#include "ngx_ess_interest.h"


fake_follow_t                   follow;

static ngx_ess_followers_t     *followers;  /* that clients ask */
static ngx_log_t                test_log = { .log_level = NGX_LOG_WARN };
static ngx_time_t               now = { .sec = 777 };
static ngx_ess_zone_t           zone;
static uint64_t                 had;        /* the last ordinal of the log */

volatile ngx_time_t            *ngx_cached_time = &now;


ngx_ess_follow_e
ngx_ess_follow_state(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref)
{
    return follow.state;
}


ngx_ess_follow_e
ngx_ess_follow_current(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref)
{
    ref->epoch = follow.epoch;

    return follow.state;
}


ngx_int_t
ngx_ess_follow_claim(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref,
    uint64_t *ordinal)
{
    ngx_unit_trace("claim");
    *ordinal = follow.claim_ordinal;
    ref->epoch = follow.epoch;
    had = *ordinal ? *ordinal - 1 : 0;
    follow.mine = (follow.claim_rc == NGX_OK);

    return follow.claim_rc;
}


ngx_int_t
ngx_ess_follow_begin(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref,
    uint64_t epoch, uint64_t ordinal, uint64_t first, ngx_ess_wake_t *wake)
{
    follow.epoch = epoch ? epoch : follow.epoch;
    ref->epoch = follow.epoch;

    ngx_unit_trace("begin %u from %u", (unsigned) ordinal, (unsigned) first);
    had = first - 1;

    /* it is filled only with what was before */

    if (follow.begin_rc == NGX_AGAIN && first >= ordinal) {
        return NGX_OK;
    }

    return follow.begin_rc;
}


ngx_int_t
ngx_ess_follow_live(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *wake)
{
    ngx_unit_trace("live");

    return follow.live_rc;
}


ngx_int_t
ngx_ess_follow_missing(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref,
    ngx_ess_wake_t *wake)
{
    ngx_unit_trace("missing");
    follow.mine = 0;

    return NGX_OK;
}


ngx_int_t
ngx_ess_follow_release(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref,
    ngx_uint_t leaving, ngx_ess_wake_t *wake)
{
    ngx_unit_trace("release%s", leaving ? " leaving" : "");

    return follow.release_rc;
}


ngx_uint_t
ngx_ess_follow_mine(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref)
{
    return follow.mine;
}


ngx_int_t
ngx_ess_log_append(ngx_ess_zone_t *z, ngx_str_t *key, ngx_ess_event_t *event,
    ngx_uint_t force, ngx_ess_wake_t *wake)
{
    assert_int_equal(event->nstreams, 1);
    assert_int_equal(event->streams[0]->id, 7);
    assert_int_equal(key->len, 3);
    assert_memory_equal(key->data, "abc", 3);

    ngx_unit_trace("append %u%s at %u", (unsigned) event->ordinal,
                   event->after > had ? " gap" : "",
                   (unsigned) event->timestamp);

    assert_true(event->after < event->ordinal);

    if (follow.append_rc >= 0) {
        had = event->ordinal;
    }

    return follow.append_rc;
}


void
ngx_ess_wake_procs(ngx_ess_zone_t *z, ngx_ess_wake_t *wake)
{
    ngx_unit_trace("wake");
}


ngx_uint_t
ngx_ess_interest_subscribed(ngx_ess_zone_t *z, ngx_ess_stream_ref_t *ref)
{
    return follow.subscribed;
}


ngx_int_t
ngx_ess_stream_by_id(ngx_ess_zone_t *z, uint64_t id,
    ngx_ess_stream_info_t *info)
{
    info->subscribers = follow.subscribed;

    return NGX_OK;
}


void
ngx_ess_source_too_large(ngx_ess_zone_t *z, ngx_log_t *log, ngx_str_t *key,
    uint64_t size)
{
    ngx_unit_trace("too large");
}


void
follow_init(ngx_ess_followers_t *s)
{
    ngx_unit_timer_init();
    ngx_unit_trace_clear();

    follow.state = NGX_ESS_FOLLOW_NONE;
    follow.epoch = FAKE_EPOCH;
    follow.claim_rc = NGX_OK;
    follow.claim_ordinal = 0;
    follow.begin_rc = NGX_AGAIN;
    follow.live_rc = NGX_OK;
    follow.release_rc = NGX_OK;
    follow.append_rc = 1;
    follow.mine = 0;
    follow.subscribed = 0;

    s->zone = &zone;
    s->log = &test_log;
    s->idle = IDLE;

    followers = s;
}


void
client_cancel(client_t *client)
{
    ngx_ess_followers_cancel(&client->attach);
    free(client);
}


static void
client_handler(ngx_ess_source_attach_t *attach, ngx_int_t rc)
{
    client_t  *client;

    client = attach->data;

    ngx_unit_trace("%s: %s", client->name,
                   rc == NGX_OK ? "OK" : rc == NGX_BUSY ? "BUSY"
                   : rc == NGX_DECLINED ? "DECLINED" : "?");

    if (client->other) {
        client_cancel(client->other);
    }

    if (client->again) {
        client->again--;
        ngx_ess_followers_attach(followers, &client->attach);
        return;
    }

    if (!client->keep) {
        free(client);
    }
}


/* The source hears of it, but does nothing yet. */

client_t *
client_asks(const char *name)
{
    client_t  *client;

    client = calloc(1, sizeof(client_t));
    assert_non_null(client);

    client->name = name;
    client->attach.done = client_handler;
    client->attach.data = client;
    client->attach.ref.id = 7;
    client->attach.log = &test_log;
    ngx_str_set(&client->attach.key, "abc");

    ngx_ess_followers_attach(followers, &client->attach);

    return client;
}


client_t *
client_waits(const char *name)
{
    client_t  *client;

    client = client_asks(name);
    ngx_unit_posted();

    return client;
}
