/*
 * Channels of a session in place of src/amqp, and calls that are made on them.
 * What is asked and sent are lines of ngx_trace.h, each with the number of its
 * channel, the first one that was opened being 0.
 */


#ifndef _FAKE_CALL_CHANNELS_H_INCLUDED_
#define _FAKE_CALL_CHANNELS_H_INCLUDED_


#include "ngx_ess_call_channel.h"


#define FAKE_CALLS    8

/* exchanges */
#define FAKE_DEFAULT  0
#define FAKE_JOBS     1
#define FAKE_UNUSED   2


struct ngx_ess_amqp_channel_s {
    void                                   *data;
    const ngx_ess_amqp_channel_handlers_t  *handlers;
    ngx_ess_amqp_op_t                      *op;     /* that was not answered */
};


extern ngx_log_t                fake_log;
extern ngx_ess_rpc_conf_t       fake_conf;
extern ngx_ess_amqp_channel_t   fake_channels[8];
extern ngx_ess_amqp_session_t  *fake_session;
extern ngx_ess_call_message_t   fake_calls[FAKE_CALLS];
extern ngx_uint_t               fake_no_channel;    /* none can be opened */
extern ngx_uint_t               fake_no_memory;     /* at start */


int fake_setup(void **state);
int fake_teardown(void **state);

/* Call "i" is made. */
void fake_call(ngx_uint_t i, ngx_uint_t exchange);

/* The operation of channel "n" is answered. */
void fake_answers(ngx_uint_t n, ngx_int_t rc, ngx_uint_t code,
    const char *words);
void fake_ok(ngx_uint_t n);

/* The broker closes the channel with code 406; confirms a message; sends the
   reply to call "i". */
void fake_closes(ngx_uint_t n, const char *words);
void fake_confirms(ngx_uint_t n, uint64_t tag);
void fake_replies(ngx_uint_t n, ngx_uint_t i);

/* A session is there: 0 is the channel of the default exchange, 1 that of
   "jobs", and it has confirmed a message.  It ends. */
void fake_opened(void);
void fake_lost(void);


#endif /* _FAKE_CALL_CHANNELS_H_INCLUDED_ */
