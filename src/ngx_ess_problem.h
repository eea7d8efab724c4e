/*
 * Problem details (RFC 9457): what every refusal says.
 */


#ifndef _NGX_ESS_PROBLEM_H_INCLUDED_
#define _NGX_ESS_PROBLEM_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_PROBLEM_TYPE     "application/problem+json"

/* where clients know {"detail": …} alone: "plain" of ngx_ess_conf_serves_t */
#define NGX_ESS_PROBLEM_PLAIN    "application/json"

/* nginx has no name for it */
#define NGX_ESS_PROBLEM_UPGRADE  426


/* What nginx's own answer with that status is to say: the request's context of
   ngx_ess_filter_module, which writes it. */

typedef struct {
    ngx_uint_t               status;
    ngx_str_t                json;
    unsigned                 pending:1;     /* it is the body, and is still to
                                               be sent */
} ngx_ess_problem_t;


/*
 * Keeps with the request why it is refused, and returns the status, which is
 * to be given to nginx: an "error_page" of the operator's counts more.  500
 * when there is no memory.  fmt as in ngx_sprintf(), cut at 1 KiB.
 */
ngx_int_t ngx_ess_problem_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);

/* The same, with Retry-After, of a second. */
ngx_int_t ngx_ess_problem_retry(ngx_http_request_t *r, const char *fmt, ...);

/* 1: the location's refusals are of that kind. */
ngx_uint_t ngx_ess_problem_is_plain(ngx_http_request_t *r);

/* The JSON, in the request's pool.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_problem_json(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, va_list args, ngx_str_t *json);

/* What to say of a status of nginx's own; NULL: no memory. */
ngx_ess_problem_t *ngx_ess_problem_default(ngx_http_request_t *r,
    ngx_uint_t status);

/* The status line; len 0: it is not known. */
ngx_str_t *ngx_ess_problem_line(ngx_uint_t status);


#endif /* _NGX_ESS_PROBLEM_H_INCLUDED_ */
