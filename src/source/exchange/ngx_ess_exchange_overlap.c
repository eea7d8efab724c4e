
/*
 * An event that was published between a key's bind and its unbind is in both
 * queues; there are few, and they are among the last that came from the former
 * one.  A print that is there twice says nothing: such events come twice.  An
 * overlap is its slot's own worker's.
 */


#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_print.h"
#include "ngx_ess_exchange_slot.h"


static void ngx_ess_exchange_overlap_sort(ngx_ess_exchange_overlap_t *o);
static int ngx_libc_cdecl ngx_ess_exchange_overlap_compare(const void *one,
    const void *two);
static ngx_uint_t ngx_ess_exchange_overlap_came(ngx_ess_exchange_overlap_t *o,
    uint64_t print);


void
ngx_ess_exchange_overlap_remember(ngx_ess_exchange_slot_t *slot, uint64_t mark)
{
    ngx_ess_exchange_overlap_t  *o;

    ngx_ess_exchange_overlap_forget(slot);

    o = ngx_calloc(sizeof(ngx_ess_exchange_overlap_t), slot->worker->log);
    if (o == NULL) {
        return;
    }

    o->n = ngx_ess_mark_prints(slot->worker->zone, slot->number, mark,
                               o->prints);

    slot->overlap = o;

    ngx_ess_exchange_overlap_sort(o);
}


static void
ngx_ess_exchange_overlap_sort(ngx_ess_exchange_overlap_t *o)
{
    uint64_t   *p;
    ngx_uint_t  i, n;

    p = o->prints;
    n = 0;

    ngx_qsort(p, o->n, sizeof(uint64_t), ngx_ess_exchange_overlap_compare);

    for (i = 0; i < o->n; i++) {

        if ((i == 0 || p[i - 1] != p[i])
            && (i + 1 == o->n || p[i + 1] != p[i]))
        {
            p[n++] = p[i];
        }
    }

    o->n = n;
}


static int ngx_libc_cdecl
ngx_ess_exchange_overlap_compare(const void *one, const void *two)
{
    const uint64_t  *a, *b;

    a = one;
    b = two;

    return (*a > *b) - (*a < *b);
}


/* A worker that left appended it with the print of a classic queue's. */

ngx_uint_t
ngx_ess_exchange_overlap_had(ngx_ess_exchange_slot_t *slot,
    ngx_ess_amqp_delivery_t *delivery, uint64_t print)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o == NULL || slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND) {
        /* that of a former attempt; this comes from the former queue */
        return 0;
    }

    if (o->left == 0) {
        ngx_ess_exchange_overlap_forget(slot);
        return 0;
    }

    o->left--;

    return ngx_ess_exchange_overlap_came(o, print)
           || ngx_ess_exchange_overlap_came(o,
                  ngx_ess_exchange_print(&delivery->key,
                                         &delivery->raw_properties,
                                         &delivery->body, 0));
}


static ngx_uint_t
ngx_ess_exchange_overlap_came(ngx_ess_exchange_overlap_t *o, uint64_t print)
{
    uint64_t   *p;
    ngx_uint_t  i;

    p = bsearch(&print, o->prints, o->n, sizeof(uint64_t),
                ngx_ess_exchange_overlap_compare);
    if (p == NULL) {
        return 0;
    }

    i = p - o->prints;

    if (o->came[i]) {
        return 0;
    }

    o->came[i] = 1;

    return 1;
}


void
ngx_ess_exchange_overlap_again(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o) {
        ngx_memzero(o->came, sizeof(o->came));
        o->left += ngx_ess_exchange_slot_prefetch(slot->worker);
    }
}


void
ngx_ess_exchange_overlap_forget(ngx_ess_exchange_slot_t *slot)
{
    if (slot->overlap) {
        ngx_free(slot->overlap);
        slot->overlap = NULL;
    }
}
