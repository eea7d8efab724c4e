
/*
 * Numbers of a date, of which it is not said which is the year, the month and
 * the day.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_datetime_day.h"
#include <ctype.h>


ngx_int_t
ngx_ess_datetime_day_add(ngx_ess_datetime_day_t *d, u_char *p, size_t len)
{
    int         value;
    ngx_uint_t  i;

    for (i = 0; i < len; i++) {
        if (!isdigit(p[i])) {
            return NGX_DECLINED;
        }
    }

    if (ngx_ess_datetime_token_int(p, len, &value) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_ess_datetime_day_add_number(d, value, len > 2);
}


ngx_int_t
ngx_ess_datetime_day_add_number(ngx_ess_datetime_day_t *d, int value,
    ngx_uint_t century)
{
    if (d->nymd == 3) {
        return NGX_DECLINED;
    }

    if (century) {

        if (d->y != NGX_ESS_DATETIME_DAY_UNSET) {
            return NGX_DECLINED;
        }

        d->century = 1;
        d->y = (int) d->nymd;
    }

    d->ymd[d->nymd++] = value;

    return NGX_OK;
}


ngx_int_t
ngx_ess_datetime_day_add_month(ngx_ess_datetime_day_t *d, int month)
{
    if (d->nymd == 3 || month == NGX_ESS_DATETIME_DAY_UNSET
        || d->m != NGX_ESS_DATETIME_DAY_UNSET)
    {
        return NGX_DECLINED;
    }

    d->m = (int) d->nymd;
    d->ymd[d->nymd++] = month;

    return NGX_OK;
}


ngx_uint_t
ngx_ess_datetime_day_may_be_day(ngx_ess_datetime_day_t *d,
    ngx_ess_datetime_token_t *t)
{
    int  value, days;

    (void) ngx_ess_datetime_token_int(t->data, t->len, &value);

    days = (d->m == NGX_ESS_DATETIME_DAY_UNSET)
           ? 31
           : ngx_ess_datetime_day_last(d->y == NGX_ESS_DATETIME_DAY_UNSET
                                   ? 2000 : d->ymd[d->y], d->ymd[d->m]);

    return value >= 1
           && value + (ngx_ess_datetime_token_fraction(t->data, t->len) > 0)
              <= days;
}


void
ngx_ess_datetime_day_resolve(ngx_ess_datetime_day_t *d)
{
    int         *v, *y, *m, *day, other;
    ngx_uint_t   known;

    v = d->ymd;
    y = &d->year;
    m = &d->month;
    day = &d->day;

    known = (d->y != NGX_ESS_DATETIME_DAY_UNSET)
            + (d->m != NGX_ESS_DATETIME_DAY_UNSET);

    if (d->nymd == 0) {
        return;
    }

    if (d->nymd == known || (d->nymd == 3 && known == 2)) {

        if (d->y != NGX_ESS_DATETIME_DAY_UNSET) {
            *y = v[d->y];
        }

        if (d->m != NGX_ESS_DATETIME_DAY_UNSET) {
            *m = v[d->m];
        }

        if (d->nymd == 3) {
            *day = v[3 - d->y - d->m];
        }

        return;
    }

    if (d->nymd == 1 || (d->nymd == 2 && d->m != NGX_ESS_DATETIME_DAY_UNSET)) {
        other = v[0];

        if (d->m != NGX_ESS_DATETIME_DAY_UNSET) {
            *m = v[d->m];
            other = v[1 - d->m];
        }

        *(other > 31 ? y : day) = other;
        return;
    }

#define ngx_ess_datetime_day_are(a, b, c)  *(a) = v[0], *(b) = v[1], *(c) = v[2]

    if (d->nymd == 2) {

        if (v[0] > 31) {
            *y = v[0];
            *m = v[1];

        } else {
            *m = v[0];
            *(v[1] > 31 ? y : day) = v[1];
        }

    } else if (d->m == 0) {

        if (v[1] > 31) {
            ngx_ess_datetime_day_are(m, y, day);

        } else {
            ngx_ess_datetime_day_are(m, day, y);
        }

    } else if (d->m == 1) {

        if (v[0] > 31) {
            ngx_ess_datetime_day_are(y, m, day);

        } else {
            ngx_ess_datetime_day_are(day, m, y);
        }

    } else if (d->m == 2) {

        if (v[1] > 31) {
            ngx_ess_datetime_day_are(day, y, m);

        } else {
            ngx_ess_datetime_day_are(y, day, m);
        }

    } else if (v[0] > 31 || d->y == 0) {
        ngx_ess_datetime_day_are(y, m, day);

    } else if (v[0] > 12) {
        ngx_ess_datetime_day_are(day, m, y);

    } else {
        ngx_ess_datetime_day_are(m, day, y);
    }
}


int
ngx_ess_datetime_day_year(ngx_ess_datetime_day_t *d, int year)
{
    int  now;

    if (year >= 100) {
        return year;
    }

    now = d->now;
    year += now / 100 * 100;

    if (year >= now + 50) {
        return year - 100;
    }

    return (year < now - 50) ? year + 100 : year;
}


int
ngx_ess_datetime_day_last(int year, int month)
{
    if (month < 1 || month > 12) {
        return 0;
    }

    if (month == 2) {
        return (year % 4 == 0 && (year % 100 || year % 400 == 0)) ? 29 : 28;
    }

    return (month == 4 || month == 6 || month == 9 || month == 11) ? 30 : 31;
}
