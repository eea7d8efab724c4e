/*
 * gzip (RFC 1952) of a body, in slices: bytes in, bytes out.  A codec without
 * I/O.
 */


#ifndef _NGX_ESS_GZIP_H_INCLUDED_
#define _NGX_ESS_GZIP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_ess_gzip_s  ngx_ess_gzip_t;


/* "text" stays the caller's, until the end.  NULL: no memory. */
ngx_ess_gzip_t *ngx_ess_gzip_create(ngx_str_t *text, ngx_log_t *log);
void ngx_ess_gzip_destroy(ngx_ess_gzip_t *gz);

/* A slice of 64 KB.  NGX_AGAIN: there is more to do.  NGX_OK: it is done.
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_gzip_step(ngx_ess_gzip_t *gz);

/* What came out, behind NGX_OK; it goes with ngx_ess_gzip_destroy(). */
void ngx_ess_gzip_text(ngx_ess_gzip_t *gz, ngx_str_t *text);


#endif /* _NGX_ESS_GZIP_H_INCLUDED_ */
