/*
 * AMQP 0-9-1: bytes <-> frames, over rabbitmq-c's coder.  No I/O, no calls
 * into nginx, so that unit tests and a fuzzer can run it by itself.
 */


#ifndef _NGX_ESS_AMQP_CODEC_H_INCLUDED_
#define _NGX_ESS_AMQP_CODEC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_rabbitmq_c.h"


/* what a frame is before anything was agreed; some brokers' connection.start
   is larger than the 4096 of the specification */
#define NGX_ESS_AMQP_FRAME_INITIAL    65536

/* the whole frame, with header and end octet */
#define NGX_ESS_AMQP_FRAME_MIN        4096
#define NGX_ESS_AMQP_FRAME_MAX        131072

/* header (type, channel, size) and end octet around a frame's payload */
#define NGX_ESS_AMQP_FRAME_HEADER     7
#define NGX_ESS_AMQP_FRAME_OVERHEAD   8

/* "AMQP", 0, 0, 9, 1 */
#define NGX_ESS_AMQP_PROTOCOL_LEN     8
extern const u_char  ngx_ess_amqp_codec_protocol[NGX_ESS_AMQP_PROTOCOL_LEN];


typedef struct {
    amqp_connection_state_t   state;        /* rabbitmq-c's, without socket */
    size_t                    frame_max;    /* bytes, the whole frame */
    ngx_uint_t                channel_max;  /* highest number ever opened */
    size_t                    need;         /* after NGX_AGAIN: bytes that the
                                               frame takes as a whole, as far
                                               as known */
    const char               *error;        /* after NGX_ERROR */
} ngx_ess_amqp_codec_t;


/*
 * A frame.  Decoded memory (method, properties, raw) belongs to the codec
 * until ngx_ess_amqp_codec_release() of the channel; "body" is within the
 * input.
 */

typedef struct {
    ngx_uint_t                type;         /* AMQP_FRAME_METHOD, HEADER, BODY
                                               or HEARTBEAT */
    ngx_uint_t                channel;

    amqp_method_number_t      method;       /* of a method */
    void                     *decoded;

    uint64_t                  body_size;    /* of a header */
    amqp_basic_properties_t  *properties;
    ngx_str_t                 raw;          /* properties as received */
    unsigned                  undecoded:1;  /* properties that make no sense:
                                               given as empty */

    ngx_str_t                 body;         /* of a body */
} ngx_ess_amqp_frame_t;


/* NGX_OK or NGX_ERROR (no memory).  Before the first frame. */
ngx_int_t ngx_ess_amqp_codec_init(ngx_ess_amqp_codec_t *codec);
void ngx_ess_amqp_codec_done(ngx_ess_amqp_codec_t *codec);

/* The frame size that was agreed.  NGX_OK or NGX_ERROR (no memory). */
ngx_int_t ngx_ess_amqp_codec_tune(ngx_ess_amqp_codec_t *codec,
    size_t frame_max);

/*
 * NGX_OK: *used bytes were a frame.  NGX_AGAIN: the input holds only a part
 * of one.  NGX_ERROR: this is no AMQP, codec->error says why; the connection
 * has to be closed, the codec can only be done with.  The input is changed
 * where a table in it makes no sense.
 */
ngx_int_t ngx_ess_amqp_codec_parse(ngx_ess_amqp_codec_t *codec,
    ngx_ess_amqp_frame_t *frame, u_char *data, size_t len, size_t *used);

/*
 * Properties as they were received ("raw" of a frame, or a copy), which may
 * change where a table in them makes no sense: what that is decoded to is of
 * the pool, and of "raw".  NULL: no memory.  Those that make no sense, or none
 * at all, are given as empty.
 */
amqp_basic_properties_t *ngx_ess_amqp_codec_raw(ngx_str_t *raw,
    amqp_pool_t *pool);

/* Nothing that was decoded on that channel is needed any more. */
void ngx_ess_amqp_codec_release(ngx_ess_amqp_codec_t *codec,
    ngx_uint_t channel);

/* Writes a method's frame; its length, or 0: it does not fit into "size". */
size_t ngx_ess_amqp_codec_method(u_char *buf, size_t size, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded);

/* Writes the frame of a content's header; its length, or 0: it does not
   fit. */
size_t ngx_ess_amqp_codec_header(u_char *buf, size_t size, ngx_uint_t channel,
    uint64_t body_size, amqp_basic_properties_t *properties);

/* Writes a frame of a body, of len + NGX_ESS_AMQP_FRAME_OVERHEAD bytes; its
   length. */
size_t ngx_ess_amqp_codec_body(u_char *buf, ngx_uint_t channel,
    const u_char *data, size_t len);

/* Writes a heartbeat of NGX_ESS_AMQP_FRAME_OVERHEAD bytes; its length. */
size_t ngx_ess_amqp_codec_heartbeat(u_char *buf);

/* What a method is called, for the log. */
const char *ngx_ess_amqp_codec_name(amqp_method_number_t method);


#endif /* _NGX_ESS_AMQP_CODEC_H_INCLUDED_ */
