/*
 * Bytes of a session, in and out, and its heartbeats.
 */


#ifndef _NGX_ESS_AMQP_IO_H_INCLUDED_
#define _NGX_ESS_AMQP_IO_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_amqp_codec.h"


/* unsent bytes from which on ops wait */
#define NGX_ESS_AMQP_OUT_HIGH        (1024 * 1024)

/* room that one method gets */
#define NGX_ESS_AMQP_METHOD_MAX      16384


typedef struct {
    ngx_ess_amqp_codec_t           codec;
    ngx_buf_t                      in;
    ngx_buf_t                      out;

    ngx_msec_t                     heartbeat;   /* ms agreed, 0: none */
    ngx_msec_t                     sent_at;
    ngx_msec_t                     received_at;

    ngx_event_t                    heartbeat_timer;
    ngx_event_t                    flush;       /* posted: pump and send */

    unsigned                       broken:1;    /* close it, from the event */
    unsigned                       paused:1;    /* nothing is read */
} ngx_ess_amqp_io_t;


/* takes a frame; NGX_OK, or NGX_ERROR, logged */
typedef ngx_int_t (*ngx_ess_amqp_io_frame_pt)(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_frame_t *frame);


/* Begins with the protocol header, on a connection that is there.  NGX_ERROR,
   logged: no memory. */
ngx_int_t ngx_ess_amqp_io_start(ngx_ess_amqp_session_t *s);

/* Buffers, codec and timers of the connection go. */
void ngx_ess_amqp_io_close(ngx_ess_amqp_session_t *s);

/* Reads and hands on what frames there are, in a slice.  NGX_ERROR, logged:
   the connection is over. */
ngx_int_t ngx_ess_amqp_io_read(ngx_ess_amqp_session_t *s,
    ngx_ess_amqp_io_frame_pt handler);

/* "size" bytes fit behind out.last.  NGX_ERROR: no memory, or too much
   unsent. */
ngx_int_t ngx_ess_amqp_io_room(ngx_ess_amqp_session_t *s, size_t size);

/* Queues a method, with its fields, or NULL where it has none; NGX_ERROR: no
   memory, too much unsent, or it cannot be encoded. */
ngx_int_t ngx_ess_amqp_io_method(ngx_ess_amqp_session_t *s,
    ngx_uint_t channel, amqp_method_number_t method, void *decoded);

/* The same without which the connection cannot go on: an error is logged. */
ngx_int_t ngx_ess_amqp_io_answer(ngx_ess_amqp_session_t *s,
    ngx_uint_t channel, amqp_method_number_t method, void *decoded);

/* as ngx_ess_amqp_flush() */
void ngx_ess_amqp_io_flush(ngx_ess_amqp_session_t *s);

/* Four times in an interval.  NGX_ERROR, logged: the broker is silent. */
ngx_int_t ngx_ess_amqp_io_heartbeat(ngx_ess_amqp_session_t *s);


#endif /* _NGX_ESS_AMQP_IO_H_INCLUDED_ */
