
/*
 * Lines of HTTP headers that nginx has no field for.
 */


#ifndef _NGX_ESS_HEADER_H_INCLUDED_
#define _NGX_ESS_HEADER_H_INCLUDED_


#include "ngx_ess.h"


/* where a walk over the request's lines has come to; zeroed: to none yet */

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        next;                 /* in the part */
} ngx_ess_header_at_t;


/*
 * The request's next line with the name, whatever its case; "at" goes on
 * behind it, so that a walk looks at each line once (NULL: the first one is
 * wanted).  NULL: there is none.
 */
ngx_table_elt_t *ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_ess_header_at_t *at);

/* 1: the value has no control characters, and so may become a header, or a
   part of one. */
ngx_uint_t ngx_ess_header_is_clean(const u_char *data, size_t len);

/* One more line for the response; name and value are to live as long as the
   request.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_header_add(ngx_http_request_t *r, const char *name,
    const void *value, size_t len);

/* The same; the line, for those of which nginx keeps a pointer; NULL: no
   memory. */
ngx_table_elt_t *ngx_ess_header_push(ngx_http_request_t *r, const char *name,
    const void *value, size_t len);


#endif /* _NGX_ESS_HEADER_H_INCLUDED_ */
