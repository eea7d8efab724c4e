
/*
 * Creations and deletions, step by step.  An operation's memory is its own:
 * who began it only hears of its end.  Runs in a worker.
 */


#include "ngx_ess_counter.h"
#include "ngx_ess_registry_op.h"
#include "ngx_ess_registry_undo.h"
#include "ngx_ess_table.h"


static void ngx_ess_registry_saved(ngx_ess_store_op_t *store);
static void ngx_ess_registry_bound(ngx_ess_source_bind_t *bind, ngx_int_t rc,
    ngx_str_t *text);
static void ngx_ess_registry_go(ngx_ess_registry_op_t *op,
    ngx_ess_stream_info_t *info, ngx_ess_registry_pt handler, void *data);
static void ngx_ess_registry_removed(ngx_ess_store_op_t *store);


ngx_int_t
ngx_ess_registry_create(ngx_ess_zone_t *zone, ngx_str_t *key,
    const ngx_ess_kind_t *kind, uint64_t epoch,
    const ngx_ess_stream_attr_t *attr, ngx_ess_source_options_t *declare,
    ngx_ess_registry_pt handler, void *data, ngx_ess_registry_op_t **created)
{
    ngx_int_t               rc;
    ngx_ess_registry_op_t  *op;

    op = ngx_ess_registry_op_create(zone);
    if (op == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ess_table_reserve(zone, key, kind, epoch, attr, &op->info);

    if (rc != NGX_OK) {
        ngx_ess_registry_op_free(op);
        return rc;
    }

    if (declare) {
        op->declare = *declare;
        op->bind.declare = &op->declare;
    }

    op->by = (attr && attr->created) ? attr->by
             : (attr && attr->declared) ? NGX_ESS_CREATED_CONFIGURATION
                                        : NGX_ESS_CREATED_API;
    op->handler = handler;
    op->data = data;
    *created = op;

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_SAVE, ngx_ess_registry_saved);

    return NGX_OK;
}


static void
ngx_ess_registry_saved(ngx_ess_store_op_t *store)
{
    ngx_ess_registry_op_t  *op;

    op = store->data;

    if (store->rc != NGX_OK) {
        ngx_ess_table_remove(op->zone, &op->info.ref);

        ngx_ess_registry_op_answer(op, NGX_ESS_REGISTRY_STORE,
                                   (char *) store->text);
        ngx_ess_registry_op_free(op);
        return;
    }

    op->bind.data = op;

    if (!op->info.kind.binds && op->bind.declare == NULL) {
        ngx_ess_registry_bound(&op->bind, NGX_OK, NULL);
        return;
    }

    op->bind.handler = ngx_ess_registry_bound;
    op->bind.source = op->info.kind.source;
    op->bind.key.data = op->info.key;
    op->bind.key.len = op->info.key_len;
    op->bind.log = ngx_cycle->log;

    ngx_ess_source_bind(op->zone, &op->bind);
}


static void
ngx_ess_registry_bound(ngx_ess_source_bind_t *bind, ngx_int_t rc,
    ngx_str_t *text)
{
    size_t                  len;
    ngx_ess_registry_op_t  *op;

    op = bind->data;

    if (rc == NGX_OK
        && ngx_ess_table_show(op->zone, &op->info.ref) == NGX_OK)
    {
        ngx_ess_counter_add(op->zone, NGX_ESS_C_STREAMS_CREATED + op->by, 1);
        ngx_ess_registry_op_answer(op, NGX_ESS_REGISTRY_OK, "");
        ngx_ess_registry_op_free(op);
        return;
    }

    op->result = (rc == NGX_BUSY) ? NGX_ESS_REGISTRY_BUSY
                 : (rc == NGX_DECLINED) ? NGX_ESS_REGISTRY_CONFLICT
                                        : NGX_ESS_REGISTRY_REFUSED;

    /* the operation is zeroed memory */

    if (text) {
        len = ngx_min(text->len, sizeof(op->text) - 1);
        ngx_memcpy(op->text, text->data, len);
    }

    ngx_ess_registry_undo(op);
}


ngx_int_t
ngx_ess_registry_delete(ngx_ess_zone_t *zone, ngx_ess_stream_info_t *info,
    ngx_ess_registry_pt handler, void *data, ngx_ess_registry_op_t **created)
{
    ngx_ess_registry_op_t  *op;

    op = ngx_ess_registry_op_create(zone);
    if (op == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_table_delete_begin(zone, &info->ref) != NGX_OK) {
        ngx_ess_registry_op_free(op);
        return NGX_DECLINED;
    }

    *created = op;

    ngx_ess_registry_go(op, info, handler, data);

    return NGX_OK;
}


ngx_int_t
ngx_ess_registry_delete_begun(ngx_ess_zone_t *zone,
    ngx_ess_stream_info_t *info, ngx_ess_registry_pt handler, void *data,
    ngx_ess_registry_op_t **created)
{
    ngx_ess_registry_op_t  *op;

    op = ngx_ess_registry_op_create(zone);
    if (op == NULL) {
        return NGX_ERROR;
    }

    *created = op;

    ngx_ess_registry_go(op, info, handler, data);

    return NGX_OK;
}


/* It is DELETING. */

static void
ngx_ess_registry_go(ngx_ess_registry_op_t *op, ngx_ess_stream_info_t *info,
    ngx_ess_registry_pt handler, void *data)
{
    op->info = *info;
    op->handler = handler;
    op->data = data;

    ngx_ess_registry_op_store(op, NGX_ESS_STORE_REMOVE,
                              ngx_ess_registry_removed);
}


static void
ngx_ess_registry_removed(ngx_ess_store_op_t *store)
{
    ngx_str_t               key;
    ngx_ess_registry_op_t  *op;

    op = store->data;

    if (store->rc != NGX_OK) {
        (void) ngx_ess_table_show(op->zone, &op->info.ref);

        ngx_ess_registry_op_answer(op, NGX_ESS_REGISTRY_STORE,
                                   (char *) store->text);
        ngx_ess_registry_op_free(op);
        return;
    }

    ngx_ess_table_remove(op->zone, &op->info.ref);

    ngx_ess_registry_op_answer(op, NGX_ESS_REGISTRY_OK, "");

    if (op->info.kind.binds) {
        key.data = op->info.key;
        key.len = op->info.key_len;

        ngx_ess_source_unbind(op->zone, op->info.kind.source, &key);
    }

    ngx_ess_registry_op_free(op);
}


void
ngx_ess_registry_forget(ngx_ess_registry_op_t *op)
{
    op->handler = NULL;
}
