/*
 * What a location of ess_events answers: JSON, and {"detail": …} of what is
 * wrong.
 */


#ifndef _NGX_ESS_EVENTS_ANSWER_H_INCLUDED_
#define _NGX_ESS_EVENTS_ANSWER_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_events_args.h"


/*
 * Each returns what is to be given to ngx_http_finalize_request().
 */

/* Status and JSON, which is to live as long as the request's pool; NULL:
   without a body. */
ngx_int_t ngx_ess_events_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);

/* A text: what is in "text", if it is not NULL, behind "head". */
ngx_int_t ngx_ess_events_answer_detail(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text, const char *head);

/* A list of one text, of where in the request something is wrong. */
ngx_int_t ngx_ess_events_answer_wrong(ngx_http_request_t *r, const char *fmt,
    ...);

/* The same of each parameter of the query string that is wrong. */
ngx_int_t ngx_ess_events_answer_args(ngx_http_request_t *r,
    const ngx_ess_events_args_t *args);

/* 503 with Retry-After, and why. */
ngx_int_t ngx_ess_events_answer_retry(ngx_http_request_t *r,
    const char *text);

/* Of what would be finalized with "rc", and of all that can fail: NGX_ERROR, if
   nothing was sent yet, is a 500, for nginx closes the connection else. */
ngx_int_t ngx_ess_events_answer_rc(ngx_http_request_t *r, ngx_int_t rc);

/* The header Allow.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_events_answer_allow(ngx_http_request_t *r,
    ngx_uint_t collection);


#endif /* _NGX_ESS_EVENTS_ANSWER_H_INCLUDED_ */
