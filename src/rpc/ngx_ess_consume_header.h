/*
 * What becomes of a message's properties in an HTTP header.  Pure functions,
 * for outside bytes.
 */


#ifndef _NGX_ESS_CONSUME_HEADER_H_INCLUDED_
#define _NGX_ESS_CONSUME_HEADER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_rabbitmq_c.h"


/* bytes of a value, and of all names and values; what is more is left out */
#define NGX_ESS_CONSUME_HEADER_VALUE  4096
#define NGX_ESS_CONSUME_HEADER_TOTAL  16384

/* before the names of a publisher's own headers */
#define NGX_ESS_CONSUME_HEADER_PREFIX  "AMQP-Header-"

/* room for a number as text */
#define NGX_ESS_CONSUME_HEADER_NUMBER  64


/* a walk over a message's own headers; zeroed at first, but for the table */

typedef struct {
    amqp_table_t            *table;
    int                      next;
    ngx_uint_t               seen;          /* bits of those passed through */
    size_t                   total;         /* bytes so far, of others, too */

    /* what was found: valid until the next one */
    ngx_str_t                prefix;        /* before the name */
    ngx_str_t                name;
    ngx_str_t                value;
    u_char                   buf[NGX_ESS_CONSUME_HEADER_NUMBER];
} ngx_ess_consume_header_t;


/* 1: there is one more that may become a header: text, a number or a boolean
   under a name of token characters. */
ngx_uint_t ngx_ess_consume_header_next(ngx_ess_consume_header_t *h);

/* 1: a value that may become a header, of which there is not too much; counts
   it, and the name's bytes. */
ngx_uint_t ngx_ess_consume_header_fits(ngx_ess_consume_header_t *h,
    size_t name, ngx_str_t *value);

/* The value as text, which may be in "buf" of NGX_ESS_CONSUME_HEADER_NUMBER
   bytes.  NGX_OK; NGX_DECLINED: it is of another kind, or no number. */
ngx_int_t ngx_ess_consume_header_text(amqp_field_value_t *value, u_char *buf,
    ngx_str_t *text);


#endif /* _NGX_ESS_CONSUME_HEADER_H_INCLUDED_ */
