/*
 * Neighbours that a client's parts call.  Each is there for the tests that do
 * not link the real one, which is the stronger symbol.
 */


#include "fake_client.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_nudge.h"
#include "ngx_ess_client_unknown.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_subscriber.h"


#pragma weak ngx_ess_client_zone
#pragma weak ngx_ess_client_count
#pragma weak ngx_ess_client_flush
#pragma weak ngx_ess_client_close
#pragma weak ngx_ess_client_close_with
#pragma weak ngx_ess_client_close_now
#pragma weak ngx_ess_client_close_end
#pragma weak ngx_ess_client_detach
#pragma weak ngx_ess_flush_control
#pragma weak ngx_ess_flush_control_drop
#pragma weak ngx_ess_client_nudge_init
#pragma weak ngx_ess_client_nudge_start
#pragma weak ngx_ess_client_nudge_stop
#pragma weak ngx_ess_client_max_join
#pragma weak ngx_ess_client_max_leave
#pragma weak ngx_ess_client_max_reached
#pragma weak ngx_ess_client_unknown


/* client */

ngx_ess_zone_t  *ngx_ess_client_zone;


void
ngx_ess_client_count(ngx_uint_t counter, int64_t n)
{
    fake.counters[counter] += n;
}


ngx_int_t
ngx_ess_client_flush(ngx_ess_client_t *client)
{
    ngx_unit_trace("flush");

    return fake.done;
}


ngx_int_t
ngx_ess_client_close(ngx_ess_client_t *client, ngx_uint_t code,
    const char *reason)
{
    ngx_unit_trace("close %d %s", (int) code, reason);

    return fake.done;
}


ngx_int_t
ngx_ess_client_close_with(ngx_ess_client_t *client, u_char *data, size_t len,
    size_t last)
{
    ngx_unit_trace("close with %.*s, %.*s", (int) len, data, (int) last,
                   data + len - last);

    return fake.done;
}


ngx_int_t
ngx_ess_client_close_now(ngx_ess_client_t *client)
{
    ngx_unit_trace("close now");

    return fake.done;
}


void
ngx_ess_client_close_end(ngx_ess_client_t *client, ngx_int_t rc)
{
    ngx_unit_trace(rc == NGX_OK ? "end" : "break");
}


void
ngx_ess_client_detach(void *data)
{
    ngx_unit_trace("detach");
}


ngx_int_t
ngx_ess_flush_control(ngx_ess_client_t *client, u_char *data, size_t len,
    size_t last)
{
    ngx_unit_trace("control %.*s", (int) len, data);

    return fake.control;
}


void
ngx_ess_flush_control_drop(ngx_ess_client_t *client)
{
    free(client->control);
    client->control = NULL;
}


/* counters */

const uint32_t  ngx_ess_counter_ages[NGX_ESS_AGES - 1] = { 1, 5, 10, 100 };
const uint32_t  ngx_ess_counter_batches[NGX_ESS_BATCHES - 1] = { 1, 2, 100 };


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    fake.counters[counter] += n;
}


uint64_t *
ngx_ess_counter_own(ngx_ess_zone_t *zone)
{
    return fake.counters;
}


/* lists */

void
ngx_ess_client_nudge_init(ngx_ess_client_nudge_pt handler, ngx_log_t *log)
{
    ngx_unit_trace("nudges");
}


void
ngx_ess_client_nudge_start(ngx_ess_client_t *client)
{
    client->nudge = 0;
    ngx_unit_trace("nudge");
}


void
ngx_ess_client_nudge_stop(ngx_ess_client_t *client)
{
    ngx_unit_trace("no nudge");
}


void
ngx_ess_client_max_join(void)
{
    ngx_unit_trace("one more");
}


void
ngx_ess_client_max_leave(void)
{
    ngx_unit_trace("one less");
}


ngx_uint_t
ngx_ess_client_max_reached(void)
{
    return fake.full;
}


void
ngx_ess_drain_add(ngx_ess_client_t *client)
{
    ngx_unit_trace("drain add");
}


void
ngx_ess_drain_wait(ngx_ess_client_t *client)
{
    ngx_unit_trace("drain wait");
}


void
ngx_ess_drain_remove(ngx_ess_client_t *client)
{
    ngx_unit_trace("drain remove");
}


ngx_uint_t
ngx_ess_drain_active(void)
{
    return fake.draining;
}


void
ngx_ess_wheel_join(void)
{
    ngx_unit_trace("wheel join");
}


void
ngx_ess_wheel_leave(void)
{
    ngx_unit_trace("wheel leave");
}


void
ngx_ess_wheel_set(ngx_ess_wheel_entry_t *entry, ngx_msec_t delay)
{
    assert_ptr_equal(entry, &fake.client->timer);

    fake.delay = delay;
    ngx_unit_trace("timer %d", (int) delay);
}


void
ngx_ess_wheel_unset(ngx_ess_wheel_entry_t *entry)
{
    ngx_unit_trace("no timer");
}


void
ngx_ess_feed_due(ngx_ess_subscriber_t *sub)
{
    ngx_unit_trace("due");
}


void
ngx_ess_feed_waiting(ngx_ess_subscriber_t *sub)
{
    ngx_unit_trace("waiting");
}


void
ngx_ess_subscriber_leave(ngx_ess_subscriber_t *sub)
{
    ngx_unit_trace("leave");
}


ngx_int_t
ngx_ess_client_unknown(ngx_http_request_t *r, ngx_uint_t code)
{
    return code ? NGX_OK : NGX_DECLINED;
}
