/*
 * What nginx and the rest of the module are to feeds, and the event loop.
 */


#include "fake_feeds.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wake.h"
#include "ngx_ess_counter.h"


/* or of ngx_trace.c */
#pragma weak ngx_log_error_core


/* AddressSanitizer's: with every malloc() that was not freed */
size_t __sanitizer_get_current_allocated_bytes(void);


#define FEEDS_TURNS  10000


feeds_t                      feeds;

static size_t                feeds_bytes;    /* allocated before the test */
static void                 *feeds_table;    /* of feeds: nobody frees it */
static ngx_log_t             feeds_log;
static ngx_cycle_t           feeds_cycle = { .log = &feeds_log };
static ngx_ess_main_conf_t   feeds_conf;


/* of nginx */

volatile ngx_cycle_t  *ngx_cycle = &feeds_cycle;
volatile ngx_msec_t    ngx_current_msec = 5000000;
ngx_queue_t            ngx_posted_events;
ngx_queue_t            ngx_posted_next_events;


int
feeds_begin(void **state)
{
    feeds_bytes = __sanitizer_get_current_allocated_bytes();

    ngx_memzero(&feeds, sizeof(feeds_t));
    feeds.done = 1;

    feeds_log_begin();
    feeds_client_begin();

    feeds_log.log_level = NGX_LOG_INFO;
    feeds_conf.max_memory = 64 * 1024 * 1024;

    ngx_queue_init(&ngx_posted_events);
    ngx_queue_init(&ngx_posted_next_events);

    return ngx_ess_feed_turn_init(&feeds_cycle, NULL, &feeds_client_handlers)
           != NGX_OK;
}


int
feeds_end(void **state)
{
    feeds.fail = 0;

    feeds_client_leave();
    feeds_log_end();
    feeds_client_end();

    ngx_ess_feed_turn_exit();
    free(feeds_table);

    assert_int_equal(ngx_ess_memory_used(), 0);
    assert_int_equal(feeds.counters[NGX_ESS_C_MEMORY], 0);
    assert_null(feeds.replay);
    assert_int_equal(feeds.alerts, 0);
    assert_true(feeds.done);

    /* nothing is kept, nor reachable from what will be used again */

    assert_int_equal(__sanitizer_get_current_allocated_bytes(), feeds_bytes);

    return 0;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    if (feeds.fail && --feeds.fail == 0) {
        feeds.failed = 1;
        return NULL;
    }

    return malloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    if (p) {
        ngx_memzero(p, size);
    }

    if (p && size >= 1024 * sizeof(void *)) {
        feeds_table = p;
    }

    return p;
}


uint32_t
ngx_murmur_hash2(u_char *data, size_t len)
{
    uint32_t  h;

    for (h = 2166136261u; len; len--) {
        h = (h ^ *data++) * 16777619u;
    }

    return h;
}


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    feeds.alerts += (level <= NGX_LOG_ALERT);
}


ngx_int_t
ngx_connection_error(ngx_connection_t *c, ngx_err_t err, char *text)
{
    return NGX_ERROR;
}


/* of the module */

ngx_ess_main_conf_t *
ngx_ess_conf_main(ngx_cycle_t *cycle)
{
    return &feeds_conf;
}


void
ngx_ess_counter_add(ngx_ess_zone_t *zone, ngx_ess_counter_e counter, int64_t n)
{
    feeds.counters[counter] += n;
}


uint64_t *
ngx_ess_counter_own(ngx_ess_zone_t *zone)
{
    return NULL;
}


void
ngx_ess_wake_progress(ngx_uint_t all)
{
    feeds.done = all;
}


void
ngx_ess_turn_yield(void)
{
    feeds.yields++;
}


/* the event loop: as ngx_process_events_and_timers() */

void
feeds_turn(void)
{
    ngx_uint_t    i;
    ngx_queue_t  *q;
    ngx_event_t  *ev;

    feeds.turns++;

    while (!ngx_queue_empty(&ngx_posted_next_events)) {
        q = ngx_queue_head(&ngx_posted_next_events);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_posted_events, q);
    }

    for (i = 0; !ngx_queue_empty(&ngx_posted_events); i++) {
        assert_true(i < FEEDS_TURNS);

        q = ngx_queue_head(&ngx_posted_events);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }

    feeds_many_turn();
}


void
feeds_run(void)
{
    ngx_uint_t  i;

    feeds_many_turn();

    for (i = 0; !ngx_queue_empty(&ngx_posted_events)
                || !ngx_queue_empty(&ngx_posted_next_events); i++)
    {
        assert_true(i < FEEDS_TURNS);
        feeds_turn();
    }
}


void
feeds_changed(feeds_stream_t *s)
{
    ngx_ess_feed_changed(&s->ref);
    feeds_run();
}
