
/*
 * An event that was published between a key's bind and its unbind is in both
 * queues; there are few, and they are among the last that came from the former
 * one.  A print that is there twice says nothing: such events come twice.
 *
 * A queue does not count what it has sent.  So more are looked for than it
 * counts; but they are the first of their key, and one behind an event that was
 * in this queue alone is new, whatever it looks like.  Those that it counted
 * are among what comes when all that it had sent has arrived: only then are
 * they counted down to the end.  An overlap is its slot's own worker's.
 */


#include "ngx_ess_exchange_overlap.h"
#include "ngx_ess_exchange_print.h"
#include "ngx_ess_exchange_slot.h"


/* ms in which a queue's events arrive that another node of a cluster sends */
#define NGX_ESS_EXCHANGE_OVERLAP_LATE    250

/* of those that are to come: not counted yet */
#define NGX_ESS_EXCHANGE_OVERLAP_ALL     ((uint64_t) 1 << 62)


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
    o->left = NGX_ESS_EXCHANGE_OVERLAP_ALL;

    slot->overlap = o;
}


void
ngx_ess_exchange_overlap_count(ngx_ess_exchange_slot_t *slot, uint64_t left)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o) {
        o->left = left;
        o->last = left;
        o->arrived = 0;
    }
}


void
ngx_ess_exchange_overlap_arrived(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o) {
        o->arrived = 1;
        o->until = ngx_current_msec + NGX_ESS_EXCHANGE_OVERLAP_LATE;
    }
}


/* A worker that left appended it with the print of a classic queue's. */

ngx_uint_t
ngx_ess_exchange_overlap_had(ngx_ess_exchange_slot_t *slot,
    ngx_ess_amqp_delivery_t *delivery, uint64_t print)
{
    uint64_t                    *word, bit;
    uint32_t                     hash;
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o == NULL || slot->former.state >= NGX_ESS_EXCHANGE_FORMER_BOUND) {
        /* that of a former attempt; this comes from the former queue */
        return 0;
    }

    if (o->last == 0 && o->arrived
        && (ngx_msec_int_t) (ngx_current_msec - o->until) >= 0)
    {
        ngx_ess_exchange_overlap_forget(slot);
        return 0;
    }

    if (o->last && o->arrived) {
        o->last--;
    }

    hash = ngx_murmur_hash2(delivery->key.data, delivery->key.len)
           % NGX_ESS_EXCHANGE_OVERLAP_KEYS;
    word = &o->keys[hash / 64];
    bit = (uint64_t) 1 << (hash % 64);

    if (o->left) {
        o->left--;

    } else if (*word & bit) {
        return 0;
    }

    if (ngx_ess_exchange_overlap_came(o, print)
        || ngx_ess_exchange_overlap_came(o,
               ngx_ess_exchange_print(&delivery->key,
                                      &delivery->raw_properties,
                                      &delivery->body, 0)))
    {
        return 1;
    }

    *word |= bit;

    return 0;
}


static ngx_uint_t
ngx_ess_exchange_overlap_came(ngx_ess_exchange_overlap_t *o, uint64_t print)
{
    ngx_uint_t  i, n, found;

    n = 0;
    found = 0;

    for (i = 0; i < o->n; i++) {

        if (o->prints[i] == print) {
            found = i;
            n++;
        }
    }

    if (n != 1 || o->came[found]) {
        return 0;
    }

    o->came[found] = 1;

    return 1;
}


void
ngx_ess_exchange_overlap_again(ngx_ess_exchange_slot_t *slot)
{
    ngx_ess_exchange_overlap_t  *o;

    o = slot->overlap;

    if (o) {
        ngx_memzero(o->came, sizeof(o->came));
        ngx_memzero(o->keys, sizeof(o->keys));
        o->left += ngx_ess_exchange_slot_prefetch(slot->worker);
        o->last += ngx_ess_exchange_slot_prefetch(slot->worker);
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
