/*
 * Operations that outlive whoever began them, and the worker's own: it undoes
 * what dead workers left half-done and keeps the store's ordinals ahead of the
 * logs'.  One set per worker; all memory is the operations'.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_registry_op.h"


/* repairs under way at a time, marks, and streams saved anew */
#define NGX_ESS_REGISTRY_UPKEEP_MAX   64

/* ms; only that a timer is there counts */
#define NGX_ESS_REGISTRY_UPKEEP_HOLD  60000


static void ngx_ess_registry_upkeep_retry(void);
static void ngx_ess_registry_upkeep_orphans(void);
static void ngx_ess_registry_upkeep_ordinals(void);
static void ngx_ess_registry_upkeep_save(void);
static void ngx_ess_registry_upkeep_saved(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_save_mark(ngx_ess_registry_op_t *op);
static void ngx_ess_registry_upkeep_save_marked(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_save_failed(ngx_ess_registry_op_t *op);
static void ngx_ess_registry_upkeep_save_again(void);
static void ngx_ess_registry_upkeep_save_end(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_undone(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_marked(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_stay(void);
static void ngx_ess_registry_upkeep_hold(ngx_event_t *ev);


static ngx_ess_zone_t    *ngx_ess_registry_upkeep_zone;
static ngx_uint_t         ngx_ess_registry_upkeep_ops;      /* all there are */
static ngx_uint_t         ngx_ess_registry_upkeep_waiting;  /* for a retry */
static ngx_uint_t         ngx_ess_registry_upkeep_undoing;
static ngx_uint_t         ngx_ess_registry_upkeep_marking;
static ngx_uint_t         ngx_ess_registry_upkeep_saving;
static uint64_t           ngx_ess_registry_upkeep_save_id;  /* saved so far */
static ngx_uint_t         ngx_ess_registry_upkeep_failed;   /* a save, or
                                                               more */
static ngx_queue_t        ngx_ess_registry_upkeep_again;
static ngx_event_t        ngx_ess_registry_upkeep_timer;
static ngx_connection_t   ngx_ess_registry_upkeep_dummy;


ngx_int_t
ngx_ess_registry_init_process(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_event_t  *ev;

    ngx_ess_registry_upkeep_zone = zone;
    ngx_ess_registry_upkeep_ops = 0;
    ngx_ess_registry_upkeep_waiting = 0;
    ngx_ess_registry_upkeep_undoing = 0;
    ngx_ess_registry_upkeep_marking = 0;
    ngx_ess_registry_upkeep_saving = 0;
    ngx_ess_registry_upkeep_failed = 0;

    ngx_queue_init(&ngx_ess_registry_upkeep_again);

    /* the event's data is looked at by nginx's debugging messages only */

    ngx_ess_registry_upkeep_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_registry_upkeep_timer;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_ess_registry_upkeep_hold;
    ev->data = &ngx_ess_registry_upkeep_dummy;
    ev->log = cycle->log;

    ngx_ess_registry_tick();

    return NGX_OK;
}


void
ngx_ess_registry_tick(void)
{
    if (ngx_ess_registry_upkeep_zone == NULL) {
        return;
    }

    ngx_ess_registry_upkeep_retry();
    ngx_ess_registry_upkeep_save_again();

    /* a worker that a reload replaced may have another store */

    if (ngx_ess_shm_generation(ngx_ess_registry_upkeep_zone)
        == ngx_ess_registry_upkeep_zone->generation)
    {
        ngx_ess_registry_upkeep_orphans();
        ngx_ess_registry_upkeep_ordinals();
    }
}


void
ngx_ess_registry_save_all(void)
{
    ngx_ess_registry_upkeep_save_id = 0;

    ngx_ess_registry_upkeep_save();
}


/* The next portion, which shares a transaction. */

static void
ngx_ess_registry_upkeep_save(void)
{
    ngx_ess_registry_op_t  *op;

    while (ngx_ess_registry_upkeep_saving < NGX_ESS_REGISTRY_UPKEEP_MAX) {

        op = ngx_ess_registry_op_create(ngx_ess_registry_upkeep_zone);
        if (op == NULL) {
            return;
        }

        if (ngx_ess_stream_list(op->zone, ngx_ess_registry_upkeep_save_id,
                                &op->info, 1)
            == 0)
        {
            ngx_ess_registry_op_free(op);
            return;
        }

        ngx_ess_registry_upkeep_save_id = op->info.ref.id;
        ngx_ess_registry_upkeep_saving++;

        ngx_ess_registry_op_store(op, NGX_ESS_STORE_SAVE,
                                  ngx_ess_registry_upkeep_saved);
    }
}


static void
ngx_ess_registry_upkeep_saved(ngx_ess_store_op_t *store)
{
    ngx_ess_escaped_t       text;
    ngx_ess_registry_op_t  *op;

    op = store->data;

    switch (store->rc) {

    case NGX_OK:
        ngx_ess_registry_upkeep_save_mark(op);
        return;

    case NGX_DECLINED:
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "stream %uL could not be saved in the new store: %V",
                      op->info.ref.id,
                      ngx_ess_escape_bytes(&text, store->text,
                                           ngx_strlen(store->text)));
        break;

    default:
        ngx_ess_registry_upkeep_save_failed(op);
    }

    ngx_ess_registry_upkeep_save_end(store);
}


/*
 * The row may be behind: one from former times, or marks that others stored
 * before there was a row.  So it gets one block more than the zone knows of.
 */

static void
ngx_ess_registry_upkeep_save_mark(ngx_ess_registry_op_t *op)
{
    uint64_t               last;
    ngx_ess_stream_info_t  info;

    if (ngx_ess_stream_by_id(op->zone, op->info.ref.id, &info) != NGX_OK) {

        /* it was deleted meanwhile, perhaps before it was saved */

        ngx_ess_registry_op_store(op, NGX_ESS_STORE_REMOVE,
                                  ngx_ess_registry_upkeep_save_end);
        return;
    }

    last = ngx_max(info.reserved_ordinal, info.last_ordinal);

    op->info.state = info.state;
    op->info.reserved_ordinal = last + NGX_ESS_STORE_ORDINALS;

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_ORDINAL,
                              ngx_ess_registry_upkeep_save_marked);
}


static void
ngx_ess_registry_upkeep_save_marked(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    if (store->rc != NGX_OK) {
        ngx_ess_registry_upkeep_save_failed(op);

    } else if (op->info.state == NGX_ESS_STREAM_DELETING) {

        /* perhaps it was removed before it was saved: until that is known */

        ngx_ess_registry_upkeep_save_mark(op);
        return;
    }

    ngx_ess_registry_upkeep_save_end(store);
}


/* From here on again, later. */

static void
ngx_ess_registry_upkeep_save_failed(ngx_ess_registry_op_t *op)
{
    ngx_ess_registry_upkeep_save_id = ngx_min(ngx_ess_registry_upkeep_save_id,
                                              op->info.ref.id - 1);
    ngx_ess_registry_upkeep_failed = 1;
}


static void
ngx_ess_registry_upkeep_save_again(void)
{
    if (ngx_ess_registry_upkeep_failed && ngx_ess_registry_upkeep_saving == 0) {
        ngx_ess_registry_upkeep_failed = 0;
        ngx_ess_registry_upkeep_save();
    }
}


static void
ngx_ess_registry_upkeep_save_end(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_free(store->data);

    if (--ngx_ess_registry_upkeep_saving == 0
        && !ngx_ess_registry_upkeep_failed)
    {
        ngx_ess_registry_upkeep_save();
    }
}


static void
ngx_ess_registry_upkeep_retry(void)
{
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_ess_registry_op_t  *op;

    /* handlers come later, so those that fail again are not met here */

    n = NGX_ESS_REGISTRY_UPKEEP_MAX;

    while (n-- && !ngx_queue_empty(&ngx_ess_registry_upkeep_again)) {
        q = ngx_queue_head(&ngx_ess_registry_upkeep_again);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_ess_registry_op_t, queue);

        ngx_ess_registry_upkeep_waiting--;
        ngx_ess_registry_upkeep_stay();

        ngx_ess_registry_op_undo(op);
    }
}


static void
ngx_ess_registry_upkeep_orphans(void)
{
    ngx_ess_registry_op_t  *op;

    while (ngx_ess_registry_upkeep_undoing + ngx_ess_registry_upkeep_waiting
           < NGX_ESS_REGISTRY_UPKEEP_MAX)
    {
        op = ngx_ess_registry_op_create(ngx_ess_registry_upkeep_zone);
        if (op == NULL) {
            return;
        }

        if (ngx_ess_stream_orphan(op->zone, &op->info) != NGX_OK) {
            ngx_ess_registry_op_free(op);
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "ess: the stream %uL, which a worker left half %s, is "
                      "removed", op->info.ref.id,
                      (op->info.state == NGX_ESS_STREAM_CREATING)
                      ? "created" : "deleted");

        ngx_ess_registry_op_undo(op);
    }
}


static void
ngx_ess_registry_upkeep_ordinals(void)
{
    ngx_ess_registry_op_t  *op;

    while (ngx_ess_registry_upkeep_marking < NGX_ESS_REGISTRY_UPKEEP_MAX) {

        op = ngx_ess_registry_op_create(ngx_ess_registry_upkeep_zone);
        if (op == NULL) {
            return;
        }

        if (ngx_ess_stream_want_ordinals(op->zone, &op->info) != NGX_OK) {
            ngx_ess_registry_op_free(op);
            return;
        }

        ngx_ess_registry_upkeep_marking++;

        ngx_ess_registry_op_store(op, NGX_ESS_STORE_ORDINAL,
                                  ngx_ess_registry_upkeep_marked);
    }
}


static void
ngx_ess_registry_upkeep_marked(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    ngx_ess_registry_upkeep_marking--;

    ngx_ess_stream_reserved(op->zone, &op->info.ref,
                            (store->rc == NGX_OK)
                            ? op->info.reserved_ordinal : 0);

    ngx_ess_registry_op_free(op);
}


void
ngx_ess_registry_op_undo(ngx_ess_registry_op_t *op)
{
    ngx_ess_registry_upkeep_undoing++;

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_REMOVE,
                              ngx_ess_registry_upkeep_undone);
}


static void
ngx_ess_registry_upkeep_undone(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    ngx_ess_registry_upkeep_undoing--;

    if (store->rc == NGX_OK) {

        if (op->info.state == NGX_ESS_STREAM_DELETING) {
            ngx_ess_stream_delete_commit(op->zone, &op->info.ref);

        } else {
            ngx_ess_stream_release(op->zone, &op->info.ref);
        }

        ngx_ess_registry_op_answer(op, op->result, (char *) op->text);
        ngx_ess_registry_op_free(op);

        return;
    }

    /* the row is there still, so the stream stays half-made, seen by nobody */

    ngx_ess_registry_op_answer(op, op->result, (char *) op->text);

    ngx_queue_insert_tail(&ngx_ess_registry_upkeep_again, &op->queue);
    ngx_ess_registry_upkeep_waiting++;
    ngx_ess_registry_upkeep_stay();
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

    ngx_ess_registry_upkeep_ops++;
    ngx_ess_registry_upkeep_stay();

    return op;
}


void
ngx_ess_registry_op_free(ngx_ess_registry_op_t *op)
{
    ngx_free(op);

    ngx_ess_registry_upkeep_ops--;
    ngx_ess_registry_upkeep_stay();
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


/*
 * The timer is not cancelable: a worker that quits stays for its operations.
 * Those that wait for a failing store it leaves to the other workers.
 */

static void
ngx_ess_registry_upkeep_stay(void)
{
    ngx_event_t  *ev;

    ev = &ngx_ess_registry_upkeep_timer;

    if (ngx_ess_registry_upkeep_ops == ngx_ess_registry_upkeep_waiting) {
        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        return;
    }

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_ESS_REGISTRY_UPKEEP_HOLD);
    }
}


static void
ngx_ess_registry_upkeep_hold(ngx_event_t *ev)
{
    ngx_ess_registry_upkeep_stay();
}
