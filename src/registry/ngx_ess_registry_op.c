/*
 * Operations of the registry: each one's memory is its own, and outlives
 * whoever began it; a worker that quits stays for those under way.  What is
 * undone while the store fails waits here to be tried again.  One set per
 * worker.
 */


#include "ngx_ess_registry_op.h"
#include "ngx_ess_table.h"


/* ms; only that a timer is there counts */
#define NGX_ESS_REGISTRY_OP_HOLD      60000


static void ngx_ess_registry_op_undone(ngx_ess_store_op_t *store);
static void ngx_ess_registry_op_stay(void);
static void ngx_ess_registry_op_hold(ngx_event_t *ev);


static ngx_uint_t         ngx_ess_registry_op_all;      /* there are */
static ngx_uint_t         ngx_ess_registry_op_waiting;  /* for a retry */
static ngx_uint_t         ngx_ess_registry_op_removing; /* undone just now */
static ngx_queue_t        ngx_ess_registry_op_again;
static ngx_event_t        ngx_ess_registry_op_timer;
static ngx_connection_t   ngx_ess_registry_op_dummy;


void
ngx_ess_registry_op_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_ess_registry_op_all = 0;
    ngx_ess_registry_op_waiting = 0;
    ngx_ess_registry_op_removing = 0;

    ngx_queue_init(&ngx_ess_registry_op_again);

    /* the event's data is looked at by nginx's debugging messages only */

    ngx_ess_registry_op_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_registry_op_timer;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_ess_registry_op_hold;
    ev->data = &ngx_ess_registry_op_dummy;
    ev->log = cycle->log;
}


ngx_ess_registry_op_t *
ngx_ess_registry_op_create(ngx_ess_zone_t *zone)
{
    ngx_ess_registry_op_t  *op;

    op = ngx_calloc(sizeof(ngx_ess_registry_op_t), ngx_cycle->log);
    if (op == NULL) {
        return NULL;
    }

    op->zone = zone;

    ngx_ess_registry_op_all++;
    ngx_ess_registry_op_stay();

    return op;
}


void
ngx_ess_registry_op_free(ngx_ess_registry_op_t *op)
{
    ngx_free(op);

    ngx_ess_registry_op_all--;
    ngx_ess_registry_op_stay();
}


void
ngx_ess_registry_op_store(ngx_ess_registry_op_t *op, ngx_ess_store_op_e type,
    ngx_ess_store_op_pt handler)
{
    op->store.type = type;
    op->store.row = op->info;
    op->store.handler = handler;
    op->store.data = op;

    ngx_ess_store_submit(&op->store);
}


void
ngx_ess_registry_op_answer(ngx_ess_registry_op_t *op,
    ngx_ess_registry_result_e result, const char *text)
{
    ngx_ess_registry_pt  handler;

    handler = op->handler;

    if (handler) {
        op->handler = NULL;
        handler(op->data, result, &op->info, text);
    }
}


void
ngx_ess_registry_op_undo(ngx_ess_registry_op_t *op)
{
    ngx_ess_registry_op_removing++;

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_REMOVE,
                              ngx_ess_registry_op_undone);
}


static void
ngx_ess_registry_op_undone(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    ngx_ess_registry_op_removing--;

    if (store->rc == NGX_OK) {
        ngx_ess_table_remove(op->zone, &op->info.ref);

        ngx_ess_registry_op_answer(op, op->result, (char *) op->text);
        ngx_ess_registry_op_free(op);

        return;
    }

    /* the row is there still, so the stream stays half-made, seen by nobody */

    ngx_ess_registry_op_answer(op, op->result, (char *) op->text);

    ngx_queue_insert_tail(&ngx_ess_registry_op_again, &op->queue);
    ngx_ess_registry_op_waiting++;
    ngx_ess_registry_op_stay();
}


ngx_uint_t
ngx_ess_registry_op_undoing(void)
{
    return ngx_ess_registry_op_removing + ngx_ess_registry_op_waiting;
}


void
ngx_ess_registry_op_retry(void)
{
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_ess_registry_op_t  *op;

    /* handlers come later, so those that fail again are not met here */

    n = NGX_ESS_REGISTRY_OP_UNDO_MAX;

    while (n-- && !ngx_queue_empty(&ngx_ess_registry_op_again)) {
        q = ngx_queue_head(&ngx_ess_registry_op_again);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_ess_registry_op_t, queue);

        ngx_ess_registry_op_waiting--;
        ngx_ess_registry_op_stay();

        ngx_ess_registry_op_undo(op);
    }
}


/*
 * The timer is not cancelable: a worker that quits stays for its operations.
 * Those that wait for a failing store it leaves to the other workers.
 */

static void
ngx_ess_registry_op_stay(void)
{
    ngx_event_t  *ev;

    ev = &ngx_ess_registry_op_timer;

    if (ngx_ess_registry_op_all == ngx_ess_registry_op_waiting) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        return;
    }

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_ESS_REGISTRY_OP_HOLD);
    }
}


static void
ngx_ess_registry_op_hold(ngx_event_t *ev)
{
    ngx_ess_registry_op_stay();
}
