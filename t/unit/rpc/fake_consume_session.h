/*
 * A session whose channels are those of queues, in place of src/amqp.  What is
 * asked of the broker are lines of ngx_trace.h, each with the number of its
 * channel, the first one that was opened being 0 (the one where queues are
 * declared):
 *
 *     0: find a
 *     1: qos 4
 *     1: consume a as ess-1
 *     1: ack up to 3
 *     1: close
 */


#ifndef _FAKE_CONSUME_SESSION_H_INCLUDED_
#define _FAKE_CONSUME_SESSION_H_INCLUDED_


#include "ngx_ess_consume_queue.h"


#define FAKE_QUEUES    2
#define FAKE_CHANNELS  64


struct ngx_ess_amqp_channel_s {
    void                                   *data;
    const ngx_ess_amqp_channel_handlers_t  *handlers;
    ngx_ess_amqp_op_t                      *ops[4]; /* not answered, in order */
    ngx_uint_t                              nops;
    ngx_uint_t                              closed;
    uint64_t                                tag;    /* of the last delivery */
};


extern ngx_ess_consume_conf_t         fake_consume[FAKE_QUEUES];
extern ngx_ess_consume_conf_queue_t   fake_queues[FAKE_QUEUES]; /* a, b */
extern ngx_ess_rpc_conf_t             fake_conf;
extern ngx_ess_amqp_channel_t         fake_channels[FAKE_CHANNELS];
extern ngx_ess_consume_delivery_t     fake_taken[64];
extern ngx_uint_t                     fake_ntaken;
extern ngx_uint_t                     fake_takes;       /* 0: deliveries are
                                                           left */
extern ngx_uint_t                     fake_no_channel;
extern ngx_uint_t                     fake_behind;      /* the socket takes
                                                           nothing */
extern ngx_int_t                      fake_left;        /* allocations until
                                                           one fails */
extern ngx_core_conf_t                fake_core;


int fake_setup(void **state);
int fake_teardown(void **state);

/* With so many queues. */
ngx_int_t fake_init(ngx_uint_t n);

/* A session is there; it is gone. */
void fake_open(void);
void fake_lost(void);

/* The channel's oldest operation is answered. */
void fake_answers(ngx_uint_t n, ngx_int_t rc, ngx_uint_t code,
    const char *words);
void fake_ok(ngx_uint_t n);

/* Queue "a" alone is consumed on channel 1; what is posted has run. */
void fake_consumed(void);

/* The next delivery of the channel; it closes it with that code. */
void fake_delivers(ngx_uint_t n);
void fake_closes(ngx_uint_t n, ngx_uint_t code);


#endif /* _FAKE_CONSUME_SESSION_H_INCLUDED_ */
