/*
 * JSON's numbers as they are written, decimal and exact: nothing is rounded,
 * and none is too large.  Pure functions without memory.
 */


#ifndef _NGX_ESS_JSON_NUMBER_H_INCLUDED_
#define _NGX_ESS_JSON_NUMBER_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* where "exp" ends */
#define NGX_ESS_JSON_NUMBER_HUGE  1000000000000000000LL


/*
 * The value is the digits, read as an integer, times 10^exp.  There are no
 * zeros at their ends, so equal numbers have equal digits and an equal
 * exponent.
 */

typedef struct {
    const u_char            *digits;        /* in the text; a point may be among
                                               them */
    size_t                   n;             /* without the point; 0: it is
                                               zero */
    int64_t                  exp;
    ngx_str_t                text;
    unsigned                 negative:1;    /* it is less than zero */
    unsigned                 huge:1;        /* its exponent is too large to
                                               tell: exp is that of its sign */
} ngx_ess_json_number_t;


/* "text" is a number that was read (ngx_ess_json_read.h), and stays. */
void ngx_ess_json_number_read(const ngx_str_t *text,
    ngx_ess_json_number_t *number);

/* Less than 0, 0, or more.  Two with exponents beyond all measure are equal
   only if their texts are. */
int ngx_ess_json_number_cmp(const ngx_ess_json_number_t *one,
    const ngx_ess_json_number_t *two);

/* 1: it has no fraction: 1.0, 1e2. */
ngx_uint_t ngx_ess_json_number_integer(const ngx_ess_json_number_t *number);

/* 1: a double has room for it, rounded. */
ngx_uint_t ngx_ess_json_number_double(const ngx_ess_json_number_t *number);

/* 1: it is a multiple of the other one, which has up to 18 digits, and is not
   zero. */
ngx_uint_t ngx_ess_json_number_multiple(const ngx_ess_json_number_t *number,
    const ngx_ess_json_number_t *of);


#endif /* _NGX_ESS_JSON_NUMBER_H_INCLUDED_ */
