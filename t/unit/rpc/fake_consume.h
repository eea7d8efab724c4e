/*
 * Messages without a broker and without requests: what would be done with one
 * is a line of ngx_trace.h that begins with its letter, and the test says how
 * that ends.
 *
 *     a: request
 *     a: counted ack
 *     a: ack
 *     a: freed
 */


#ifndef _FAKE_CONSUME_H_INCLUDED_
#define _FAKE_CONSUME_H_INCLUDED_


#include "ngx_ess_consume.h"
#include "ngx_ess_consume_message.h"


#define FAKE_MESSAGES  8


extern ngx_ess_consume_conf_t      fake_conf;
extern ngx_ess_consume_message_t  *fake_messages[FAKE_MESSAGES];    /* NULL:
                                                   freed */

/* of the messages that are delivered then */
extern ngx_uint_t                  fake_rpc;        /* somebody waits */
extern ngx_uint_t                  fake_over_size;
extern ngx_uint_t                  fake_packed;
extern ngx_str_t                   fake_reply_to;
extern ngx_msec_t                  fake_expiration;     /* 0: none */

extern ngx_uint_t                  fake_room;       /* for requests */
extern ngx_uint_t                  fake_no_memory;  /* for anything */
extern ngx_int_t                   fake_request;    /* to make one is */
extern ngx_int_t                   fake_inflated;   /* how that ends */
extern ngx_uint_t                  fake_slices;     /* after so many */
extern ngx_uint_t                  fake_leaving;    /* the queue is left */


int fake_setup(void **state);
int fake_teardown(void **state);

/* The next message comes; what is posted has run. */
void fake_delivers(void);

/* The request of message "i" ends. */
void fake_responds(ngx_uint_t i, ngx_uint_t status);
void fake_ends(ngx_uint_t i, ngx_ess_request_end_e end, ngx_uint_t status);

/* What is published for it is confirmed, or not. */
void fake_settles(ngx_uint_t i, ngx_int_t rc);

/* The channel of all of them is gone. */
void fake_lost(void);


#endif /* _FAKE_CONSUME_H_INCLUDED_ */
