/*
 * Contents: deliveries, what came back, and what is published.
 */


#ifndef _NGX_ESS_AMQP_CONTENT_H_INCLUDED_
#define _NGX_ESS_AMQP_CONTENT_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


/*
 * Sends basic.publish and the content; "publish" and "properties" are the
 * caller's and are not needed afterwards.  NGX_OK: it counts as the next
 * number on this channel, from 1 after confirm.select.  NGX_AGAIN: not now,
 * the handler writable will be called.  NGX_DECLINED: it cannot be encoded: a
 * short string is longer than 255 bytes, or the properties than a frame.
 * NGX_ERROR: there is no memory, or too much unsent.  With these two nothing
 * was sent.
 */
ngx_int_t ngx_ess_amqp_publish(ngx_ess_amqp_channel_t *ch,
    amqp_basic_publish_t *publish, amqp_basic_properties_t *properties,
    ngx_str_t *body);


/* Of the channel: frames of a content; NGX_OK, or NGX_ERROR, logged. */
ngx_int_t ngx_ess_amqp_content_header(ngx_ess_amqp_channel_t *ch,
    ngx_ess_amqp_frame_t *frame);
ngx_int_t ngx_ess_amqp_content_body(ngx_ess_amqp_channel_t *ch,
    ngx_str_t *body);

/* Nothing of a content is kept. */
void ngx_ess_amqp_content_reset(ngx_ess_amqp_channel_t *ch);

/* The number at the end of a consumer's tag: "ess-7" is 7; without one 0. */
ngx_uint_t ngx_ess_amqp_content_tag(amqp_bytes_t *tag);


#endif /* _NGX_ESS_AMQP_CONTENT_H_INCLUDED_ */
