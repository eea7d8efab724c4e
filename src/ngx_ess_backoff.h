/*
 * How long to wait before what failed is tried again.
 */


#ifndef _NGX_ESS_BACKOFF_H_INCLUDED_
#define _NGX_ESS_BACKOFF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* ms; doubles from 50 to 1000, with jitter.  "attempt" counts from 0. */
ngx_msec_t ngx_ess_backoff(ngx_uint_t attempt);


#endif /* _NGX_ESS_BACKOFF_H_INCLUDED_ */
