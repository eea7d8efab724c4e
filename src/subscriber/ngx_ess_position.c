
/*
 * Positions as clients write them: numbers, names of events, points in time.
 * Owns nothing.  Runs in workers, for each subscription.
 */


#include "ngx_ess_percent.h"
#include "ngx_ess_str.h"
#include "ngx_ess_datetime.h"
#include "ngx_ess_position.h"


/* an offset of a RabbitMQ stream is an ordinal less one, and signed */
#define NGX_ESS_POSITION_MAX    (NGX_MAX_OFF_T_VALUE - 1)

/* of a decoded value: the longest datetime is far shorter */
#define NGX_ESS_POSITION_VALUE  64


typedef struct {
    ngx_str_t                name;
    ngx_int_t              (*parse)(ngx_str_t *value, time_t now,
                                 ngx_ess_position_t *pos);
    ngx_str_t                expected;      /* at most 123 bytes */
} ngx_ess_position_param_t;


static ngx_int_t ngx_ess_position_query(ngx_ess_position_said_t *said,
    ngx_ess_position_t *pos, ngx_str_t *reason);
static ngx_ess_position_param_t *ngx_ess_position_param(ngx_str_t *name);
static ngx_int_t ngx_ess_position_twice(ngx_str_t *reason);
static ngx_int_t ngx_ess_position_number(ngx_str_t *value, uint64_t *number);
static ngx_int_t ngx_ess_position_name(ngx_str_t *value, time_t now,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_ordinal(ngx_str_t *value, time_t now,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_timestamp(ngx_str_t *value, time_t now,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_datetime(ngx_str_t *value, time_t now,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_iso(ngx_str_t *value,
    ngx_ess_position_t *pos);
static ngx_int_t ngx_ess_position_date(ngx_str_t *text, time_t *seconds);
static ngx_int_t ngx_ess_position_time(ngx_str_t *text, time_t *seconds,
    ngx_uint_t *msec);
static ngx_int_t ngx_ess_position_zone(ngx_str_t *text, time_t *seconds);
static ngx_int_t ngx_ess_position_digits(ngx_str_t *text, size_t n, off_t max,
    ngx_uint_t *value);
static ngx_uint_t ngx_ess_position_next(ngx_str_t *text, const char *set);


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
      ngx_string("stream_from_datetime must be a date or a time, such as "
                 "2026-01-31T13:45:00.000Z, 31 Jan 2026 or 13:45") },

    { ngx_null_string, NULL, ngx_null_string }
};


const char *const  ngx_ess_position_headers[NGX_ESS_POSITION_HEADERS] = {
    "x-streamfromordinal", "x-streamfromtimestamp", "x-streamfromdatetime"
};


static ngx_ess_position_param_t
    ngx_ess_position_header_params[NGX_ESS_POSITION_HEADERS] = {

    { ngx_null_string, ngx_ess_position_ordinal,
      ngx_string("X-StreamFromOrdinal must be a number from 0 to "
                 "9223372036854775806") },

    { ngx_null_string, ngx_ess_position_timestamp,
      ngx_string("X-StreamFromTimestamp must be a number of milliseconds "
                 "since 1970") },

    { ngx_null_string, ngx_ess_position_datetime,
      ngx_string("X-StreamFromDatetime must be a date or a time, such as "
                 "2026-01-31T13:45:00.000Z, 31 Jan 2026 or 13:45") }
};


ngx_int_t
ngx_ess_position_parse(ngx_ess_position_said_t *said, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ngx_ess_position_param_t  *param;

    ngx_memzero(pos, sizeof(ngx_ess_position_t));

    if (said->many) {
        return ngx_ess_position_twice(reason);
    }

    for (i = 0; i < NGX_ESS_POSITION_HEADERS; i++) {
        value = said->headers[i];

        if (value.len == 0) {
            continue;
        }

        if (pos->type != NGX_ESS_POSITION_NEW) {
            return ngx_ess_position_twice(reason);
        }

        param = &ngx_ess_position_header_params[i];

        if (value.len > NGX_ESS_POSITION_VALUE
            || param->parse(&value, said->now, pos) != NGX_OK)
        {
            *reason = param->expected;
            return NGX_DECLINED;
        }
    }

    return ngx_ess_position_query(said, pos, reason);
}


static ngx_int_t
ngx_ess_position_query(ngx_ess_position_said_t *said, ngx_ess_position_t *pos,
    ngx_str_t *reason)
{
    u_char                     buf[NGX_ESS_POSITION_VALUE];
    ngx_str_t                  rest, text, name, value;
    ngx_ess_position_param_t  *param;

    rest = said->args;

    while (rest.len) {
        (void) ngx_ess_str_cut(&rest, '&', &text);
        (void) ngx_ess_str_cut(&text, '=', &name);

        param = ngx_ess_position_param(&name);
        if (param == NULL) {
            continue;
        }

        if (pos->type != NGX_ESS_POSITION_NEW) {
            return ngx_ess_position_twice(reason);
        }

        if (said->places && param->parse == ngx_ess_position_name) {
            *said->places = text;
            pos->type = NGX_ESS_POSITION_EVENT;
            continue;
        }

        if (ngx_ess_percent_decode(&value, buf, sizeof(buf), &text, 0)
            != NGX_OK
            || param->parse(&value, said->now, pos) != NGX_OK)
        {
            *reason = param->expected;
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_position_twice(ngx_str_t *reason)
{
    ngx_str_set(reason, "only one of from, stream_from_ordinal, "
                        "stream_from_timestamp and stream_from_datetime may "
                        "be given, or one header");
    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_position_event(ngx_str_t *value, ngx_ess_position_t *pos)
{
    ngx_memzero(pos, sizeof(ngx_ess_position_t));

    if (ngx_ess_position_name(value, 0, pos) != NGX_OK) {

        /* no log has the epoch 0 */

        ngx_memzero(pos, sizeof(ngx_ess_position_t));
        pos->type = NGX_ESS_POSITION_EVENT;

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_ess_position_param_t *
ngx_ess_position_param(ngx_str_t *name)
{
    ngx_ess_position_param_t  *param;

    for (param = ngx_ess_position_params; param->parse; param++) {
        if (ngx_ess_str_equal(&param->name, name)) {
            return param;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_ess_position_number(ngx_str_t *value, uint64_t *number)
{
    off_t  n;

    n = ngx_atoof(value->data, value->len);

    if (n == NGX_ERROR || n > NGX_ESS_POSITION_MAX) {
        return NGX_DECLINED;
    }

    *number = n;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_position_name(ngx_str_t *value, time_t now, ngx_ess_position_t *pos)
{
    size_t     i;
    ngx_int_t  digit;
    ngx_str_t  epoch, ordinal;

    ordinal = *value;

    if (!ngx_ess_str_cut(&ordinal, '-', &epoch) || epoch.len == 0) {
        return NGX_DECLINED;
    }

    for (i = 0; i < epoch.len; i++) {

        digit = ngx_hextoi(&epoch.data[i], 1);

        if (digit == NGX_ERROR || pos->epoch >> 60) {
            return NGX_DECLINED;
        }

        pos->epoch = pos->epoch * 16 + digit;
    }

    pos->type = NGX_ESS_POSITION_EVENT;

    return ngx_ess_position_number(&ordinal, &pos->ordinal);
}


static ngx_int_t
ngx_ess_position_ordinal(ngx_str_t *value, time_t now, ngx_ess_position_t *pos)
{
    pos->type = NGX_ESS_POSITION_ORDINAL;

    return ngx_ess_position_number(value, &pos->ordinal);
}


static ngx_int_t
ngx_ess_position_timestamp(ngx_str_t *value, time_t now,
    ngx_ess_position_t *pos)
{
    pos->type = NGX_ESS_POSITION_TIMESTAMP;

    return ngx_ess_position_number(value, &pos->timestamp);
}


/* First as ISO 8601 has it, then as people write it: where a "+" is no sign it
   stands for a space, as forms encode it. */

static ngx_int_t
ngx_ess_position_datetime(ngx_str_t *value, time_t now, ngx_ess_position_t *pos)
{
    size_t     i;
    u_char     buf[NGX_ESS_POSITION_VALUE];
    ngx_str_t  text;

    text = *value;

    if (ngx_ess_position_iso(&text, pos) == NGX_OK) {
        return NGX_OK;
    }

    pos->type = NGX_ESS_POSITION_TIMESTAMP;

    if (ngx_ess_datetime(value, now, &pos->timestamp) == NGX_OK) {
        return NGX_OK;
    }

    for (i = 0; i < value->len; i++) {
        buf[i] = (value->data[i] == '+') ? ' ' : value->data[i];
    }

    text.data = buf;
    text.len = value->len;

    return ngx_ess_datetime(&text, now, &pos->timestamp);
}


/* A date, or a date and a time; UTC where no zone is given.  What is read is
   cut off the value. */

static ngx_int_t
ngx_ess_position_iso(ngx_str_t *value, ngx_ess_position_t *pos)
{
    time_t      seconds;
    ngx_uint_t  msec;

    msec = 0;

    if (ngx_ess_position_date(value, &seconds) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (value->len
        && (!ngx_ess_position_next(value, "Tt +")
            || ngx_ess_position_time(value, &seconds, &msec) != NGX_OK
            || ngx_ess_position_zone(value, &seconds) != NGX_OK
            || value->len))
    {
        return NGX_DECLINED;
    }

    pos->type = NGX_ESS_POSITION_TIMESTAMP;
    pos->timestamp = (seconds < 0) ? 0 : (uint64_t) seconds * 1000 + msec;

    return NGX_OK;
}


/* 2026-01-31 or 20260131, of the proleptic Gregorian calendar. */

static ngx_int_t
ngx_ess_position_date(ngx_str_t *text, time_t *seconds)
{
    struct tm   tm;
    ngx_uint_t  year, month, day, dash;

    if (ngx_ess_position_digits(text, 4, 9999, &year) != NGX_OK) {
        return NGX_DECLINED;
    }

    dash = ngx_ess_position_next(text, "-");

    if (ngx_ess_position_digits(text, 2, 12, &month) != NGX_OK
        || (dash && !ngx_ess_position_next(text, "-"))
        || ngx_ess_position_digits(text, 2, 31, &day) != NGX_OK
        || year == 0 || month == 0)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&tm, sizeof(struct tm));

    tm.tm_year = (int) year - 1900;
    tm.tm_mon = (int) month - 1;
    tm.tm_mday = (int) day;

    *seconds = timegm(&tm);

    /* a day that the month does not have is now one of another month */

    return (tm.tm_mday == (int) day) ? NGX_OK : NGX_DECLINED;
}


/* 13:45, 13:45:00, 13:45:00.123 and the same without colons. */

static ngx_int_t
ngx_ess_position_time(ngx_str_t *text, time_t *seconds, ngx_uint_t *msec)
{
    ngx_uint_t  hour, minute, second, digit, scale, colon;

    second = 0;

    if (ngx_ess_position_digits(text, 2, 24, &hour) != NGX_OK) {
        return NGX_DECLINED;
    }

    colon = ngx_ess_position_next(text, ":");

    if (ngx_ess_position_digits(text, 2, 59, &minute) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (!colon || ngx_ess_position_next(text, ":")) {

        /* a leap second is the first one of the next minute */

        if (ngx_ess_position_digits(text, 2, 60, &second) != NGX_OK) {

            if (colon) {
                return NGX_DECLINED;
            }

        } else if (ngx_ess_position_next(text, ".,")) {

            for (scale = 100;
                 ngx_ess_position_digits(text, 1, 9, &digit) == NGX_OK;
                 scale /= 10)
            {
                *msec += digit * scale;
            }

            if (scale == 100) {
                return NGX_DECLINED;
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
ngx_ess_position_zone(ngx_str_t *text, time_t *seconds)
{
    time_t      offset;
    ngx_uint_t  hours, minutes, west;

    if (text->len == 0 || ngx_ess_position_next(text, "Zz")) {
        return NGX_OK;
    }

    west = ngx_ess_position_next(text, "-");
    minutes = 0;

    if ((!west && !ngx_ess_position_next(text, "+ "))
        || ngx_ess_position_digits(text, 2, 23, &hours) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (text->len) {
        (void) ngx_ess_position_next(text, ":");

        if (ngx_ess_position_digits(text, 2, 59, &minutes) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    offset = hours * 3600 + minutes * 60;
    *seconds += west ? offset : -offset;

    return NGX_OK;
}


/* Cuts off so many digits, if there are. */

static ngx_int_t
ngx_ess_position_digits(ngx_str_t *text, size_t n, off_t max,
    ngx_uint_t *value)
{
    off_t  number;

    number = (text->len < n) ? NGX_ERROR : ngx_atoof(text->data, n);

    if (number == NGX_ERROR || number > max) {
        return NGX_DECLINED;
    }

    text->data += n;
    text->len -= n;
    *value = number;

    return NGX_OK;
}


/* Cuts off one of those characters, if it is there. */

static ngx_uint_t
ngx_ess_position_next(ngx_str_t *text, const char *set)
{
    if (text->len == 0 || *text->data == '\0'
        || ngx_strchr(set, *text->data) == NULL)
    {
        return 0;
    }

    text->data++;
    text->len--;

    return 1;
}
