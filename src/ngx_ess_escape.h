/*
 * Text from outside, as it may stand in a log line.
 */


#ifndef _NGX_ESS_ESCAPE_H_INCLUDED_
#define _NGX_ESS_ESCAPE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of escaped text; an AMQP short string of plain text fits */
#define NGX_ESS_ESCAPED_SIZE  512


/* on the caller's stack, needs no initialization */

typedef struct {
    ngx_str_t  text;                        /* in buf */
    u_char     buf[NGX_ESS_ESCAPED_SIZE];
} ngx_ess_escaped_t;


/*
 * Returns the text for "%V": control characters, '"', '\' and all that is not
 * ASCII become \xHH, as in nginx's access log; what has no room is replaced by
 * "...".  The result is valid as long as "e" is.
 */
ngx_str_t *ngx_ess_escape(ngx_ess_escaped_t *e, ngx_str_t *text);

/* The same for "len" bytes at "data", which may be NULL when there are none. */
ngx_str_t *ngx_ess_escape_bytes(ngx_ess_escaped_t *e, const void *data,
    size_t len);


#endif /* _NGX_ESS_ESCAPE_H_INCLUDED_ */
