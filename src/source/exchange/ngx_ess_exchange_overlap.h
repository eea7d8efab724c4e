/*
 * Events that a slot's queue may have as well as its former queue had: those
 * that were published between a key's bind to the one and its unbind from the
 * other.
 */


#ifndef _NGX_ESS_EXCHANGE_OVERLAP_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_OVERLAP_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"
#include "ngx_ess_mark.h"


#define NGX_ESS_EXCHANGE_OVERLAP_KEYS    4096   /* bits */


struct ngx_ess_exchange_overlap_s {
    uint64_t                     left;      /* of so many that come, any may be
                                               among them */
    uint64_t                     last;      /* so many of those that were
                                               counted are to come */
    ngx_msec_t                   until;     /* then it ends, once they came */
    ngx_uint_t                   arrived;   /* 1: "until" is set */
    uint64_t                     keys[NGX_ESS_EXCHANGE_OVERLAP_KEYS / 64];
                                            /* by their hash: such an event was
                                               in the slot's queue alone */
    ngx_uint_t                   n;
    uint64_t                     prints[NGX_ESS_MARK_RECENT];
    u_char                       came[NGX_ESS_MARK_RECENT];
};


/* The former queue is empty; "mark": events that the slot had appended when it
   was found. */
void ngx_ess_exchange_overlap_remember(ngx_ess_exchange_slot_t *slot,
    uint64_t mark);

/* The slot's queue, which is consumed, has yet to send "left" events, and what
   is on its way.  Without _arrived() after it the overlap never ends. */
void ngx_ess_exchange_overlap_count(ngx_ess_exchange_slot_t *slot,
    uint64_t left);

/* What was on its way then has arrived. */
void ngx_ess_exchange_overlap_arrived(ngx_ess_exchange_slot_t *slot);

/* The next event of the slot.  1: it came from the former queue as well. */
ngx_uint_t ngx_ess_exchange_overlap_had(ngx_ess_exchange_slot_t *slot,
    ngx_ess_amqp_delivery_t *delivery, uint64_t print);

/* What was not acknowledged comes again. */
void ngx_ess_exchange_overlap_again(ngx_ess_exchange_slot_t *slot);

void ngx_ess_exchange_overlap_forget(ngx_ess_exchange_slot_t *slot);


#endif /* _NGX_ESS_EXCHANGE_OVERLAP_H_INCLUDED_ */
