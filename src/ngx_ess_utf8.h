
/*
 * UTF-8 (RFC 3629): is it well-formed?
 */


#ifndef _NGX_ESS_UTF8_H_INCLUDED_
#define _NGX_ESS_UTF8_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* across buffers: zeroed is the state between two characters */

typedef struct {
    u_char                   left;          /* continuation bytes to come */
    u_char                   low;           /* bounds of the next one */
    u_char                   high;
} ngx_ess_utf8_t;


/*
 * Takes len bytes more.  NGX_ERROR: they are not UTF-8.  The text is complete
 * when utf8->left is 0 at its end.
 */
ngx_int_t ngx_ess_utf8(ngx_ess_utf8_t *utf8, const u_char *p, size_t len);

/* 1 when all of it is. */
ngx_uint_t ngx_ess_utf8_valid(const u_char *p, size_t len);


#endif /* _NGX_ESS_UTF8_H_INCLUDED_ */
