
/*
 * The queues of clients with several subscriptions.  While some are due, feeds
 * of such clients are not read: so a burst is sent with few calls.  Runs in
 * workers.
 */


#include "ngx_ess_multi_due.h"


/* clients that one run of the handler sends to */
#define NGX_ESS_MULTI_DUE_SLICE  256

/* runs after which feeds are read though there are some due still: clients that
   are answered all the time would keep events from all */
#define NGX_ESS_MULTI_DUE_RUNS   64


static void ngx_ess_multi_due_handler(ngx_event_t *ev);
static void ngx_ess_multi_due_open(void);


ngx_queue_t  ngx_ess_multi_due_waiting;

static ngx_queue_t           ngx_ess_multi_due_clients;
static ngx_event_t           ngx_ess_multi_due_event;
static ngx_ess_multi_due_pt  ngx_ess_multi_due_flush;
static ngx_uint_t            ngx_ess_multi_due_slice;  /* within one */
static ngx_uint_t            ngx_ess_multi_due_shut;   /* runs that are left;
                                                          0: it is open */


void
ngx_ess_multi_due_init(ngx_cycle_t *cycle, ngx_ess_multi_due_pt flush)
{
    ngx_ess_multi_due_flush = flush;

    ngx_queue_init(&ngx_ess_multi_due_clients);
    ngx_queue_init(&ngx_ess_multi_due_waiting);

    ngx_memzero(&ngx_ess_multi_due_event, sizeof(ngx_event_t));

    ngx_ess_multi_due_event.handler = ngx_ess_multi_due_handler;
    ngx_ess_multi_due_event.log = cycle->log;
}


void
ngx_ess_multi_due(ngx_ess_multi_t *multi)
{
    ngx_ess_client_t  *client;

    client = multi->client;

    if (multi->in_due
        || client->blocked
        || client->state == NGX_ESS_CLIENT_OPENING
        || client->state >= NGX_ESS_CLIENT_CLOSING)
    {
        return;
    }

    ngx_ess_multi_due_now(multi);
}


void
ngx_ess_multi_due_now(ngx_ess_multi_t *multi)
{
    if (multi->in_due) {
        return;
    }

    /* one that is due again when it is sent to has shut it already */

    if (ngx_queue_empty(&ngx_ess_multi_due_clients)
        && !ngx_ess_multi_due_slice)
    {
        /* what comes meanwhile is sent with the same calls */
        ngx_ess_multi_due_shut = NGX_ESS_MULTI_DUE_RUNS;
        ngx_ess_feed_gate(1);
    }

    multi->in_due = 1;
    ngx_queue_insert_tail(&ngx_ess_multi_due_clients, &multi->due);

    if (!ngx_ess_multi_due_slice) {
        ngx_post_event(&ngx_ess_multi_due_event, &ngx_posted_events);
    }
}


static void
ngx_ess_multi_due_handler(ngx_event_t *ev)
{
    ngx_uint_t        n;
    ngx_queue_t      *q;
    ngx_ess_multi_t  *multi;

    ngx_ess_multi_due_slice = 1;

    for (n = 0;
         n < NGX_ESS_MULTI_DUE_SLICE
         && !ngx_queue_empty(&ngx_ess_multi_due_clients);
         n++)
    {
        q = ngx_queue_head(&ngx_ess_multi_due_clients);
        multi = ngx_queue_data(q, ngx_ess_multi_t, due);

        ngx_queue_remove(q);
        multi->in_due = 0;

        ngx_ess_multi_due_flush(multi->client);
    }

    ngx_ess_multi_due_slice = 0;

    if (ngx_queue_empty(&ngx_ess_multi_due_clients)) {
        ngx_ess_multi_due_open();
        return;
    }

    if (ngx_ess_multi_due_shut == 1) {
        ngx_ess_multi_due_open();

    } else if (ngx_ess_multi_due_shut) {
        ngx_ess_multi_due_shut--;
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}


static void
ngx_ess_multi_due_open(void)
{
    if (ngx_ess_multi_due_shut) {
        ngx_ess_multi_due_shut = 0;
        ngx_ess_feed_gate(0);
    }
}


void
ngx_ess_multi_due_wait(ngx_ess_multi_t *multi)
{
    if (!multi->waits) {
        multi->waits = 1;
        ngx_queue_insert_tail(&ngx_ess_multi_due_waiting, &multi->waiting);
    }
}


void
ngx_ess_multi_due_awake(ngx_ess_multi_t *multi)
{
    if (multi->waits) {
        multi->waits = 0;
        ngx_queue_remove(&multi->waiting);
    }
}


void
ngx_ess_multi_due_leave(ngx_ess_multi_t *multi)
{
    ngx_ess_multi_due_awake(multi);

    if (multi->in_due) {
        ngx_queue_remove(&multi->due);
        multi->in_due = 0;
    }
}
