/*
 * What the parts of the HTTP API answer.
 */


#ifndef _NGX_ESS_API_ANSWER_H_INCLUDED_
#define _NGX_ESS_API_ANSWER_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Answers, sent at once and never replaced by nginx's error pages.  They
 * discard a body that was not read, and return what is to be given to
 * ngx_http_finalize_request().
 */

/* Status and JSON; json NULL: without a body. */
ngx_int_t ngx_ess_api_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);

/* 200 and JSON: "head", up to the quote before its last text, and that text,
   escaped. */
ngx_int_t ngx_ess_api_send_text(ngx_http_request_t *r, ngx_str_t *head,
    ngx_str_t *text);

/* The same of another type; text NULL: without a body. */
ngx_int_t ngx_ess_api_output(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text);

/* Header fields of an answer; content_length -1: not known. */
ngx_int_t ngx_ess_api_send_header(ngx_http_request_t *r, ngx_uint_t status,
    off_t content_length);

/* RFC 9457; fmt as in ngx_sprintf(), cut at 1 KiB. */
ngx_int_t ngx_ess_api_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);

/* Adds Retry-After, of a second: a broker that was silent is asked again
   soon. */
ngx_int_t ngx_ess_api_retry_after(ngx_http_request_t *r);

/* To a method that is none of these: what is allowed, and 204 to OPTIONS, 405
   to others. */
ngx_int_t ngx_ess_api_not_allowed(ngx_http_request_t *r, ngx_uint_t methods);


#endif /* _NGX_ESS_API_ANSWER_H_INCLUDED_ */
