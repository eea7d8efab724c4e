/*
 * Whose turn it is: messages wait until fewer than "concurrency" of their queue
 * are in work, and there is a connection.
 */


#ifndef _NGX_ESS_CONSUME_TURN_H_INCLUDED_
#define _NGX_ESS_CONSUME_TURN_H_INCLUDED_


#include "ngx_ess_consume_message.h"


/* a queue's part in this worker */

struct ngx_ess_consume_place_s {
    ngx_queue_t              waiting;       /* messages, in order */
    ngx_queue_t              link;          /* if listed: those with messages
                                               that may be begun */
    ngx_uint_t               in_work;       /* requests, those of lost
                                               deliveries as well */

    /* of ngx_ess_consume_fail.c: when it was logged last that */
    time_t                   died;          /* a message is dead */
    time_t                   refused;       /* a reply was refused */
    time_t                   waited;        /* a dead message is not taken */

    unsigned                 listed:1;
};


/* It is a message's turn, which is in no list and in work; NGX_OK, or
   NGX_ERROR: it waits again. */
typedef ngx_int_t (*ngx_ess_consume_turn_pt)(ngx_ess_consume_message_t *msg);


/* The worker's.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_consume_turn_init(ngx_ess_rpc_conf_t *conf,
    ngx_ess_consume_turn_pt begin, ngx_log_t *log);
void ngx_ess_consume_turn_exit(void);

/* That of the queue. */
ngx_ess_consume_place_t *ngx_ess_consume_turn_place(
    ngx_ess_consume_conf_queue_t *queue);

/* It waits, as the last one of its queue. */
void ngx_ess_consume_turn_wait(ngx_ess_consume_message_t *msg);

/* It was its turn, and there was no connection or no memory: so it is in front
   of all, a little later. */
void ngx_ess_consume_turn_wait_again(ngx_ess_consume_message_t *msg);

/* It is not in work any more, if it was. */
void ngx_ess_consume_turn_release(ngx_ess_consume_message_t *msg);

/* It neither waits nor is in work any more. */
void ngx_ess_consume_turn_leave(ngx_ess_consume_message_t *msg);

/* There are connections again: no need to wait for the time to look. */
void ngx_ess_consume_turn_look(void);


#endif /* _NGX_ESS_CONSUME_TURN_H_INCLUDED_ */
