
/*
 * Positions as clients write them: numbers, names of events, points in time.
 * Owns nothing.  Runs in workers, for each subscription.
 */


#include "ngx_ess_str.h"
#include "ngx_ess_position.h"


/* an offset of a RabbitMQ stream is an ordinal less one, and signed */
#define NGX_ESS_POSITION_MAX    ((uint64_t) 0x7fffffffffffffff - 1)

/* of a decoded value: the longest datetime is far shorter */
#define NGX_ESS_POSITION_VALUE  64

#define NGX_ESS_POSITION_DAY    86400


typedef struct {
    ngx_str_t                name;
    ngx_int_t              (*parse)(ngx_str_t *value,
                                 ngx_ess_position_t *pos);
    ngx_str_t                expected;      /* at most 123 bytes */
} ngx_ess_position_param_t;


/* what is left of a datetime that is being read */

typedef struct {
    u_char                  *p;
    u_char                  *last;
} ngx_ess_position_text_t;


static ngx_ess_position_param_t *ngx_ess_position_param(ngx_str_t *name);
static ngx_int_t ngx_ess_position_decode(ngx_str_t *value, u_char *buf,
    u_char *p, u_char *last);
static ngx_int_t ngx_ess_position_number(u_char *p, u_char *last,
    uint64_t max, uint64_t *number);
static ngx_int_t ngx_ess_position_name(ngx_str_t *value,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_ordinal(ngx_str_t *value,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_timestamp(ngx_str_t *value,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_datetime(ngx_str_t *value,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_date(ngx_ess_position_text_t *t,
    int64_t *seconds);
static ngx_int_t ngx_ess_position_time(ngx_ess_position_text_t *t,
    int64_t *seconds, ngx_uint_t *msec);
static ngx_int_t ngx_ess_position_zone(ngx_ess_position_text_t *t,
    int64_t *seconds);
static ngx_int_t ngx_ess_position_digits(ngx_ess_position_text_t *t,
    ngx_uint_t n, ngx_uint_t max, ngx_uint_t *value);
static ngx_uint_t ngx_ess_position_next(ngx_ess_position_text_t *t,
    u_char ch);


static ngx_ess_position_param_t  ngx_ess_position_params[] = {

    { ngx_string("from"), ngx_ess_position_name,
      ngx_string("from must be the id of an event, such as from=5f3a-17") },

    { ngx_string("stream_from_ordinal"), ngx_ess_position_ordinal,
      ngx_string("stream_from_ordinal must be a number from 0 to "
                 "9223372036854775806") },

    { ngx_string("stream_from_timestamp"), ngx_ess_position_timestamp,
      ngx_string("stream_from_timestamp must be a number of milliseconds "
                 "since 1970") },

    { ngx_string("stream_from_datetime"), ngx_ess_position_datetime,
      ngx_string("stream_from_datetime must be a time of ISO 8601, such as "
                 "2026-01-31T13:45:00.000Z") },

    { ngx_null_string, NULL, ngx_null_string }
};


ngx_int_t
ngx_ess_position_parse(ngx_str_t *args, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    u_char                     buf[NGX_ESS_POSITION_VALUE];
    ngx_str_t                  rest, text, name, value;
    ngx_ess_position_param_t  *param;

    ngx_memzero(pos, sizeof(ngx_ess_position_t));

    rest = *args;

    while (rest.len) {
        (void) ngx_ess_str_cut(&rest, '&', &text);
        (void) ngx_ess_str_cut(&text, '=', &name);

        param = ngx_ess_position_param(&name);
        if (param == NULL) {
            continue;
        }

        if (pos->type != NGX_ESS_POSITION_NEW) {
            ngx_str_set(reason, "only one of from, stream_from_ordinal, "
                                "stream_from_timestamp and "
                                "stream_from_datetime may be given");
            return NGX_DECLINED;
        }

        if (ngx_ess_position_decode(&value, buf, text.data,
                                    text.data + text.len)
            != NGX_OK
            || param->parse(&value, pos) != NGX_OK)
        {
            *reason = param->expected;
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_position_event(ngx_str_t *value, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    ngx_memzero(pos, sizeof(ngx_ess_position_t));

    if (ngx_ess_position_name(value, pos) != NGX_OK) {
        ngx_str_set(reason, "Last-Event-ID must be the id of an event, such "
                            "as 5f3a-17");
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_ess_position_param_t *
ngx_ess_position_param(ngx_str_t *name)
{
    ngx_ess_position_param_t  *param;

    for (param = ngx_ess_position_params; param->parse; param++) {
        if (param->name.len == name->len
            && ngx_strncmp(param->name.data, name->data, name->len) == 0)
        {
            return param;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ess_position_decode(ngx_str_t *value, u_char *buf, u_char *p,
    u_char *last)
{
    u_char     *d;
    ngx_int_t   n;

    value->data = buf;
    d = buf;

    while (p < last) {

        if (d == buf + NGX_ESS_POSITION_VALUE) {
            return NGX_DECLINED;
        }

        if (*p != '%') {
            *d++ = *p++;
            continue;
        }

        if (last - p < 3) {
            return NGX_DECLINED;
        }

        n = ngx_hextoi(p + 1, 2);
        if (n == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *d++ = (u_char) n;
        p += 3;
    }

    value->len = d - buf;

    return NGX_OK;
}


/* Decimal digits, at least one, and nothing else. */

static ngx_int_t
ngx_ess_position_number(u_char *p, u_char *last, uint64_t max,
    uint64_t *number)
{
    uint64_t  n;

    if (p == last) {
        return NGX_DECLINED;
    }

    for (n = 0; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_DECLINED;
        }

        if (n > max / 10 || n * 10 > max - (*p - '0')) {
            return NGX_DECLINED;
        }

        n = n * 10 + (*p - '0');
    }

    *number = n;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_position_name(ngx_str_t *value, ngx_ess_position_t *pos)
{
    u_char    *p, *last, ch;
    uint64_t   epoch;

    last = value->data + value->len;
    epoch = 0;

    for (p = value->data; p < last && *p != '-'; p++) {

        ch = (u_char) (*p | 0x20);

        if (epoch >> 60) {
            return NGX_DECLINED;
        }

        if (*p >= '0' && *p <= '9') {
            epoch = epoch * 16 + (*p - '0');

        } else if (ch >= 'a' && ch <= 'f') {
            epoch = epoch * 16 + (ch - 'a' + 10);

        } else {
            return NGX_DECLINED;
        }
    }

    if (p == value->data || p == last) {
        return NGX_DECLINED;
    }

    pos->type = NGX_ESS_POSITION_EVENT;
    pos->epoch = epoch;

    return ngx_ess_position_number(p + 1, last, NGX_ESS_POSITION_MAX,
                                   &pos->ordinal);
}


static ngx_int_t
ngx_ess_position_ordinal(ngx_str_t *value, ngx_ess_position_t *pos)
{
    pos->type = NGX_ESS_POSITION_ORDINAL;

    return ngx_ess_position_number(value->data, value->data + value->len,
                                   NGX_ESS_POSITION_MAX, &pos->ordinal);
}


static ngx_int_t
ngx_ess_position_timestamp(ngx_str_t *value, ngx_ess_position_t *pos)
{
    pos->type = NGX_ESS_POSITION_TIMESTAMP;

    return ngx_ess_position_number(value->data, value->data + value->len,
                                   NGX_ESS_POSITION_MAX, &pos->timestamp);
}


/* A date, or a date and a time; UTC where no zone is given. */

static ngx_int_t
ngx_ess_position_datetime(ngx_str_t *value, ngx_ess_position_t *pos)
{
    int64_t                   seconds, zone;
    ngx_uint_t                msec;
    ngx_ess_position_text_t   t;

    t.p = value->data;
    t.last = value->data + value->len;

    msec = 0;
    zone = 0;

    if (ngx_ess_position_date(&t, &seconds) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (t.p < t.last) {

        if (*t.p != 'T' && *t.p != 't' && *t.p != ' ' && *t.p != '+') {
            return NGX_DECLINED;
        }

        t.p++;

        if (ngx_ess_position_time(&t, &seconds, &msec) != NGX_OK
            || ngx_ess_position_zone(&t, &zone) != NGX_OK
            || t.p < t.last)
        {
            return NGX_DECLINED;
        }
    }

    seconds -= zone;

    pos->type = NGX_ESS_POSITION_TIMESTAMP;
    pos->timestamp = (seconds < 0) ? 0 : (uint64_t) seconds * 1000 + msec;

    return NGX_OK;
}


/* 2026-01-31 or 20260131; days of the proleptic Gregorian calendar. */

static ngx_int_t
ngx_ess_position_date(ngx_ess_position_text_t *t, int64_t *seconds)
{
    int64_t     days;
    ngx_uint_t  year, month, day, leap, last, dash;

    static const u_char  lengths[] = { 31, 28, 31, 30, 31, 30,
                                       31, 31, 30, 31, 30, 31 };

    if (ngx_ess_position_digits(t, 4, 9999, &year) != NGX_OK) {
        return NGX_DECLINED;
    }

    dash = ngx_ess_position_next(t, '-');

    if (ngx_ess_position_digits(t, 2, 12, &month) != NGX_OK
        || (dash && !ngx_ess_position_next(t, '-'))
        || ngx_ess_position_digits(t, 2, 31, &day) != NGX_OK
        || year == 0 || month == 0 || day == 0)
    {
        return NGX_DECLINED;
    }

    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    last = lengths[month - 1] + (month == 2 && leap);

    if (day > last) {
        return NGX_DECLINED;
    }

    /* years begin in March, so that the leap day is their last one */

    if (month < 3) {
        year--;
        month += 12;
    }

    days = (int64_t) year * 365 + (int64_t) (year / 4) - year / 100
           + year / 400 + (153 * (month - 3) + 2) / 5 + day - 1;

    /* of 1970-01-01, counted in this way */

    *seconds = (days - 719468) * NGX_ESS_POSITION_DAY;

    return NGX_OK;
}


/* 13:45, 13:45:00, 13:45:00.123 and the same without colons. */

static ngx_int_t
ngx_ess_position_time(ngx_ess_position_text_t *t, int64_t *seconds,
    ngx_uint_t *msec)
{
    ngx_uint_t  hour, minute, second, scale, colon;

    second = 0;

    if (ngx_ess_position_digits(t, 2, 24, &hour) != NGX_OK) {
        return NGX_DECLINED;
    }

    colon = ngx_ess_position_next(t, ':');

    if (ngx_ess_position_digits(t, 2, 59, &minute) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (colon ? ngx_ess_position_next(t, ':')
              : (t->p < t->last && *t->p >= '0' && *t->p <= '9'))
    {
        /* a leap second is the first one of the next minute */

        if (ngx_ess_position_digits(t, 2, 60, &second) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (ngx_ess_position_next(t, '.') || ngx_ess_position_next(t, ',')) {

            if (t->p == t->last || *t->p < '0' || *t->p > '9') {
                return NGX_DECLINED;
            }

            for (scale = 100;
                 t->p < t->last && *t->p >= '0' && *t->p <= '9';
                 t->p++, scale /= 10)
            {
                *msec += (*t->p - '0') * scale;
            }
        }
    }

    /* midnight may be written as the end of the day */

    if (hour == 24 && (minute || second || *msec)) {
        return NGX_DECLINED;
    }

    *seconds += hour * 3600 + minute * 60 + second;

    return NGX_OK;
}


/* Nothing, Z, +01, +0100, +01:00.  A "+" that was not encoded may have
   become a space on its way. */

static ngx_int_t
ngx_ess_position_zone(ngx_ess_position_text_t *t, int64_t *seconds)
{
    ngx_uint_t  hours, minutes, west;

    if (t->p == t->last
        || ngx_ess_position_next(t, 'Z')
        || ngx_ess_position_next(t, 'z'))
    {
        return NGX_OK;
    }

    west = ngx_ess_position_next(t, '-');
    minutes = 0;

    if (!west
        && !ngx_ess_position_next(t, '+')
        && !ngx_ess_position_next(t, ' '))
    {
        return NGX_DECLINED;
    }

    if (ngx_ess_position_digits(t, 2, 23, &hours) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (t->p < t->last) {
        (void) ngx_ess_position_next(t, ':');

        if (ngx_ess_position_digits(t, 2, 59, &minutes) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    *seconds = hours * 3600 + minutes * 60;

    if (west) {
        *seconds = -*seconds;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_position_digits(ngx_ess_position_text_t *t, ngx_uint_t n,
    ngx_uint_t max, ngx_uint_t *value)
{
    *value = 0;

    for ( /* void */ ; n; n--, t->p++) {

        if (t->p == t->last || *t->p < '0' || *t->p > '9') {
            return NGX_DECLINED;
        }

        *value = *value * 10 + (*t->p - '0');
    }

    return (*value <= max) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_ess_position_next(ngx_ess_position_text_t *t, u_char ch)
{
    if (t->p == t->last || *t->p != ch) {
        return 0;
    }

    t->p++;

    return 1;
}
