
/*
 * Times of RFC 3339, digit by digit: strptime() takes more than that, and asks
 * for the locale.  Owns nothing.  Runs in workers, and in their threads.
 */


#include "ngx_ess_date.h"


/* days before 1970-01-01 since 0000-03-01, where a year of leap days ends */
#define NGX_ESS_DATE_EPOCH  719468

#define NGX_ESS_DATE_DAY    86400


static const u_char *ngx_ess_date_number(const u_char *p, const u_char *last,
    ngx_uint_t n, int64_t *value);
static const u_char *ngx_ess_date_days(const u_char *p, const u_char *last,
    int64_t *days);
static const u_char *ngx_ess_date_time(const u_char *p, const u_char *last,
    int64_t *seconds, ngx_uint_t *leap);
static const u_char *ngx_ess_date_fraction(const u_char *p,
    const u_char *last, int64_t *ms);
static const u_char *ngx_ess_date_offset(const u_char *p, const u_char *last,
    int64_t *offset);


ngx_int_t
ngx_ess_date_parse(const u_char *p, size_t len, int64_t *ms)
{
    int64_t        days, seconds, fraction, offset;
    ngx_uint_t     leap;
    const u_char  *last;

    last = p + len;

    p = ngx_ess_date_days(p, last, &days);

    if (p == NULL || p == last || (*p != 'T' && *p != 't')) {
        return NGX_DECLINED;
    }

    p = ngx_ess_date_time(p + 1, last, &seconds, &leap);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    p = ngx_ess_date_fraction(p, last, &fraction);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    p = ngx_ess_date_offset(p, last, &offset);
    if (p != last) {
        return NGX_DECLINED;
    }

    seconds += days * NGX_ESS_DATE_DAY - offset;

    if (leap && seconds % NGX_ESS_DATE_DAY != 0) {
        return NGX_DECLINED;
    }

    *ms = seconds * 1000 + fraction;

    return (*ms >= NGX_ESS_DATE_FIRST && *ms < NGX_ESS_DATE_END)
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_ess_date_day(const u_char *p, size_t len)
{
    int64_t  days;

    return (len && ngx_ess_date_days(p, p + len, &days) == p + len)
           ? NGX_OK : NGX_DECLINED;
}


/* Exactly "n" digits; NULL: they are not there. */

static const u_char *
ngx_ess_date_number(const u_char *p, const u_char *last, ngx_uint_t n,
    int64_t *value)
{
    if (p == NULL || (size_t) (last - p) < n) {
        return NULL;
    }

    for (*value = 0; n; n--, p++) {
        if (*p < '0' || *p > '9') {
            return NULL;
        }

        *value = *value * 10 + (*p - '0');
    }

    return p;
}


/* A date, as days since 1970. */

static const u_char *
ngx_ess_date_days(const u_char *p, const u_char *last, int64_t *days)
{
    int64_t  year, month, day, leap;

    static const u_char  length[] = { 31, 28, 31, 30, 31, 30,
                                      31, 31, 30, 31, 30, 31 };

    p = ngx_ess_date_number(p, last, 4, &year);

    if (p == NULL || p == last || *p != '-') {
        return NULL;
    }

    p = ngx_ess_date_number(p + 1, last, 2, &month);

    if (p == NULL || p == last || *p != '-') {
        return NULL;
    }

    p = ngx_ess_date_number(p + 1, last, 2, &day);

    if (p == NULL || month < 1 || month > 12) {
        return NULL;
    }

    leap = (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));

    if (day < 1 || day > length[month - 1] + (month == 2 ? leap : 0)) {
        return NULL;
    }

    /* a year that begins in March has its leap day at its end; 400 of them,
       so that what is divided is never negative */

    if (month > 2) {
        month -= 3;
        year += 400;

    } else {
        month += 9;
        year += 399;
    }

    *days = year * 365 + year / 4 - year / 100 + year / 400
            + (153 * month + 2) / 5 + day - 1 - 146097 - NGX_ESS_DATE_EPOCH;

    return p;
}


/* A time of day, as seconds. */

static const u_char *
ngx_ess_date_time(const u_char *p, const u_char *last, int64_t *seconds,
    ngx_uint_t *leap)
{
    int64_t  hour, minute, second;

    p = ngx_ess_date_number(p, last, 2, &hour);

    if (p == NULL || p == last || *p != ':') {
        return NULL;
    }

    p = ngx_ess_date_number(p + 1, last, 2, &minute);

    if (p == NULL || p == last || *p != ':') {
        return NULL;
    }

    p = ngx_ess_date_number(p + 1, last, 2, &second);

    if (p == NULL || hour > 23 || minute > 59 || second > 60) {
        return NULL;
    }

    *seconds = hour * 3600 + minute * 60 + second;
    *leap = (second == 60);

    return p;
}


static const u_char *
ngx_ess_date_fraction(const u_char *p, const u_char *last, int64_t *ms)
{
    int64_t        scale;
    const u_char  *start;

    *ms = 0;

    if (p == last || *p != '.') {
        return p;
    }

    start = ++p;

    for (scale = 100; p < last && *p >= '0' && *p <= '9'; scale /= 10) {
        *ms += (*p++ - '0') * scale;
    }

    return (p > start) ? p : NULL;
}


/* "Z", or hours and minutes, as seconds. */

static const u_char *
ngx_ess_date_offset(const u_char *p, const u_char *last, int64_t *offset)
{
    int64_t        hours, minutes;
    const u_char  *sign;

    *offset = 0;

    if (p == last) {
        return NULL;
    }

    sign = p++;

    if (*sign == 'Z' || *sign == 'z') {
        return p;
    }

    if (*sign != '+' && *sign != '-') {
        return NULL;
    }

    p = ngx_ess_date_number(p, last, 2, &hours);

    if (p == NULL || p == last || *p != ':') {
        return NULL;
    }

    p = ngx_ess_date_number(p + 1, last, 2, &minutes);

    if (p == NULL || hours > 23 || minutes > 59) {
        return NULL;
    }

    *offset = hours * 3600 + minutes * 60;

    if (*sign == '-') {
        *offset = -*offset;
    }

    return p;
}
