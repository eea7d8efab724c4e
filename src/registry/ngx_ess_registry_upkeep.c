
/*
 * What each worker does for the registry without being asked: it undoes what
 * dead workers left half-done, keeps the store's ordinals ahead of the logs',
 * and saves the zone's streams in another store.  All memory is the
 * operations'.
 */


#include "ngx_ess_escape.h"
#include "ngx_ess_registry_op.h"
#include "ngx_ess_registry_undo.h"
#include "ngx_ess_registry_upkeep.h"
#include "ngx_ess_ordinal.h"
#include "ngx_ess_pending.h"


/* marks under way at a time, and streams saved anew */
#define NGX_ESS_REGISTRY_UPKEEP_MAX  64


static void ngx_ess_registry_upkeep_orphans(void);
static void ngx_ess_registry_upkeep_ordinals(void);
static void ngx_ess_registry_upkeep_save(void);
static void ngx_ess_registry_upkeep_saved(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_save_mark(ngx_ess_registry_op_t *op);
static void ngx_ess_registry_upkeep_save_marked(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_save_failed(ngx_ess_registry_op_t *op);
static void ngx_ess_registry_upkeep_save_again(void);
static void ngx_ess_registry_upkeep_save_end(ngx_ess_store_op_t *store);
static void ngx_ess_registry_upkeep_marked(ngx_ess_store_op_t *store);


static ngx_ess_zone_t    *ngx_ess_registry_upkeep_zone;
static ngx_uint_t         ngx_ess_registry_upkeep_marking;
static ngx_uint_t         ngx_ess_registry_upkeep_saving;
static uint64_t           ngx_ess_registry_upkeep_save_id;  /* saved so far */
static ngx_uint_t         ngx_ess_registry_upkeep_failed;   /* a save, or
                                                               more */


void
ngx_ess_registry_upkeep_init(ngx_cycle_t *cycle, ngx_ess_zone_t *zone)
{
    ngx_ess_registry_upkeep_zone = zone;
    ngx_ess_registry_upkeep_marking = 0;
    ngx_ess_registry_upkeep_saving = 0;
    ngx_ess_registry_upkeep_failed = 0;

    ngx_ess_registry_op_init(cycle);
    ngx_ess_registry_undo_init();

    ngx_ess_registry_upkeep_tick();
}


void
ngx_ess_registry_upkeep_tick(void)
{
    if (ngx_ess_registry_upkeep_zone == NULL) {
        return;
    }

    ngx_ess_registry_undo_retry();
    ngx_ess_registry_upkeep_save_again();

    /* a worker that a reload replaced may have another store */

    if (ngx_ess_zone_generation(ngx_ess_registry_upkeep_zone)
        == ngx_ess_registry_upkeep_zone->generation)
    {
        ngx_ess_registry_upkeep_orphans();
        ngx_ess_registry_upkeep_ordinals();
    }
}


void
ngx_ess_registry_upkeep_save_all(void)
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
ngx_ess_registry_upkeep_orphans(void)
{
    ngx_ess_registry_op_t  *op;

    while (ngx_ess_registry_undo_count() < NGX_ESS_REGISTRY_UNDO_MAX) {

        op = ngx_ess_registry_op_create(ngx_ess_registry_upkeep_zone);
        if (op == NULL) {
            return;
        }

        if (ngx_ess_pending_orphan(op->zone, &op->info) != NGX_OK) {
            ngx_ess_registry_op_free(op);
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "ess: the stream %uL, which a worker left half %s, is "
                      "removed", op->info.ref.id,
                      (op->info.state == NGX_ESS_STREAM_CREATING)
                      ? "created" : "deleted");

        ngx_ess_registry_undo(op);
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

        if (ngx_ess_ordinal_wanted(op->zone, &op->info.ref,
                                   &op->info.reserved_ordinal)
            != NGX_OK)
        {
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

    ngx_ess_ordinal_reserved(op->zone, &op->info.ref,
                             (store->rc == NGX_OK)
                             ? op->info.reserved_ordinal : 0);

    ngx_ess_registry_op_free(op);
}
