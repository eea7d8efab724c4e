/*
 * An event log in a temporary folder, for unit tests of its database.
 */


#ifndef FAKE_EVENT_LOG_H
#define FAKE_EVENT_LOG_H


#include "ngx_ess_event_log_sqlite.h"


extern ngx_ess_event_log_t        fake_log;
extern void                      *fake_log_handle;
extern ngx_ess_event_log_event_t  fake_log_events[5000];
extern ngx_ess_event_log_query_t  fake_log_query;
extern char                       fake_log_file[256];
extern ngx_cycle_t                fake_log_cycle;


/* of cmocka; the log has a handle, and nothing is in it */
int fake_log_setup(void **state);
int fake_log_teardown(void **state);

/* Another handle: what is said in fake_log counts. */
void fake_log_again(void);

/* By another program. */
void fake_log_execute(const char *sql);

/* Sets fake_log_events[i]. */
void fake_log_event(ngx_uint_t i, const char *id, const char *type,
    int64_t time, const char *body);

/* Inserts the first n of them; its rc. */
ngx_int_t fake_log_insert(ngx_uint_t n, ngx_uint_t atomic);

/* n events of types a and b, times 1000, 1001, ..., each four times */
void fake_log_fill(ngx_uint_t n);

/* What fake_log_query says; its rc. */
ngx_int_t fake_log_ask(void);
void fake_log_done(void);

/* All events; uses fake_log_query. */
uint64_t fake_log_total(void);


#endif
