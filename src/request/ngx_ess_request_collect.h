/*
 * The bytes of a response, as they come, in one piece of memory.
 */


#ifndef _NGX_ESS_REQUEST_COLLECT_H_INCLUDED_
#define _NGX_ESS_REQUEST_COLLECT_H_INCLUDED_


#include "ngx_ess.h"


/* zeroed, but "max" */

typedef struct {
    ngx_str_t                body;          /* of ngx_alloc() */
    size_t                   size;          /* that is allocated */
    size_t                   max;           /* bytes of the body */
    unsigned                 last:1;        /* all of it is here */
} ngx_ess_request_collect_t;


/*
 * Takes all of the chain, and marks its buffers as sent; what comes behind the
 * last one is dropped.  "expected": bytes of the whole body, -1: not known.
 * Adds to "taken".  NGX_OK; NGX_DECLINED: it is more than "max", or is going to
 * be; NGX_ERROR: no memory, or a buffer that is in a file only.
 */
ngx_int_t ngx_ess_request_collect(ngx_ess_request_collect_t *collect,
    ngx_chain_t *in, off_t expected, off_t *taken, ngx_log_t *log);

/* Frees the body. */
void ngx_ess_request_collect_free(ngx_ess_request_collect_t *collect);


#endif /* _NGX_ESS_REQUEST_COLLECT_H_INCLUDED_ */
