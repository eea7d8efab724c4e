/*
 * An event log whose answers the test gives: "abc" is the only one.  It writes
 * lines of ngx_trace.h:
 *
 *     after 13
 *     before 14
 *     last 256
 *     since 1000
 */


#ifndef _FAKE_EVENT_LOG_H_INCLUDED_
#define _FAKE_EVENT_LOG_H_INCLUDED_


#include "ngx_ess_event_log.h"


extern ngx_array_t  fake_logs;

/* of the database: 0xe, unless the test sets another one */
extern uint64_t     fake_epoch;


/* Forgets the question of the test before. */
void fake_event_log_init(void);

/* 1: a question waits for its answer. */
ngx_uint_t fake_asked(void);

/* The answer: events from "first" to "last", 1000 ms and their seq; first
   above last: the newest first; 0: none.  More are behind that. */
void fake_answers(uint64_t first, uint64_t last, ngx_uint_t more);
void fake_answers_busy(void);

/* How many answers were not freed. */
ngx_uint_t fake_held(void);


#endif /* _FAKE_EVENT_LOG_H_INCLUDED_ */
