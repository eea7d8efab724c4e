/*
 * An event of a slot's queue on its way to the logs.  Private to
 * source/exchange/.
 *
 *   delivery ──► item on the stack ──► appended
 *                        └─ copied ──► held, or delayed ──► appended
 */


#ifndef _NGX_ESS_EXCHANGE_ITEM_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_ITEM_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"
#include "ngx_ess_mark.h"


/* of one event: those that count for the slot; more are left out */
#define NGX_ESS_EXCHANGE_ITEM_KEYS  1024


typedef struct {
    ngx_queue_t                  queue;
    ngx_ess_exchange_slot_t     *slot;
    uint64_t                     tag;
    ngx_ess_mark_t               mark;
    size_t                       size;      /* of the copy */
    ngx_str_t                    key;
    ngx_ess_event_t              event;
    u_char                       uuid[NGX_ESS_UUID_LEN];
} ngx_ess_exchange_item_t;


/* What the delivery says, and what its properties do.  The bytes stay the
   delivery's. */
void ngx_ess_exchange_item_init(ngx_ess_exchange_item_t *item,
    ngx_ess_exchange_slot_t *slot, ngx_ess_amqp_delivery_t *delivery);

/* Frees what init() took. */
void ngx_ess_exchange_item_done(ngx_ess_exchange_item_t *item);

/* One that owns all its bytes, freed with ngx_free(); NULL: no memory. */
ngx_ess_exchange_item_t *ngx_ess_exchange_item_copy(
    ngx_ess_exchange_item_t *item);

/* How many bytes a copy takes. */
size_t ngx_ess_exchange_item_size(ngx_ess_exchange_item_t *item);


/* The first one of a list, or NULL. */

static ngx_inline ngx_ess_exchange_item_t *
ngx_ess_exchange_item_first(ngx_queue_t *items)
{
    if (ngx_queue_empty(items)) {
        return NULL;
    }

    return ngx_queue_data(ngx_queue_head(items), ngx_ess_exchange_item_t,
                          queue);
}


#endif /* _NGX_ESS_EXCHANGE_ITEM_H_INCLUDED_ */
