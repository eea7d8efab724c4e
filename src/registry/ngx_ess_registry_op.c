
/*
 * Operations of the registry: each one's memory is its own, and outlives
 * whoever began it; a worker that quits stays for those under way.
 */


#include "ngx_ess_registry_op.h"


/* ms; only that a timer is there counts */
#define NGX_ESS_REGISTRY_OP_HOLD      60000


static void ngx_ess_registry_op_timeout(ngx_event_t *ev);


static ngx_uint_t        ngx_ess_registry_op_n;     /* the worker stays for */
static ngx_event_t       ngx_ess_registry_op_timer;
static ngx_connection_t  ngx_ess_registry_op_dummy;


void
ngx_ess_registry_op_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_ess_registry_op_n = 0;

    /* the event's data is looked at by nginx's debugging messages only */

    ngx_ess_registry_op_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_ess_registry_op_timer;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_ess_registry_op_timeout;
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

    ngx_ess_registry_op_hold();

    return op;
}


void
ngx_ess_registry_op_free(ngx_ess_registry_op_t *op)
{
    ngx_free(op);
    ngx_ess_registry_op_release();
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


/* The timer is not cancelable: a worker that quits stays while there is one. */

void
ngx_ess_registry_op_hold(void)
{
    if (ngx_ess_registry_op_n++ == 0) {
        ngx_add_timer(&ngx_ess_registry_op_timer, NGX_ESS_REGISTRY_OP_HOLD);
    }
}


void
ngx_ess_registry_op_release(void)
{
    if (--ngx_ess_registry_op_n == 0) {
        ngx_del_timer(&ngx_ess_registry_op_timer);
    }
}


static void
ngx_ess_registry_op_timeout(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_ESS_REGISTRY_OP_HOLD);
}
