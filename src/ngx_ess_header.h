
/*
 * Lines of HTTP headers that nginx has no field for.
 */


#ifndef _NGX_ESS_HEADER_H_INCLUDED_
#define _NGX_ESS_HEADER_H_INCLUDED_


#include "ngx_ess.h"


/*
 * The first of the request's lines behind "prev" (NULL: of all) with the name,
 * whatever its case.  A walk looks at each line once.  NULL: there is none.
 */
ngx_table_elt_t *ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev);

/* 1: the token, whatever its case, is in the comma separated list of one of the
   request's lines with that name. */
ngx_uint_t ngx_ess_header_lists(ngx_http_request_t *r, const char *name,
    const char *token);

/* 1: the value has no control characters, and so may become a header, or a
   part of one. */
ngx_uint_t ngx_ess_header_is_clean(const u_char *data, size_t len);

/* Takes the response's lines with that name away, whatever its case. */
void ngx_ess_header_drop(ngx_http_request_t *r, const char *name);

/* One more line for the response; name and value are to live as long as the
   request.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_header_add(ngx_http_request_t *r, const char *name,
    const void *value, size_t len);

/* The same, unless the response has a line with that name. */
ngx_int_t ngx_ess_header_default(ngx_http_request_t *r, const char *name,
    const void *value, size_t len);

/* As ngx_ess_header_add(); the line, for those of which nginx keeps a pointer;
   NULL: no memory. */
ngx_table_elt_t *ngx_ess_header_push(ngx_http_request_t *r, const char *name,
    const void *value, size_t len);


#endif /* _NGX_ESS_HEADER_H_INCLUDED_ */
