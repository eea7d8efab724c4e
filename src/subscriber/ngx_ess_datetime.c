
/*
 * Dates and times in the forms of a table, which strptime() reads.  Owns
 * nothing.  Runs in workers, once for a subscription that names one.
 */


#include "ngx_ess_datetime.h"
#include <ctype.h>


#define NGX_ESS_DATETIME_LEN      64

/* the parts of a point in time */
#define NGX_ESS_DATETIME_YEAR     0x01
#define NGX_ESS_DATETIME_DAY      0x02      /* of a month */
#define NGX_ESS_DATETIME_WEEKDAY  0x04
#define NGX_ESS_DATETIME_TIME     0x08
#define NGX_ESS_DATETIME_ZONE     0x10
#define NGX_ESS_DATETIME_DATE     (NGX_ESS_DATETIME_YEAR|NGX_ESS_DATETIME_DAY)


typedef struct {
    ngx_uint_t               parts;         /* it has these, */
    ngx_uint_t               behind;        /* and stands behind those */
    size_t                   len;           /* of what it matches; 0: any */
    const char              *format;        /* of strptime() */
} ngx_ess_datetime_form_t;


static const char *ngx_ess_datetime_blanks(const char *p);
static const char *ngx_ess_datetime_match(const char *text, ngx_uint_t *parts,
    struct tm *tm, ngx_uint_t *msec);
static const char *ngx_ess_datetime_try(const ngx_ess_datetime_form_t *form,
    const char *text, struct tm *tm, ngx_uint_t *msec);
static const char *ngx_ess_datetime_fraction(const char *p, ngx_uint_t *msec);
static ngx_uint_t ngx_ess_datetime_ends(ngx_uint_t parts, const char *p);
static void ngx_ess_datetime_century(struct tm *tm, int now);
static ngx_int_t ngx_ess_datetime_seconds(struct tm *tm, time_t *seconds);


/* of two that match equally much the first one counts */

static const ngx_ess_datetime_form_t  ngx_ess_datetime_forms[] = {

    { NGX_ESS_DATETIME_DATE, 0, 0, "%Y-%m-%d" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%Y/%m/%d" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%Y.%m.%d" },
    { NGX_ESS_DATETIME_DATE, 0, 8, "%Y%m%d" },

    { NGX_ESS_DATETIME_DATE, 0, 0, "%m/%d/%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d/%m/%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%m/%d/%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d/%m/%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%m.%d.%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d.%m.%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%m.%d.%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d.%m.%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%m-%d-%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d-%m-%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%m-%d-%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d-%m-%y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d-%b-%Y" },
    { NGX_ESS_DATETIME_DATE, 0, 0, "%d-%b-%y" },

    /* ctime() has the time between the day and the year */

    { NGX_ESS_DATETIME_DAY, 0, 0, "%d %b" },
    { NGX_ESS_DATETIME_DAY, 0, 0, "%b %d" },
    { NGX_ESS_DATETIME_YEAR, NGX_ESS_DATETIME_DAY, 4, "%Y" },
    { NGX_ESS_DATETIME_YEAR, NGX_ESS_DATETIME_DAY, 2, "%y" },

    { NGX_ESS_DATETIME_WEEKDAY, 0, 0, "%a" },

    { NGX_ESS_DATETIME_TIME, 0, 0, "%H:%M:%S" },
    { NGX_ESS_DATETIME_TIME, 0, 0, "%H:%M" },
    { NGX_ESS_DATETIME_TIME, 0, 0, "%I:%M:%S %p" },
    { NGX_ESS_DATETIME_TIME, 0, 0, "%I:%M %p" },
    { NGX_ESS_DATETIME_TIME, 0, 0, "%I %p" },
    { NGX_ESS_DATETIME_TIME, NGX_ESS_DATETIME_DATE, 6, "%H%M%S" },
    { NGX_ESS_DATETIME_TIME, NGX_ESS_DATETIME_DATE, 4, "%H%M" },
    { NGX_ESS_DATETIME_TIME, NGX_ESS_DATETIME_DATE, 2, "%H" },

    { NGX_ESS_DATETIME_ZONE, NGX_ESS_DATETIME_TIME, 0, "%z" },
    { NGX_ESS_DATETIME_ZONE, NGX_ESS_DATETIME_TIME, 0, "z" },
    { NGX_ESS_DATETIME_ZONE, NGX_ESS_DATETIME_TIME, 0, "UTC" },
    { NGX_ESS_DATETIME_ZONE, NGX_ESS_DATETIME_TIME, 0, "GMT" },

    { 0, 0, 0, NULL }
};


ngx_int_t
ngx_ess_datetime(ngx_str_t *text, time_t now, uint64_t *ms)
{
    char         buf[NGX_ESS_DATETIME_LEN + 1];
    time_t       seconds;
    struct tm    tm, today;
    ngx_uint_t   parts, msec;
    const char  *p;

    if (text->len > NGX_ESS_DATETIME_LEN || gmtime_r(&now, &today) == NULL) {
        return NGX_DECLINED;
    }

    ngx_memcpy(buf, text->data, text->len);
    buf[text->len] = '\0';

    today.tm_hour = today.tm_min = today.tm_sec = 0;
    tm = today;
    parts = msec = 0;

    p = ngx_ess_datetime_blanks(buf);

    while (*p) {
        p = ngx_ess_datetime_match(p, &parts, &tm, &msec);
        if (p == NULL) {
            return NGX_DECLINED;
        }

        p = ngx_ess_datetime_blanks(p);
    }

    if (parts == 0 || p != buf + text->len
        || ngx_ess_datetime_seconds(&tm, &seconds) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (!(parts & NGX_ESS_DATETIME_DAY)) {
        /* today, or the first such day of the week behind it */
        seconds += (tm.tm_wday + 7 - today.tm_wday) % 7 * 86400;
    }

    *ms = (seconds < 0) ? 0 : (uint64_t) seconds * 1000 + msec;

    return NGX_OK;
}


static const char *
ngx_ess_datetime_blanks(const char *p)
{
    while (isspace((u_char) *p) || *p == ',') {
        p++;
    }

    return p;
}


/* Takes what matches most of the parts that are missing; its end, or NULL. */

static const char *
ngx_ess_datetime_match(const char *text, ngx_uint_t *parts, struct tm *tm,
    ngx_uint_t *msec)
{
    struct tm                       was, found;
    ngx_uint_t                      added, fraction;
    const char                     *p, *end;
    const ngx_ess_datetime_form_t  *form;

    was = *tm;
    end = NULL;
    added = 0;

    for (form = ngx_ess_datetime_forms; form->format; form++) {

        if ((form->parts & *parts) || (form->behind & ~*parts)) {
            continue;
        }

        found = was;
        fraction = *msec;

        p = ngx_ess_datetime_try(form, text, &found, &fraction);

        if (p && (end == NULL || p > end)) {
            end = p;
            added = form->parts;
            *tm = found;
            *msec = fraction;
        }
    }

    *parts |= added;

    if (end && (added & NGX_ESS_DATETIME_DAY) && (*end == 'T' || *end == 't')) {
        end++;
    }

    return end;
}


static const char *
ngx_ess_datetime_try(const ngx_ess_datetime_form_t *form, const char *text,
    struct tm *tm, ngx_uint_t *msec)
{
    int          now;
    const char  *p;

    now = tm->tm_year;

    p = strptime(text, form->format, tm);

    if (p == NULL || (form->len && (size_t) (p - text) != form->len)
        || tm->tm_gmtoff <= -86400 || tm->tm_gmtoff >= 86400)
    {
        return NULL;
    }

    if (strstr(form->format, "%y")) {
        ngx_ess_datetime_century(tm, now);

    } else if ((form->parts & NGX_ESS_DATETIME_YEAR)
               && tm->tm_year < 1000 - 1900)
    {
        /* these have fewer than the four digits of %Y */
        return NULL;
    }

    /* of seconds, which "pm" may follow */

    if (strstr(form->format, "%S") && isdigit((u_char) p[-1])
        && (*p == '.' || *p == ',') && isdigit((u_char) p[1]))
    {
        p = ngx_ess_datetime_fraction(p + 1, msec);
    }

    return ngx_ess_datetime_ends(form->parts, p) ? p : NULL;
}


static const char *
ngx_ess_datetime_fraction(const char *p, ngx_uint_t *msec)
{
    ngx_uint_t  scale;

    for (scale = 100; isdigit((u_char) *p); scale /= 10) {
        *msec += (*p++ - '0') * scale;
    }

    return p;
}


/* Whether what has these parts may end there. */

static ngx_uint_t
ngx_ess_datetime_ends(ngx_uint_t parts, const char *p)
{
    if (*p == '\0' || isspace((u_char) *p)) {
        return 1;
    }

    if (*p == ',') {
        /* between digits it could be a decimal one */
        return !isdigit((u_char) p[1]);
    }

    if (parts & NGX_ESS_DATETIME_TIME) {
        return strchr("+-Zz", *p) != NULL;
    }

    return (parts & NGX_ESS_DATETIME_DAY) && (*p == 'T' || *p == 't')
           && isdigit((u_char) p[1]);
}


/* A year of two digits is within 50 years of today; both count from 1900. */

static void
ngx_ess_datetime_century(struct tm *tm, int now)
{
    tm->tm_year = tm->tm_year % 100 + now / 100 * 100;

    if (tm->tm_year >= now + 50) {
        tm->tm_year -= 100;

    } else if (tm->tm_year < now - 50) {
        tm->tm_year += 100;
    }
}


static ngx_int_t
ngx_ess_datetime_seconds(struct tm *tm, time_t *seconds)
{
    struct tm  copy;

    copy = *tm;

    *seconds = timegm(&copy) - tm->tm_gmtoff;

    /* a day that the month does not have is now one of another month, and so
       is a leap second one of another minute */

    return (copy.tm_mday == tm->tm_mday && copy.tm_sec == tm->tm_sec)
           ? NGX_OK : NGX_DECLINED;
}
