
/*
 * Half-made streams are undone: a creation that failed, and what a dead worker
 * left.  What the store refuses waits here to be tried again.  One set per
 * worker.
 */


#include "ngx_ess_registry_undo.h"
#include "ngx_ess_table.h"


static void ngx_ess_registry_undo_remove(ngx_ess_registry_op_t *op);
static void ngx_ess_registry_undo_done(ngx_ess_store_op_t *store);


static ngx_uint_t   ngx_ess_registry_undo_n;        /* under way, or waiting */
static ngx_queue_t  ngx_ess_registry_undo_again;


void
ngx_ess_registry_undo_init(void)
{
    ngx_ess_registry_undo_n = 0;
    ngx_queue_init(&ngx_ess_registry_undo_again);
}


void
ngx_ess_registry_undo(ngx_ess_registry_op_t *op)
{
    ngx_ess_registry_undo_n++;
    ngx_ess_registry_undo_remove(op);
}


static void
ngx_ess_registry_undo_remove(ngx_ess_registry_op_t *op)
{
    ngx_ess_registry_op_store(op, NGX_ESS_STORE_REMOVE,
                              ngx_ess_registry_undo_done);
}


static void
ngx_ess_registry_undo_done(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    if (store->rc == NGX_OK) {
        ngx_ess_table_remove(op->zone, &op->info.ref);

        ngx_ess_registry_op_answer(op, op->result, (char *) op->text);
        ngx_ess_registry_op_free(op);
        ngx_ess_registry_undo_n--;

        return;
    }

    /* the row is there still, so the stream stays half-made, seen by nobody */

    ngx_ess_registry_op_answer(op, op->result, (char *) op->text);

    ngx_queue_insert_tail(&ngx_ess_registry_undo_again, &op->queue);
    ngx_ess_registry_op_release();
}


ngx_uint_t
ngx_ess_registry_undo_count(void)
{
    return ngx_ess_registry_undo_n;
}


void
ngx_ess_registry_undo_retry(void)
{
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_ess_registry_op_t  *op;

    /* handlers come later, so those that fail again are not met here */

    n = NGX_ESS_REGISTRY_UNDO_MAX;

    while (n-- && !ngx_queue_empty(&ngx_ess_registry_undo_again)) {
        q = ngx_queue_head(&ngx_ess_registry_undo_again);
        ngx_queue_remove(q);

        op = ngx_queue_data(q, ngx_ess_registry_op_t, queue);

        ngx_ess_registry_op_hold();
        ngx_ess_registry_undo_remove(op);
    }
}
