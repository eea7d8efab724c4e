
/*
 * The timer wheel.  Entries belong to those who set them; the wheel owns its
 * slots only.  Runs in workers, one wheel each.
 */


#include "ngx_ess_wheel.h"


#define NGX_ESS_WHEEL_SLOTS  64
#define NGX_ESS_WHEEL_MS     1000           /* of a slot */

/* entries looked at before other events have their turn */
#define NGX_ESS_WHEEL_SLICE  256


typedef struct {
    ngx_queue_t               slots[NGX_ESS_WHEEL_SLOTS];
    ngx_queue_t               due;          /* a slot's, being looked at */
    uint64_t                  tick;         /* the last one that was reached */
    ngx_msec_t                time;         /* when that was */
    ngx_uint_t                users;
    ngx_event_t               timer;
    ngx_event_t               more;         /* the rest of "due" */
    ngx_connection_t          dummy;        /* for the timer's debug log */
    ngx_ess_wheel_handler_pt  handler;
} ngx_ess_wheel_t;


static void ngx_ess_wheel_start(void);
static void ngx_ess_wheel_turn(ngx_event_t *ev);
static void ngx_ess_wheel_work(ngx_event_t *ev);


static ngx_ess_wheel_t  ngx_ess_wheel;


void
ngx_ess_wheel_init(ngx_ess_wheel_handler_pt handler, ngx_log_t *log)
{
    ngx_uint_t        i;
    ngx_ess_wheel_t  *w;

    w = &ngx_ess_wheel;

    ngx_memzero(w, sizeof(ngx_ess_wheel_t));

    for (i = 0; i < NGX_ESS_WHEEL_SLOTS; i++) {
        ngx_queue_init(&w->slots[i]);
    }

    ngx_queue_init(&w->due);

    w->handler = handler;
    w->dummy.fd = (ngx_socket_t) -1;

    w->timer.handler = ngx_ess_wheel_turn;
    w->timer.data = &w->dummy;
    w->timer.log = log;

    w->more.handler = ngx_ess_wheel_work;
    w->more.data = &w->dummy;
    w->more.log = log;
}


void
ngx_ess_wheel_join(void)
{
    if (ngx_ess_wheel.users++ == 0) {
        ngx_ess_wheel.time = ngx_current_msec;
        ngx_ess_wheel_start();
    }
}


void
ngx_ess_wheel_leave(void)
{
    if (--ngx_ess_wheel.users == 0 && ngx_ess_wheel.timer.timer_set) {
        ngx_del_timer(&ngx_ess_wheel.timer);
    }
}


void
ngx_ess_wheel_set(ngx_ess_wheel_entry_t *entry, ngx_msec_t delay)
{
    ngx_ess_wheel_unset(entry);

    /* counted from the last tick, as ngx_current_msec begins again at 0 after
       49 days where it has 32 bits */

    delay += ngx_current_msec - ngx_ess_wheel.time;

    entry->tick = ngx_ess_wheel.tick
                  + ngx_max((delay + NGX_ESS_WHEEL_MS - 1) / NGX_ESS_WHEEL_MS,
                            1);

    ngx_queue_insert_tail(
        &ngx_ess_wheel.slots[entry->tick % NGX_ESS_WHEEL_SLOTS],
        &entry->queue);
}


void
ngx_ess_wheel_unset(ngx_ess_wheel_entry_t *entry)
{
    if (entry->tick) {
        entry->tick = 0;
        ngx_queue_remove(&entry->queue);
    }
}


static void
ngx_ess_wheel_start(void)
{
    ngx_add_timer(&ngx_ess_wheel.timer,
                  NGX_ESS_WHEEL_MS - (ngx_current_msec - ngx_ess_wheel.time));
}


static void
ngx_ess_wheel_turn(ngx_event_t *ev)
{
    ngx_uint_t        i, n;
    ngx_queue_t      *slot;
    ngx_ess_wheel_t  *w;

    w = &ngx_ess_wheel;

    n = (ngx_current_msec - w->time) / NGX_ESS_WHEEL_MS;

    /* after a long pause one round reaches every slot */

    for (i = 1; i <= n && i <= NGX_ESS_WHEEL_SLOTS; i++) {

        slot = &w->slots[(w->tick + i) % NGX_ESS_WHEEL_SLOTS];

        if (!ngx_queue_empty(slot)) {
            ngx_queue_add(&w->due, slot);
            ngx_queue_init(slot);
        }
    }

    w->tick += n;
    w->time += n * NGX_ESS_WHEEL_MS;

    ngx_ess_wheel_start();
    ngx_ess_wheel_work(&w->more);
}


static void
ngx_ess_wheel_work(ngx_event_t *ev)
{
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_ess_wheel_t        *w;
    ngx_ess_wheel_entry_t  *entry;

    w = &ngx_ess_wheel;

    for (n = 0; n < NGX_ESS_WHEEL_SLICE && !ngx_queue_empty(&w->due); n++) {

        q = ngx_queue_head(&w->due);
        entry = ngx_queue_data(q, ngx_ess_wheel_entry_t, queue);

        ngx_queue_remove(q);

        if (entry->tick > w->tick) {
            ngx_queue_insert_tail(
                &w->slots[entry->tick % NGX_ESS_WHEEL_SLOTS], q);
            continue;
        }

        entry->tick = 0;

        w->handler(entry);
    }

    if (!ngx_queue_empty(&w->due)) {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}
