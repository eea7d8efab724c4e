/*
 * Which number of a date is what: the month comes before the day where both
 * could be.  No I/O, no memory.  Private to ngx_ess_datetime*.c.
 */


#ifndef _NGX_ESS_DATETIME_DAY_H_INCLUDED_
#define _NGX_ESS_DATETIME_DAY_H_INCLUDED_


#include "ngx_ess_datetime_token.h"


#define NGX_ESS_DATETIME_DAY_UNSET  (-1)


typedef struct {
    int                      now;           /* the year of today */

    /* in the order of the text */
    int                      ymd[3];
    ngx_uint_t               nymd;
    int                      y;             /* which of them; UNSET: */
    int                      m;             /* not known */
    unsigned                 century:1;     /* the year has one */

    /* each UNSET if it was not said */
    int                      year;
    int                      month;
    int                      day;
} ngx_ess_datetime_day_t;


/* In the following NGX_DECLINED means: there are too many numbers, or two of a
   kind. */

/* Digits; three of them or more are a year, and say its century. */
ngx_int_t ngx_ess_datetime_day_add(ngx_ess_datetime_day_t *d, u_char *p,
    size_t len);

/* A number; "century": it is a year that has one. */
ngx_int_t ngx_ess_datetime_day_add_number(ngx_ess_datetime_day_t *d,
    int value, ngx_uint_t century);

/* A name's number, which may be NGX_ESS_DATETIME_TOKEN_NONE: declined. */
ngx_int_t ngx_ess_datetime_day_add_month(ngx_ess_datetime_day_t *d, int month);

ngx_uint_t ngx_ess_datetime_day_may_be_day(ngx_ess_datetime_day_t *d,
    ngx_ess_datetime_token_t *t);

/* Sets year, month and day. */
void ngx_ess_datetime_day_resolve(ngx_ess_datetime_day_t *d);

/* The year; one of two digits is within 50 years of today. */
int ngx_ess_datetime_day_year(ngx_ess_datetime_day_t *d, int year);

/* The last day of a month; 0: there is no such month. */
int ngx_ess_datetime_day_last(int year, int month);


#endif /* _NGX_ESS_DATETIME_DAY_H_INCLUDED_ */
