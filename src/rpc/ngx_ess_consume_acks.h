/*
 * What became of the deliveries of a channel, until the broker is told: as few
 * acknowledgements as may be.
 */


#ifndef _NGX_ESS_CONSUME_ACKS_H_INCLUDED_
#define _NGX_ESS_CONSUME_ACKS_H_INCLUDED_


#include "ngx_ess_consume_queue.h"


typedef struct {
    uint64_t                 tag;
    ngx_ess_consume_settle_e how;
} ngx_ess_consume_ack_t;


typedef struct {
    ngx_ess_consume_ack_t   *elts;
    ngx_uint_t               nelts;
    ngx_uint_t               nalloc;
} ngx_ess_consume_acks_t;


/* Makes room for so many in all.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_consume_acks_room(ngx_ess_consume_acks_t *acks,
    ngx_uint_t n, ngx_log_t *log);
void ngx_ess_consume_acks_free(ngx_ess_consume_acks_t *acks);

/* Within that room. */
void ngx_ess_consume_acks_add(ngx_ess_consume_acks_t *acks, uint64_t tag,
    ngx_ess_consume_settle_e how);

/*
 * Tells the broker, but without "requeue" of none that is given back.  All
 * deliveries below the tag "oldest" are settled, or in "acks".  NGX_AGAIN:
 * there was no room for all of it.
 */
ngx_int_t ngx_ess_consume_acks_send(ngx_ess_consume_acks_t *acks,
    ngx_ess_amqp_channel_t *ch, uint64_t oldest, ngx_uint_t requeue);


#endif /* _NGX_ESS_CONSUME_ACKS_H_INCLUDED_ */
