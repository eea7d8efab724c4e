/*
 * Which types a request accepts: RFC 9110, 12.5.1.
 */


#ifndef _NGX_ESS_ACCEPT_H_INCLUDED_
#define _NGX_ESS_ACCEPT_H_INCLUDED_


#include "ngx_ess.h"


/* the weight of what has none */
#define NGX_ESS_ACCEPT_MOST  1000


/*
 * The weight of a type, such as "application/json", in thousandths; 0: it is
 * not accepted.  The most specific range counts, and without any line all is
 * accepted.
 */
ngx_uint_t ngx_ess_accept(ngx_http_request_t *r, const char *type);

/* The same, of a type that has to be named: a wildcard does not ask for it, nor
   does a request without a line. */
ngx_uint_t ngx_ess_accept_named(ngx_http_request_t *r, const char *type);


#endif /* _NGX_ESS_ACCEPT_H_INCLUDED_ */
