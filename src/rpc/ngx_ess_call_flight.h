/*
 * Calls in flight: those of one channel, on three lists by how far they are.
 * Who waits for a reply is found by its correlation id, on whatever channel it
 * comes.  Of one worker.
 */


#ifndef _NGX_ESS_CALL_FLIGHT_H_INCLUDED_
#define _NGX_ESS_CALL_FLIGHT_H_INCLUDED_


#include "ngx_ess_call_message.h"


struct ngx_ess_call_flight_s {
    ngx_str_t                exchange;
    ngx_ess_amqp_channel_t  *channel;       /* NULL: there is none */
    ngx_queue_t              waiting;       /* of ngx_ess_call_message_t */
    ngx_queue_t              sent;          /* in order of their tags */
    ngx_queue_t              confirmed;
    uint64_t                 tag;           /* of the last one sent; 0 on a
                                               channel that was just opened */
    ngx_str_t               *refused;       /* why none is taken; NULL: they
                                               are, or wait */
    unsigned                 ready:1;       /* they are sent */
};


/* The worker's, before all others. */
void ngx_ess_call_flight_init(ngx_log_t *log);

/* One channel's, zeroed. */
void ngx_ess_call_flight_create(ngx_ess_call_flight_t *f,
    ngx_str_t *exchange);

/* Why no message of any channel is taken; NULL: they are. */
void ngx_ess_call_flight_down(ngx_str_t *why);

/* The session is another one, that has confirmed nothing so far. */
void ngx_ess_call_flight_unproven(void);

void ngx_ess_call_flight_publish(ngx_ess_call_flight_t *f,
    ngx_ess_call_message_t *m);

/* The handler is not called any more; the broker may have it already.  May be
   called at any time. */
void ngx_ess_call_flight_cancel(ngx_ess_call_message_t *m);

/* Sends what can be sent. */
void ngx_ess_call_flight_pump(ngx_ess_call_flight_t *f);

/* Of what was sent nothing will be answered, or nothing at all. */
void ngx_ess_call_flight_fail_sent(ngx_ess_call_flight_t *f, ngx_str_t *why);
void ngx_ess_call_flight_fail(ngx_ess_call_flight_t *f, ngx_str_t *why);

/* Nothing is with the broker for sure but what it confirmed, which stays. */
void ngx_ess_call_flight_fail_unconfirmed(ngx_ess_call_flight_t *f,
    ngx_str_t *why);

/* What the broker says, as ngx_ess_amqp_channel_handlers_t has it.
   _confirmed() returns 1 when more can be sent on all channels. */
ngx_uint_t ngx_ess_call_flight_confirmed(ngx_ess_call_flight_t *f,
    uint64_t tag, ngx_uint_t multiple, ngx_uint_t ok);
void ngx_ess_call_flight_returned(ngx_ess_call_flight_t *f, uint64_t number);
void ngx_ess_call_flight_delivery(ngx_ess_amqp_delivery_t *d);


#endif /* _NGX_ESS_CALL_FLIGHT_H_INCLUDED_ */
