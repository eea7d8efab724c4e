/*
 * What a response means for its message, and how long to wait before the next
 * try.  Pure functions, but for the random number.
 */


#ifndef _NGX_ESS_CONSUME_RETRY_H_INCLUDED_
#define _NGX_ESS_CONSUME_RETRY_H_INCLUDED_


#include "ngx_ess_request.h"


typedef enum {
    NGX_ESS_CONSUME_RETRY_DONE = 0,     /* it is to be answered, or is done */
    NGX_ESS_CONSUME_RETRY_AGAIN,        /* it is to be tried again, if it may */
    NGX_ESS_CONSUME_RETRY_NEVER         /* it failed for good */
} ngx_ess_consume_retry_e;


/* "rpc": somebody waits for a reply */
ngx_ess_consume_retry_e ngx_ess_consume_retry(ngx_uint_t rpc,
    ngx_ess_request_end_e end, ngx_uint_t status);

/* ms before the try that follows "attempts" of them, from 1 on: "delay", which
   doubles up to a minute, with jitter. */
ngx_msec_t ngx_ess_consume_retry_delay(ngx_msec_t delay, ngx_uint_t attempts);

/* What a header Retry-After says, in ms, at most 5 minutes; "now" in seconds
   since 1970.  NGX_TIMER_INFINITE: nothing that makes sense. */
ngx_msec_t ngx_ess_consume_retry_after(ngx_str_t *value, time_t now);


#endif /* _NGX_ESS_CONSUME_RETRY_H_INCLUDED_ */
