/*
 * RabbitMQ streams that are followed, over a fake session: see fake_follow.h.
 */


#ifndef _FAKE_STREAMS_H_INCLUDED_
#define _FAKE_STREAMS_H_INCLUDED_


#include "ngx_ess_rabbitmq_streams.h"
#include "ngx_ess_amqp_reader.h"
#include "amqp/fake_amqp.h"
#include "source/fake_follow.h"


/* ms: the last event that is known has to come */
#define SILENT  2000


extern ngx_ess_rabbitmq_streams_t  streams;


int follow_setup(void **state);

/* The process ends; it fails if anything is left. */
int follow_teardown(void **state);

/* for the next case of a table */
void follow_anew(void);

/* This worker follows, with client "a" attached, on channel 1; the next event
   is that one, the last one that was there has come. */
void follows(uint64_t ordinal);


#endif /* _FAKE_STREAMS_H_INCLUDED_ */
