/*
 * The tokens of a point in time that is written in words and numbers.  No I/O,
 * no memory.  Private to ngx_ess_datetime*.c.
 */


#ifndef _NGX_ESS_DATETIME_TOKEN_H_INCLUDED_
#define _NGX_ESS_DATETIME_TOKEN_H_INCLUDED_


#include "ngx_ess.h"


/* bytes of a text, and so tokens */
#define NGX_ESS_DATETIME_TOKEN_MAX    64

/* of a word that means nothing here */
#define NGX_ESS_DATETIME_TOKEN_NONE   (-1)

/* of what is behind a point */
#define NGX_ESS_DATETIME_TOKEN_SCALE  (100000000000000000LL)


typedef struct {
    u_char                  *data;
    size_t                   len;
    ngx_uint_t               digits;        /* it is but digits */
    ngx_uint_t               number;        /* digits, or these and a point */
} ngx_ess_datetime_token_t;


typedef struct {
    u_char                   text[NGX_ESS_DATETIME_TOKEN_MAX];
    ngx_ess_datetime_token_t list[NGX_ESS_DATETIME_TOKEN_MAX];
    ngx_uint_t               n;
} ngx_ess_datetime_tokens_t;


/* "d" is zeroed, and keeps a copy of the text.  NGX_DECLINED: it is too long,
   or no printable ASCII. */
ngx_int_t ngx_ess_datetime_token_cut(ngx_ess_datetime_tokens_t *d,
    ngx_str_t *text);

/* What is before a point; a number that is too large is a large one.
   NGX_DECLINED: that is no number. */
ngx_int_t ngx_ess_datetime_token_int(u_char *p, size_t len, int *value);

/* What is behind it, in parts of NGX_ESS_DATETIME_TOKEN_SCALE. */
int64_t ngx_ess_datetime_token_fraction(u_char *p, size_t len);

/* There is such a token, and it is that text, whatever its case. */
ngx_uint_t ngx_ess_datetime_token_is(ngx_ess_datetime_tokens_t *d,
    ngx_uint_t i, const char *text);

/* It says nothing: "," or "at". */
ngx_uint_t ngx_ess_datetime_token_jumps(ngx_ess_datetime_tokens_t *d,
    ngx_uint_t i);

/* 0: Monday; 1: January; 0: hours, 1: minutes, 2: seconds; 0: am, 1: pm.  NONE:
   it is no such word. */
int ngx_ess_datetime_token_weekday(ngx_ess_datetime_token_t *t);
int ngx_ess_datetime_token_month(ngx_ess_datetime_token_t *t);
int ngx_ess_datetime_token_unit(ngx_ess_datetime_token_t *t);
int ngx_ess_datetime_token_half(ngx_ess_datetime_token_t *t);

/* Where the "h", "m" or "s" of that number is.  NGX_DECLINED: it has none. */
ngx_int_t ngx_ess_datetime_token_unit_of(ngx_ess_datetime_tokens_t *d,
    ngx_uint_t i, ngx_uint_t *at);

/* 1: UTC, by one of its names. */
ngx_uint_t ngx_ess_datetime_token_utc(ngx_ess_datetime_token_t *t);


#endif /* _NGX_ESS_DATETIME_TOKEN_H_INCLUDED_ */
