
/*
 * Turns of replays.  What takes turns belongs to its owner; the lists and the
 * timer to the worker.
 */


#include "ngx_ess_rabbitmq_turn.h"


/* ms; between looks at who waits */
#define NGX_ESS_RABBITMQ_TURN_TICK  250


static void ngx_ess_rabbitmq_turn_timer(ngx_event_t *ev);


void
ngx_ess_rabbitmq_turn_init(ngx_ess_rabbitmq_turns_t *turns, ngx_log_t *log)
{
    ngx_queue_init(&turns->running);
    ngx_queue_init(&turns->waiting);

    turns->timer.handler = ngx_ess_rabbitmq_turn_timer;
    turns->timer.data = turns;
    turns->timer.log = log;
    turns->timer.cancelable = 1;
}


void
ngx_ess_rabbitmq_turn_close(ngx_ess_rabbitmq_turns_t *turns)
{
    turns->places = 0;

    if (turns->timer.timer_set) {
        ngx_del_timer(&turns->timer);
    }
}


void
ngx_ess_rabbitmq_turn_open(ngx_ess_rabbitmq_turns_t *turns)
{
    turns->places = NGX_ESS_RABBITMQ_TURN_MAX;

    ngx_ess_rabbitmq_turn_next(turns);
}


void
ngx_ess_rabbitmq_turn_wait(ngx_ess_rabbitmq_turns_t *turns,
    ngx_ess_rabbitmq_turn_t *turn)
{
    ngx_ess_rabbitmq_turn_pause(turns, turn);

    ngx_queue_insert_tail(&turns->waiting, &turn->queue);
}


void
ngx_ess_rabbitmq_turn_pause(ngx_ess_rabbitmq_turns_t *turns,
    ngx_ess_rabbitmq_turn_t *turn)
{
    if (turn->queue.next) {
        ngx_queue_remove(&turn->queue);
        turn->queue.next = NULL;
    }

    if (turn->running) {
        turn->running = 0;
        turns->nrunning--;
    }
}


void
ngx_ess_rabbitmq_turn_next(ngx_ess_rabbitmq_turns_t *turns)
{
    ngx_queue_t              *q;
    ngx_ess_rabbitmq_turn_t  *turn;

    while (turns->nrunning < turns->places
           && !ngx_queue_empty(&turns->waiting))
    {
        q = ngx_queue_head(&turns->waiting);
        turn = ngx_queue_data(q, ngx_ess_rabbitmq_turn_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&turns->running, q);

        turn->running = 1;
        turn->since = ngx_current_msec;
        turns->nrunning++;

        turns->begin(turn);
    }

    if (turns->places
        && !ngx_queue_empty(&turns->waiting)
        && !turns->timer.timer_set)
    {
        ngx_add_timer(&turns->timer, NGX_ESS_RABBITMQ_TURN_TICK);
    }
}


/* As many as wait take the places of those who have had theirs longest. */

static void
ngx_ess_rabbitmq_turn_timer(ngx_event_t *ev)
{
    ngx_queue_t               *q, *next, *waits, *last;
    ngx_ess_rabbitmq_turn_t   *turn;
    ngx_ess_rabbitmq_turns_t  *turns;

    turns = ev->data;

    waits = ngx_queue_head(&turns->waiting);
    last = ngx_queue_last(&turns->waiting);

    for (q = ngx_queue_head(&turns->running);
         q != ngx_queue_sentinel(&turns->running)
         && waits != ngx_queue_next(last);
         q = next)
    {
        next = ngx_queue_next(q);
        turn = ngx_queue_data(q, ngx_ess_rabbitmq_turn_t, queue);

        if (ngx_current_msec - turn->since < NGX_ESS_RABBITMQ_TURN_TIME) {
            break;
        }

        if (turns->yield(turn)) {
            waits = ngx_queue_next(waits);
        }
    }

    ngx_ess_rabbitmq_turn_next(turns);
}
