/*
 * Replays of RabbitMQ streams, over a fake session: see fake_taker.h.
 */


#ifndef _FAKE_REPLAYS_H_INCLUDED_
#define _FAKE_REPLAYS_H_INCLUDED_


#include "ngx_ess_rabbitmq_replay.h"
#include "amqp/fake_amqp.h"
#include "source/fake_taker.h"


/* Both are for cmocka's setup and teardown; the latter fails if anything is
   left. */
int taker_setup(void **state);
int taker_teardown(void **state);

/* As taker_start(), with the session open and the consumer there: the number
   of its channel is fake.opened. */
taker_t *taker_reads(const char *name, uint64_t ordinal);


#endif /* _FAKE_REPLAYS_H_INCLUDED_ */
