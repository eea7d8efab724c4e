
/*
 * Dates and times in words and numbers: the text is cut into tokens, which are
 * looked at from left to right as python-dateutil does, so that clients that
 * were made for it go on.  Owns nothing.  Runs in workers, once for a
 * subscription that names one.
 */


#include "ngx_ess_datetime.h"
#include "ngx_ess_datetime_day.h"
#include "ngx_ess_datetime_zone.h"
#include <ctype.h>


#define NGX_ESS_DATETIME_UNSET  NGX_ESS_DATETIME_DAY_UNSET

#define ngx_ess_datetime_is(d, i, text)                                       \
    ngx_ess_datetime_token_is(&(d)->tokens, i, text)

#define ngx_ess_datetime_jumps(d, i)                                          \
    ngx_ess_datetime_token_jumps(&(d)->tokens, i)

#define ngx_ess_datetime_add(d, token)                                        \
    ngx_ess_datetime_day_add(&(d)->date, (token)->data, (token)->len)


typedef struct {
    ngx_ess_datetime_tokens_t   tokens;
    ngx_ess_datetime_day_t      date;
    ngx_ess_datetime_zone_t     zone;
    struct tm                   today;

    /* each UNSET if it was not said */
    int                         weekday;    /* 0: Monday */
    int                         hour;
    int                         minute;
    int                         second;
    int                         msec;
} ngx_ess_datetime_t;


static ngx_int_t ngx_ess_datetime_read(ngx_ess_datetime_t *d);
static ngx_int_t ngx_ess_datetime_word(ngx_ess_datetime_t *d, ngx_uint_t *i);
static ngx_int_t ngx_ess_datetime_month(ngx_ess_datetime_t *d, ngx_uint_t *i,
    int month);
static ngx_int_t ngx_ess_datetime_number(ngx_ess_datetime_t *d,
    ngx_uint_t *i);
static ngx_int_t ngx_ess_datetime_packed(ngx_ess_datetime_t *d, ngx_uint_t i);
static ngx_int_t ngx_ess_datetime_clock(ngx_ess_datetime_t *d, ngx_uint_t *i);
static ngx_int_t ngx_ess_datetime_date(ngx_ess_datetime_t *d, ngx_uint_t *i);
static ngx_int_t ngx_ess_datetime_single(ngx_ess_datetime_t *d,
    ngx_uint_t *i);
static ngx_int_t ngx_ess_datetime_units(ngx_ess_datetime_t *d, ngx_uint_t *i,
    ngx_uint_t at);
static ngx_int_t ngx_ess_datetime_minutes(ngx_ess_datetime_t *d,
    ngx_ess_datetime_token_t *t);
static ngx_int_t ngx_ess_datetime_seconds(ngx_ess_datetime_t *d, u_char *p,
    size_t len);
static int ngx_ess_datetime_noon(int hour, int half);
static ngx_int_t ngx_ess_datetime_build(ngx_ess_datetime_t *d, uint64_t *ms);


ngx_int_t
ngx_ess_datetime(ngx_str_t *text, time_t now, uint64_t *ms)
{
    ngx_ess_datetime_t  d;

    ngx_memzero(&d, sizeof(ngx_ess_datetime_t));

    if (gmtime_r(&now, &d.today) == NULL) {
        return NGX_DECLINED;
    }

    d.date.now = d.today.tm_year + 1900;
    d.date.y = d.date.m = NGX_ESS_DATETIME_UNSET;
    d.date.year = d.date.month = d.date.day = NGX_ESS_DATETIME_UNSET;
    d.weekday = d.hour = d.minute = NGX_ESS_DATETIME_UNSET;
    d.second = d.msec = NGX_ESS_DATETIME_UNSET;

    if (ngx_ess_datetime_token_cut(&d.tokens, text) != NGX_OK
        || ngx_ess_datetime_read(&d) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ngx_ess_datetime_day_resolve(&d.date);

    return ngx_ess_datetime_build(&d, ms);
}


static ngx_int_t
ngx_ess_datetime_read(ngx_ess_datetime_t *d)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < d->tokens.n; i++) {
        rc = d->tokens.list[i].number ? ngx_ess_datetime_number(d, &i)
                                      : ngx_ess_datetime_word(d, &i);
        if (rc != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_datetime_word(ngx_ess_datetime_t *d, ngx_uint_t *i)
{
    int                        value;
    ngx_int_t                  rc;
    ngx_ess_datetime_token_t  *t;

    t = &d->tokens.list[*i];

    value = ngx_ess_datetime_token_weekday(t);

    if (value != NGX_ESS_DATETIME_UNSET) {
        d->weekday = value;
        return NGX_OK;
    }

    value = ngx_ess_datetime_token_month(t);

    if (value != NGX_ESS_DATETIME_UNSET) {
        return ngx_ess_datetime_month(d, i, value);
    }

    value = ngx_ess_datetime_token_half(t);

    if (value != NGX_ESS_DATETIME_UNSET) {

        if (d->hour < 0 || d->hour > 12) {
            return NGX_DECLINED;
        }

        d->hour = ngx_ess_datetime_noon(d->hour, value);
        return NGX_OK;
    }

    /* a zone is one of a time */

    if (d->hour != NGX_ESS_DATETIME_UNSET) {
        rc = ngx_ess_datetime_zone(&d->zone, &d->tokens, i);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    return ngx_ess_datetime_jumps(d, *i) ? NGX_OK : NGX_DECLINED;
}


/* Behind it there may be "-28", "/28/2026" or " of 2026". */

static ngx_int_t
ngx_ess_datetime_month(ngx_ess_datetime_t *d, ngx_uint_t *i, int month)
{
    int                        year;
    ngx_uint_t                 k;
    ngx_ess_datetime_token_t  *t;

    if (ngx_ess_datetime_day_add_month(&d->date, month) != NGX_OK) {
        return NGX_DECLINED;
    }

    k = *i;
    t = &d->tokens.list[k];

    if (ngx_ess_datetime_is(d, k + 1, "-")
        || ngx_ess_datetime_is(d, k + 1, "/"))
    {
        if (k + 2 >= d->tokens.n
            || ngx_ess_datetime_add(d, &t[2]) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        *i = k + 2;

        if (k + 3 < d->tokens.n && t[3].data[0] == t[1].data[0]) {

            if (k + 4 >= d->tokens.n
                || ngx_ess_datetime_add(d, &t[4]) != NGX_OK)
            {
                return NGX_DECLINED;
            }

            *i = k + 4;
        }

        return NGX_OK;
    }

    if (ngx_ess_datetime_is(d, k + 1, " ")
        && ngx_ess_datetime_is(d, k + 2, "of")
        && ngx_ess_datetime_is(d, k + 3, " ")
        && k + 4 < d->tokens.n)
    {
        *i = k + 4;

        if (t[4].digits) {
            (void) ngx_ess_datetime_token_int(t[4].data, t[4].len, &year);
            year = ngx_ess_datetime_day_year(&d->date, year);

            return ngx_ess_datetime_day_add_number(&d->date, year, 1);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_datetime_number(ngx_ess_datetime_t *d, ngx_uint_t *i)
{
    int                        half, hour;
    ngx_int_t                  rc;
    ngx_uint_t                 k, at;
    ngx_ess_datetime_token_t  *t;

    k = *i;
    t = &d->tokens.list[k];

    rc = ngx_ess_datetime_packed(d, k);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    if (ngx_ess_datetime_token_unit_of(&d->tokens, k, &at) == NGX_OK) {
        return ngx_ess_datetime_units(d, i, at);
    }

    if (k + 2 < d->tokens.n && ngx_ess_datetime_is(d, k + 1, ":")) {
        return ngx_ess_datetime_clock(d, i);
    }

    if (ngx_ess_datetime_is(d, k + 1, "-")
        || ngx_ess_datetime_is(d, k + 1, "/")
        || ngx_ess_datetime_is(d, k + 1, "."))
    {
        return ngx_ess_datetime_date(d, i);
    }

    if (k + 1 >= d->tokens.n || ngx_ess_datetime_jumps(d, k + 1)) {
        return ngx_ess_datetime_single(d, i);
    }

    half = ngx_ess_datetime_token_half(&t[1]);
    (void) ngx_ess_datetime_token_int(t->data, t->len, &hour);

    if (half != NGX_ESS_DATETIME_UNSET && hour < 24) {
        d->hour = ngx_ess_datetime_noon(hour, half);
        *i = k + 1;
        return NGX_OK;
    }

    if (ngx_ess_datetime_day_may_be_day(&d->date, t)) {
        return ngx_ess_datetime_day_add_number(&d->date, hour, 0);
    }

    return NGX_DECLINED;
}


/* Numbers without anything between them: 20261128, 130000, 13 behind a date.
   NGX_AGAIN: it is none of them. */

static ngx_int_t
ngx_ess_datetime_packed(ngx_ess_datetime_t *d, ngx_uint_t i)
{
    u_char                    *p, *point;
    size_t                     len;
    ngx_ess_datetime_token_t  *t;

    t = &d->tokens.list[i];
    p = t->data;
    len = t->len;
    point = ngx_strlchr(p, p + len, '.');

    if (d->date.nymd == 3 && (len == 2 || len == 4)
        && d->hour == NGX_ESS_DATETIME_UNSET
        && (i + 1 >= d->tokens.n
            || (!ngx_ess_datetime_is(d, i + 1, ":")
                && ngx_ess_datetime_token_unit(&t[1])
                   == NGX_ESS_DATETIME_UNSET)))
    {
        if (!t->digits) {
            return NGX_DECLINED;
        }

        if (len == 4) {
            (void) ngx_ess_datetime_token_int(p + 2, 2, &d->minute);
        }

        return ngx_ess_datetime_token_int(p, 2, &d->hour);
    }

    if (len == 6 || (len > 6 && point == p + 6)) {

        if (d->date.nymd == 0 && point == NULL) {
            (void) ngx_ess_datetime_day_add(&d->date, p, 2);
            (void) ngx_ess_datetime_day_add(&d->date, p + 2, 2);

            return ngx_ess_datetime_day_add(&d->date, p + 4, 2);
        }

        if (point && point < p + 4) {
            return NGX_DECLINED;
        }

        (void) ngx_ess_datetime_token_int(p, 2, &d->hour);
        (void) ngx_ess_datetime_token_int(p + 2, 2, &d->minute);

        return ngx_ess_datetime_seconds(d, p + 4, len - 4);
    }

    if (len != 8 && len != 12 && len != 14) {
        return NGX_AGAIN;
    }

    if (!t->digits
        || ngx_ess_datetime_day_add(&d->date, p, 4) != NGX_OK
        || ngx_ess_datetime_day_add(&d->date, p + 4, 2) != NGX_OK
        || ngx_ess_datetime_day_add(&d->date, p + 6, 2) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (len > 8) {
        (void) ngx_ess_datetime_token_int(p + 8, 2, &d->hour);
        (void) ngx_ess_datetime_token_int(p + 10, 2, &d->minute);
    }

    if (len > 12) {
        (void) ngx_ess_datetime_token_int(p + 12, 2, &d->second);
    }

    return NGX_OK;
}


/* 13:00, 13:00:30.5. */

static ngx_int_t
ngx_ess_datetime_clock(ngx_ess_datetime_t *d, ngx_uint_t *i)
{
    ngx_uint_t                 k;
    ngx_ess_datetime_token_t  *t;

    k = *i;
    t = &d->tokens.list[k];

    (void) ngx_ess_datetime_token_int(t->data, t->len, &d->hour);

    if (ngx_ess_datetime_minutes(d, &t[2]) != NGX_OK) {
        return NGX_DECLINED;
    }

    *i = k + 2;

    if (k + 4 < d->tokens.n && ngx_ess_datetime_is(d, k + 3, ":")) {
        *i = k + 4;
        return ngx_ess_datetime_seconds(d, t[4].data, t[4].len);
    }

    return NGX_OK;
}


/* 28-11, 28/Nov, 28.11.2026. */

static ngx_int_t
ngx_ess_datetime_date(ngx_ess_datetime_t *d, ngx_uint_t *i)
{
    int                        month;
    ngx_uint_t                 k;
    ngx_ess_datetime_token_t  *t;

    k = *i;
    t = &d->tokens.list[k];

    if (ngx_ess_datetime_add(d, t) != NGX_OK) {
        return NGX_DECLINED;
    }

    *i = k + 1;

    if (k + 2 >= d->tokens.n || ngx_ess_datetime_jumps(d, k + 2)) {
        return NGX_OK;
    }

    month = ngx_ess_datetime_token_month(&t[2]);

    if ((t[2].digits ? ngx_ess_datetime_add(d, &t[2])
                     : ngx_ess_datetime_day_add_month(&d->date, month))
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    *i = k + 2;

    if (k + 3 >= d->tokens.n || t[3].len != 1 || *t[3].data != *t[1].data) {
        return NGX_OK;
    }

    if (k + 4 >= d->tokens.n) {
        return NGX_DECLINED;
    }

    *i = k + 4;

    month = ngx_ess_datetime_token_month(&t[4]);

    return (month != NGX_ESS_DATETIME_UNSET)
           ? ngx_ess_datetime_day_add_month(&d->date, month)
           : ngx_ess_datetime_add(d, &t[4]);
}


/* A number before what says nothing: an hour if "am" follows, or a part of a
   date. */

static ngx_int_t
ngx_ess_datetime_single(ngx_ess_datetime_t *d, ngx_uint_t *i)
{
    int                        half, value;
    ngx_uint_t                 k;
    ngx_ess_datetime_token_t  *t;

    k = *i;
    t = &d->tokens.list[k];

    (void) ngx_ess_datetime_token_int(t->data, t->len, &value);

    *i = k + 1;

    half = (k + 2 < d->tokens.n)
           ? ngx_ess_datetime_token_half(&t[2])
           : NGX_ESS_DATETIME_UNSET;

    if (half != NGX_ESS_DATETIME_UNSET) {
        d->hour = ngx_ess_datetime_noon(value, half);
        *i = k + 2;
        return NGX_OK;
    }

    return ngx_ess_datetime_day_add_number(&d->date, value, value > 100);
}


/* 13h, 30 m; "04" in "12h04" is of the unit below that before it. */

static ngx_int_t
ngx_ess_datetime_units(ngx_ess_datetime_t *d, ngx_uint_t *i, ngx_uint_t at)
{
    int                        unit;
    int64_t                    fraction;
    ngx_ess_datetime_token_t  *t;

    t = &d->tokens.list[*i];
    unit = ngx_ess_datetime_token_unit(&d->tokens.list[at]);

    if (at > *i) {
        *i = at;

    } else {
        unit++;
    }

    switch (unit) {

    case 0:
        (void) ngx_ess_datetime_token_int(t->data, t->len, &d->hour);

        fraction = ngx_ess_datetime_token_fraction(t->data, t->len);

        if (fraction) {
            d->minute = (int) (60 * fraction / NGX_ESS_DATETIME_TOKEN_SCALE);
        }

        return NGX_OK;

    case 1:
        return ngx_ess_datetime_minutes(d, t);

    case 2:
        return ngx_ess_datetime_seconds(d, t->data, t->len);

    default:
        return NGX_OK;
    }
}


static ngx_int_t
ngx_ess_datetime_minutes(ngx_ess_datetime_t *d, ngx_ess_datetime_token_t *t)
{
    int64_t  fraction;

    if (!t->number) {
        return NGX_DECLINED;
    }

    (void) ngx_ess_datetime_token_int(t->data, t->len, &d->minute);

    fraction = ngx_ess_datetime_token_fraction(t->data, t->len);

    d->second = fraction ? (int) (60 * fraction / NGX_ESS_DATETIME_TOKEN_SCALE)
                         : NGX_ESS_DATETIME_UNSET;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_datetime_seconds(ngx_ess_datetime_t *d, u_char *p, size_t len)
{
    if (ngx_ess_datetime_token_int(p, len, &d->second) != NGX_OK) {
        return NGX_DECLINED;
    }

    d->msec = (int) (ngx_ess_datetime_token_fraction(p, len)
                     / (NGX_ESS_DATETIME_TOKEN_SCALE / 1000));

    return NGX_OK;
}


static int
ngx_ess_datetime_noon(int hour, int half)
{
    if (hour < 12 && half) {
        return hour + 12;
    }

    return (hour == 12 && !half) ? 0 : hour;
}


static ngx_int_t
ngx_ess_datetime_build(ngx_ess_datetime_t *d, uint64_t *ms)
{
    int                      year, month, day, days;
    time_t                   t;
    struct tm                tm;
    ngx_ess_datetime_day_t  *date;

    date = &d->date;

    if ((date->year & date->month & date->day & d->weekday & d->hour & d->minute
         & d->second & d->msec)
        == NGX_ESS_DATETIME_UNSET
        || (d->zone.unknown && !d->zone.shifted))
    {
        return NGX_DECLINED;
    }

    year = date->now;

    if (date->year != NGX_ESS_DATETIME_UNSET) {
        year = date->century ? date->year
                             : ngx_ess_datetime_day_year(date, date->year);
    }

    month = (date->month == NGX_ESS_DATETIME_UNSET) ? d->today.tm_mon + 1
                                                    : date->month;
    days = ngx_ess_datetime_day_last(year, month);
    day = (date->day == NGX_ESS_DATETIME_UNSET)
          ? ngx_min(d->today.tm_mday, days) : date->day;

    if (year < 1 || year > 9999 || day < 1 || day > days
        || d->hour > 23 || d->minute > 59 || d->second > 59)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&tm, sizeof(struct tm));

    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = day;
    tm.tm_hour = ngx_max(d->hour, 0);
    tm.tm_min = ngx_max(d->minute, 0);
    tm.tm_sec = ngx_max(d->second, 0);

    t = timegm(&tm);

    if (d->weekday != NGX_ESS_DATETIME_UNSET && d->date.day <= 0) {
        /* that day, or the first one behind it */
        t += (d->weekday + 7 - (tm.tm_wday + 6) % 7) % 7 * 86400;
    }

    t -= d->zone.offset;

    *ms = (t < 0) ? 0 : (uint64_t) t * 1000 + ngx_max(d->msec, 0);

    return NGX_OK;
}


