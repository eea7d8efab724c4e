/*
 * Channels of a session.
 */


#ifndef _NGX_ESS_AMQP_CHANNEL_H_INCLUDED_
#define _NGX_ESS_AMQP_CHANNEL_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


/* a delivery; its memory is valid during the call only */

typedef struct {
    uint64_t                     delivery_tag;
    ngx_uint_t                   tag;       /* number in the consumer's tag */
    unsigned                     redelivered:1;
    ngx_str_t                    exchange;
    ngx_str_t                    key;
    amqp_basic_properties_t     *properties;
    ngx_str_t                    raw_properties;    /* as received, for the
                                                       fingerprint */
    ngx_str_t                    body;      /* with over_size, its end */
    uint64_t                     body_size;
    unsigned                     over_size:1;   /* over max_event: skipped */
} ngx_ess_amqp_delivery_t;


/*
 * Of one channel; each may be NULL.  What the broker says of a consumer that
 * nobody has is passed over; a confirm that nobody waits for ends the
 * connection.
 */

struct ngx_ess_amqp_channel_handlers_s {
    void   (*delivery)(ngx_ess_amqp_channel_t *ch,
               ngx_ess_amqp_delivery_t *delivery);

    /* the broker cancelled a consumer, for its queue is gone; "tag" is the
       number in the consumer's tag */
    void   (*canceled)(ngx_ess_amqp_channel_t *ch, ngx_uint_t tag);

    /* the broker closed the channel although no op was waiting on it, or after
       the op was answered with NGX_DECLINED: it is being opened again; its
       consumers are gone; "text" is the broker's */
    void   (*reopened)(ngx_ess_amqp_channel_t *ch, ngx_uint_t code,
               ngx_str_t *text);

    /* ngx_ess_amqp_channel_close() was answered: the broker has handled all
       that was sent on it.  Not called when the session ends before. */
    void   (*closed)(ngx_ess_amqp_channel_t *ch);

    /* what ngx_ess_amqp_publish() sent as number "tag" (with "multiple" all up
       to it) the broker has, or has not */
    void   (*confirmed)(ngx_ess_amqp_channel_t *ch, uint64_t tag,
               ngx_uint_t multiple, ngx_uint_t ok);

    /* it found no queue for an event, before it confirms it, whose message id
       ends with that number (0: none) and whose routing key this is */
    void   (*returned)(ngx_ess_amqp_channel_t *ch, uint64_t number,
               ngx_str_t *key);
};


/* Opens a channel; only in or after the open handler.  NULL: no memory.
   Ops may be added at once.  "data" is for the caller. */
ngx_ess_amqp_channel_t *ngx_ess_amqp_channel(ngx_ess_amqp_session_t *s,
    const ngx_ess_amqp_channel_handlers_t *handlers, void *data);
void *ngx_ess_amqp_channel_data(ngx_ess_amqp_channel_t *ch);

/* channel.close; deliveries that still arrive on it are dropped; ops are
   answered with NGX_ABORT; "ch" must not be used any more, but by the handler
   closed. */
void ngx_ess_amqp_channel_close(ngx_ess_amqp_channel_t *ch);

/* Acknowledges all deliveries up to the tag.  NGX_OK or NGX_ERROR; also when
   the channel is being opened again: what was delivered on it before is
   void. */
ngx_int_t ngx_ess_amqp_ack(ngx_ess_amqp_channel_t *ch, uint64_t tag);

/* That delivery alone, which must not have been settled: acknowledged, or
   refused: given to another consumer, or dropped.  As above. */
ngx_int_t ngx_ess_amqp_ack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag);
ngx_int_t ngx_ess_amqp_nack_one(ngx_ess_amqp_channel_t *ch, uint64_t tag,
    ngx_uint_t requeue);


/* Of the session: a frame for a channel.  NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_amqp_channel_frame(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);

void ngx_ess_amqp_channel_free_all(ngx_ess_amqp_session_t *s);


#endif /* _NGX_ESS_AMQP_CHANNEL_H_INCLUDED_ */
