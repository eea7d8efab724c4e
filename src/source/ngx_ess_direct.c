
/*
 * Publishing without a broker: what is published is appended by the worker
 * that got it, from an event, in slices.  While workers have yet to see what
 * the zone is full of, it waits.  All memory is the caller's.
 */


#include "ngx_ess_direct.h"
#include "ngx_ess_key.h"
#include "ngx_ess_log.h"
#include "ngx_ess_turn.h"


/* events in one go, and bytes of them */
#define NGX_ESS_DIRECT_SLICE  256
#define NGX_ESS_DIRECT_BYTES  262144

/* until the zone is asked for room again */
#define NGX_ESS_DIRECT_DELAY  2             /* ms */


static void ngx_ess_direct_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_direct_append(ngx_ess_source_publish_t *pub,
    ngx_ess_wake_t *wake);
static void ngx_ess_direct_ids(ngx_ess_source_publish_t *pub,
    ngx_ess_event_t *event);
static void ngx_ess_direct_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    const char *text);


void
ngx_ess_direct_publish(ngx_ess_source_publish_t *pub)
{
    pub->deadline = ngx_current_msec + NGX_ESS_SOURCE_PUBLISH_TIME;
    pub->timer.handler = ngx_ess_direct_handler;

    ngx_post_event(&pub->timer, &ngx_posted_events);
}


static void
ngx_ess_direct_handler(ngx_event_t *ev)
{
    size_t                     size;
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_ess_wake_t             wake;
    ngx_ess_source_publish_t  *pub;

    ngx_ess_turn_begin(ev);

    pub = ev->data;
    rc = NGX_OK;
    size = 0;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    for (i = 0;
         i < NGX_ESS_DIRECT_SLICE && size < NGX_ESS_DIRECT_BYTES
         && pub->sent < pub->n;
         i++)
    {

        rc = ngx_ess_direct_append(pub, &wake);

        if (rc != NGX_OK) {
            break;
        }

        size += pub->bodies[pub->sent++].len;
    }

    ngx_ess_wake_procs(pub->zone, &wake);

    if (i || rc == NGX_BUSY) {
        pub->deadline = ngx_current_msec + NGX_ESS_SOURCE_PUBLISH_TIME;
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_direct_done(pub, NGX_DECLINED, "");

    } else if (pub->sent == pub->n) {
        ngx_ess_direct_done(pub, NGX_OK, "");

    } else if ((ngx_msec_int_t) (pub->deadline - ngx_current_msec) <= 0) {
        ngx_ess_direct_done(pub, NGX_BUSY, "the zone is full of events that "
                            "are still to be sent");

    } else if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, NGX_ESS_DIRECT_DELAY);

    } else {
        ngx_ess_turn_next(ev);
    }
}


static ngx_int_t
ngx_ess_direct_append(ngx_ess_source_publish_t *pub,
    ngx_ess_wake_t *wake)
{
    ngx_int_t           n;
    ngx_ess_event_t     event;
    ngx_ess_event_id_t  ids[NGX_ESS_LOG_IDS];

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body = pub->bodies[pub->sent];
    event.timestamp = ngx_ess_now();
    event.uuid = pub->uuid;
    event.key = pub->event_key;
    event.routing_key = pub->key;
    event.find_key = ngx_ess_key_find;
    event.done = pub->done;
    event.sought = pub->sought;
    event.ids = pub->ids ? ids : NULL;

    n = ngx_ess_log_append(pub->zone, &pub->key, &event, 0, wake);

    pub->done = event.done;
    pub->sought = event.sought;

    ngx_ess_direct_ids(pub, &event);

    if (n == NGX_AGAIN || n == NGX_BUSY) {
        return n;
    }

    return (n == 0) ? NGX_DECLINED : NGX_OK;
}


/* Those of the event that are known now; all of them, or none of any event. */

static void
ngx_ess_direct_ids(ngx_ess_source_publish_t *pub, ngx_ess_event_t *event)
{
    void  *p;

    if (pub->ids == NULL) {
        return;
    }

    if (ngx_ess_log_is_poison(&event->body)
        || pub->ids->nelts + event->nids > NGX_ESS_SOURCE_PUBLISH_IDS)
    {
        pub->ids = NULL;
        return;
    }

    if (event->nids == 0) {
        return;
    }

    p = ngx_array_push_n(pub->ids, event->nids);
    if (p == NULL) {
        pub->ids = NULL;
        return;
    }

    ngx_memcpy(p, event->ids, event->nids * sizeof(ngx_ess_event_id_t));
}


static void
ngx_ess_direct_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    pub->handler(pub, rc, &s);
}
