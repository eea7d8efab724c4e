
/*
 * Whoever waits for a turn is in a queue of this process, of which one posted
 * event takes as many as there is time for.
 */


#include "ngx_ess_turn.h"


/* ms, longer than whoever waits for a turn has to */
#define NGX_ESS_TURN_TIMER  600000

/* us in a turn, and the rest of the slice there */
#define NGX_ESS_TURN_TIME   500
#define NGX_ESS_TURN_SHORT  100


static void ngx_ess_turn_handler(ngx_event_t *ev);
static int64_t ngx_ess_turn_clock(void);


static ngx_queue_t  ngx_ess_turns;
static ngx_event_t  ngx_ess_turn;
static ngx_uint_t   ngx_ess_turn_yields;


void
ngx_ess_turn_next(ngx_event_t *ev)
{
    if (ngx_ess_turns.next == NULL) {
        ngx_queue_init(&ngx_ess_turns);
        ngx_ess_turn.handler = ngx_ess_turn_handler;
    }

    if (!ev->posted) {
        ev->posted = 1;
        ngx_queue_insert_tail(&ngx_ess_turns, &ev->queue);
    }

    ngx_ess_turn.log = ev->log;
    ngx_post_event(&ngx_ess_turn, &ngx_posted_next_events);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_ESS_TURN_TIMER);
    }
}


void
ngx_ess_turn_begin(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


void
ngx_ess_turn_yield(void)
{
    ngx_ess_turn_yields = ngx_ess_turns.next
                          && !ngx_queue_empty(&ngx_ess_turns);
}


/* They may wait for another one, end, or take others back from within. */

static void
ngx_ess_turn_handler(ngx_event_t *ev)
{
    int64_t       end;
    ngx_queue_t  *q;
    ngx_event_t  *turn;

    end = ngx_ess_turn_clock() + (ngx_ess_turn_yields ? NGX_ESS_TURN_SHORT
                                                      : NGX_ESS_TURN_TIME);
    ngx_ess_turn_yields = 0;

    while (!ngx_queue_empty(&ngx_ess_turns)) {
        q = ngx_queue_head(&ngx_ess_turns);
        turn = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(turn);

        turn->handler(turn);

        if (ngx_ess_turn_clock() >= end) {
            break;
        }
    }

    if (!ngx_queue_empty(&ngx_ess_turns)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


static int64_t
ngx_ess_turn_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
