
/*
 * Messages that wait, in the order of their queues, and the queues of which one
 * may be begun.  All state is the worker's.
 */


#include "ngx_ess_consume_turn.h"
#include "ngx_ess_wait.h"


/* ms until it is looked again whether there are connections */
#define NGX_ESS_CONSUME_TURN_ROOM  50


typedef struct {
    ngx_ess_consume_turn_pt        begin;
    ngx_ess_consume_conf_queue_t  *queues;  /* of the configuration, and */
    ngx_ess_consume_place_t       *places;  /* in the same order */
    ngx_queue_t                    ready;   /* places */
    ngx_event_t                    event;   /* posted: some are ready; as a
                                               timer: there was no
                                               connection */
} ngx_ess_consume_turn_t;


static void ngx_ess_consume_turn_ready(ngx_ess_consume_message_t *msg);
static void ngx_ess_consume_turn_list(ngx_ess_consume_place_t *place,
    ngx_uint_t concurrency);
static void ngx_ess_consume_turn_pump(ngx_event_t *ev);
static void ngx_ess_consume_turn_hold(ngx_ess_consume_message_t *msg);


static ngx_ess_consume_turn_t  ngx_ess_consume_turn;
static ngx_connection_t        ngx_ess_consume_turn_dummy;


ngx_int_t
ngx_ess_consume_turn_init(ngx_ess_rpc_conf_t *conf,
    ngx_ess_consume_turn_pt begin, ngx_log_t *log)
{
    ngx_uint_t               i, n;
    ngx_ess_consume_turn_t  *c;

    c = &ngx_ess_consume_turn;

    ngx_memzero(c, sizeof(ngx_ess_consume_turn_t));

    c->begin = begin;
    c->queues = conf->queues.elts;

    ngx_queue_init(&c->ready);

    ngx_ess_consume_turn_dummy.fd = (ngx_socket_t) -1;

    c->event.handler = ngx_ess_consume_turn_pump;
    c->event.data = &ngx_ess_consume_turn_dummy;
    c->event.log = log;
    c->event.cancelable = 1;

    n = conf->queues.nelts;

    c->places = ngx_calloc(ngx_max(n, 1) * sizeof(ngx_ess_consume_place_t),
                           log);
    if (c->places == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&c->places[i].waiting);
    }

    return NGX_OK;
}


void
ngx_ess_consume_turn_exit(void)
{
    ngx_ess_consume_turn_t  *c;

    c = &ngx_ess_consume_turn;

    ngx_ess_wait_clear(&c->event);

    ngx_free(c->places);
    c->places = NULL;
}


ngx_ess_consume_place_t *
ngx_ess_consume_turn_place(ngx_ess_consume_conf_queue_t *queue)
{
    return &ngx_ess_consume_turn.places[queue - ngx_ess_consume_turn.queues];
}


void
ngx_ess_consume_turn_wait(ngx_ess_consume_message_t *msg)
{
    msg->state = NGX_ESS_CONSUME_WAITING;
    msg->queued = 1;

    ngx_queue_insert_tail(&msg->place->waiting, &msg->link);

    ngx_ess_consume_turn_ready(msg);
}


void
ngx_ess_consume_turn_wait_again(ngx_ess_consume_message_t *msg)
{
    ngx_event_t  *ev;

    ev = &ngx_ess_consume_turn.event;

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_ESS_CONSUME_TURN_ROOM);
    }

    msg->state = NGX_ESS_CONSUME_WAITING;
    msg->queued = 1;

    ngx_queue_insert_head(&msg->place->waiting, &msg->link);

    ngx_ess_consume_turn_release(msg);
}


static void
ngx_ess_consume_turn_ready(ngx_ess_consume_message_t *msg)
{
    ngx_ess_consume_turn_list(msg->place, msg->queue->consume->concurrency);
}


/* Lists it if one of its messages may be begun. */

static void
ngx_ess_consume_turn_list(ngx_ess_consume_place_t *place,
    ngx_uint_t concurrency)
{
    ngx_ess_consume_turn_t  *c;

    c = &ngx_ess_consume_turn;

    if (place->listed || place->in_work >= concurrency
        || ngx_queue_empty(&place->waiting))
    {
        return;
    }

    place->listed = 1;
    ngx_queue_insert_tail(&c->ready, &place->link);

    if (!c->event.timer_set) {
        ngx_post_event(&c->event, &ngx_posted_events);
    }
}


void
ngx_ess_consume_turn_look(void)
{
    ngx_event_t  *ev;

    ev = &ngx_ess_consume_turn.event;

    if (ev->timer_set) {
        ngx_del_timer(ev);
        ngx_post_event(ev, &ngx_posted_events);
    }
}


/* Begins what may be begun, a message of each queue in turn. */

static void
ngx_ess_consume_turn_pump(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_uint_t                  concurrency;
    ngx_queue_t                *q;
    ngx_ess_consume_turn_t     *c;
    ngx_ess_consume_place_t    *place;
    ngx_ess_consume_message_t  *msg;

    c = &ngx_ess_consume_turn;

    while (!ngx_queue_empty(&c->ready)) {

        if (!ngx_ess_request_room()) {

            if (!ev->timer_set) {
                ngx_add_timer(ev, NGX_ESS_CONSUME_TURN_ROOM);
            }

            return;
        }

        q = ngx_queue_head(&c->ready);
        ngx_queue_remove(q);

        place = ngx_queue_data(q, ngx_ess_consume_place_t, link);
        place->listed = 0;

        /* one that was ready may have been given back */

        if (ngx_queue_empty(&place->waiting)) {
            continue;
        }

        q = ngx_queue_head(&place->waiting);
        ngx_queue_remove(q);

        msg = ngx_queue_data(q, ngx_ess_consume_message_t, link);
        msg->queued = 0;

        concurrency = msg->queue->consume->concurrency;

        ngx_ess_consume_turn_hold(msg);

        rc = c->begin(msg);

        ngx_ess_consume_turn_list(place, concurrency);

        if (rc == NGX_ERROR) {
            return;
        }
    }
}


/* Its request counts. */

static void
ngx_ess_consume_turn_hold(ngx_ess_consume_message_t *msg)
{
    msg->holds = 1;
    msg->place->in_work++;

    ngx_ess_rpc_figures_in_work(1);
}


void
ngx_ess_consume_turn_release(ngx_ess_consume_message_t *msg)
{
    if (!msg->holds) {
        return;
    }

    msg->holds = 0;
    msg->place->in_work--;

    ngx_ess_rpc_figures_in_work(-1);

    ngx_ess_consume_turn_ready(msg);
}


void
ngx_ess_consume_turn_leave(ngx_ess_consume_message_t *msg)
{
    if (msg->queued) {
        ngx_queue_remove(&msg->link);
        msg->queued = 0;
    }

    ngx_ess_consume_turn_release(msg);
}
