
/*
 * Query strings of pages.  What is wrong is said as the services said it whose
 * clients come here.  A pure function for each parameter; runs in workers.
 */


#include "ngx_ess_date.h"
#include "ngx_ess_events_args.h"
#include "ngx_ess_percent.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


#define NGX_ESS_EVENTS_ARGS_INTEGER                                           \
    "Input should be a valid integer, unable to parse string as an integer"

#define NGX_ESS_EVENTS_ARGS_TIME                                              \
    "Input should be a valid datetime, such as 2024-01-01T13:45:10Z"


/* NULL, or what is wrong */
typedef const char *(*ngx_ess_events_args_pt)(ngx_ess_events_args_t *args,
    ngx_str_t *value);


static void ngx_ess_events_args_split(ngx_ess_events_args_t *args,
    const ngx_str_t *text);
static void ngx_ess_events_args_take(ngx_ess_events_args_t *args,
    ngx_str_t *name, ngx_str_t *value);
static const char *ngx_ess_events_args_size(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_from(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_after(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_type(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_since(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_until(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_order(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static const char *ngx_ess_events_args_total(ngx_ess_events_args_t *args,
    ngx_str_t *value);
static ngx_int_t ngx_ess_events_args_number(ngx_str_t *value, int64_t *n);
static const char *ngx_ess_events_args_time(ngx_str_t *value, int64_t *ms);


const ngx_str_t  ngx_ess_events_args_names[NGX_ESS_EVENTS_ARGS_N] = {
    ngx_string("size"),
    ngx_string("from"),
    ngx_string("after"),
    ngx_string("type"),
    ngx_string("since"),
    ngx_string("until"),
    ngx_string("order"),
    ngx_string("total")
};


static const ngx_ess_events_args_pt
    ngx_ess_events_args_readers[NGX_ESS_EVENTS_ARGS_N] =
{
    ngx_ess_events_args_size,
    ngx_ess_events_args_from,
    ngx_ess_events_args_after,
    ngx_ess_events_args_type,
    ngx_ess_events_args_since,
    ngx_ess_events_args_until,
    ngx_ess_events_args_order,
    ngx_ess_events_args_total
};


ngx_int_t
ngx_ess_events_args_read(ngx_ess_events_args_t *args, const ngx_str_t *text)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_ess_events_args_value_t  *v;

    ngx_ess_events_args_split(args, text);

    args->size = NGX_ESS_EVENTS_ARGS_SIZE;
    rc = NGX_OK;

    for (i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        v = &args->values[i];

        if (v->text.data && v->wrong == NULL) {
            v->wrong = ngx_ess_events_args_readers[i](args, &v->text);
        }

        if (v->wrong) {
            rc = NGX_DECLINED;
        }
    }

    v = args->values;

    if (rc == NGX_OK
        && v[NGX_ESS_EVENTS_ARGS_OF_FROM].text.data
        && v[NGX_ESS_EVENTS_ARGS_OF_AFTER].text.data)
    {
        v[NGX_ESS_EVENTS_ARGS_OF_AFTER].wrong = "Input should not come "
                                                "together with 'from'";
        return NGX_DECLINED;
    }

    return rc;
}


ngx_int_t
ngx_ess_events_args_follow(ngx_ess_events_args_t *args, const ngx_str_t *text)
{
    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_ess_events_args_value_t  *v;

    ngx_ess_events_args_split(args, text);

    rc = NGX_OK;

    for (i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        v = &args->values[i];
        v->wrong = NULL;

        if (v->text.data && i != NGX_ESS_EVENTS_ARGS_OF_FROM) {
            v->wrong = "Input should be given for a page only: an event stream "
                       "has all events in their order";
            rc = NGX_DECLINED;
        }
    }

    return rc;
}


static void
ngx_ess_events_args_split(ngx_ess_events_args_t *args, const ngx_str_t *text)
{
    ngx_str_t  rest, name, value;

    ngx_memzero(args, sizeof(ngx_ess_events_args_t));

    rest = *text;

    while (rest.len) {
        (void) ngx_ess_str_cut(&rest, '&', &value);
        (void) ngx_ess_str_cut(&value, '=', &name);

        ngx_ess_events_args_take(args, &name, &value);
    }
}


static void
ngx_ess_events_args_take(ngx_ess_events_args_t *args, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t                    i;
    ngx_ess_events_args_value_t  *v;

    for (i = 0; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        if (ngx_ess_str_equal(name, &ngx_ess_events_args_names[i])) {
            break;
        }
    }

    if (i == NGX_ESS_EVENTS_ARGS_N) {
        return;
    }

    v = &args->values[i];
    v->wrong = NULL;

    if (ngx_ess_percent_decode(&v->text, v->buf, sizeof(v->buf), value, 1)
        != NGX_OK)
    {
        v->text.data = v->buf;
        v->text.len = 0;
        v->wrong = "Input should be a percent-encoded value of at most 256 "
                   "bytes";
    }
}


static const char *
ngx_ess_events_args_size(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    int64_t  n;

    if (ngx_ess_events_args_number(value, &n) != NGX_OK) {
        return NGX_ESS_EVENTS_ARGS_INTEGER;
    }

    if (n <= 0) {
        return "Input should be greater than 0";
    }

    if (n > NGX_ESS_EVENTS_ARGS_MAX) {
        return "Input should be less than or equal to 1000";
    }

    args->size = (ngx_uint_t) n;

    return NULL;
}


static const char *
ngx_ess_events_args_from(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    int64_t  n;

    if (ngx_ess_events_args_number(value, &n) != NGX_OK) {
        return NGX_ESS_EVENTS_ARGS_INTEGER;
    }

    if (n < 0) {
        return "Input should be greater than or equal to 0";
    }

    args->from = (uint64_t) n;

    return NULL;
}


/* A sign and digits, with blanks around them; a large one is cut at the largest
   that there is. */

static ngx_int_t
ngx_ess_events_args_number(ngx_str_t *value, int64_t *n)
{
    u_char      *p, *last;
    ngx_str_t    text;
    ngx_uint_t   negative;

    text = *value;
    ngx_ess_str_trim(&text);

    p = text.data;
    last = p + text.len;

    negative = (p < last && *p == '-');

    if (p < last && (*p == '-' || *p == '+')) {
        p++;
    }

    if (p == last) {
        return NGX_DECLINED;
    }

    for (*n = 0; p < last; p++) {

        if (*p < '0' || *p > '9') {
            return NGX_DECLINED;
        }

        *n = (*n > (INT64_MAX - 9) / 10) ? INT64_MAX : *n * 10 + (*p - '0');
    }

    if (negative) {
        *n = -*n;
    }

    return NGX_OK;
}


static const char *
ngx_ess_events_args_after(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    return (ngx_ess_events_cursor_read(value, &args->after) == NGX_OK)
           ? NULL : "Input should be a cursor, as 'next' of a page has it";
}


static const char *
ngx_ess_events_args_type(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    return (ngx_ess_utf8_valid(value->data, value->len)
            && memchr(value->data, '\0', value->len) == NULL)
           ? NULL : "Input should be a valid string, of UTF-8 without NUL";
}


static const char *
ngx_ess_events_args_since(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    return ngx_ess_events_args_time(value, &args->since);
}


static const char *
ngx_ess_events_args_until(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    return ngx_ess_events_args_time(value, &args->until);
}


static const char *
ngx_ess_events_args_time(ngx_str_t *value, int64_t *ms)
{
    size_t  len;

    len = value->len;

    /* a plus sign that was not encoded is a blank: "…T13:45:10 01:00" */

    if (len > 6 && value->data[len - 6] == ' ') {
        value->data[len - 6] = '+';
    }

    return (ngx_ess_date_parse(value->data, len, ms) == NGX_OK)
           ? NULL : NGX_ESS_EVENTS_ARGS_TIME;
}


static const char *
ngx_ess_events_args_order(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    if (value->len == 4 && ngx_memcmp(value->data, "desc", 4) == 0) {
        args->desc = 1;
        return NULL;
    }

    return (value->len == 3 && ngx_memcmp(value->data, "asc", 3) == 0)
           ? NULL : "Input should be 'asc' or 'desc'";
}


static const char *
ngx_ess_events_args_total(ngx_ess_events_args_t *args, ngx_str_t *value)
{
    if (value->len == 1 && (value->data[0] == '0' || value->data[0] == '1')) {
        args->total = value->data[0] - '0';
        return NULL;
    }

    if (ngx_ess_str_is(value, "true")) {
        args->total = 1;
        return NULL;
    }

    return ngx_ess_str_is(value, "false")
           ? NULL : "Input should be a valid boolean, unable to interpret "
                    "input";
}


u_char *
ngx_ess_events_args_write(u_char *p, const ngx_ess_events_args_t *args,
    const ngx_ess_events_cursor_t *cursor)
{
    ngx_uint_t        i;
    const ngx_str_t  *text;

    p = ngx_sprintf(p, "size=%ui", args->size);

    for (i = NGX_ESS_EVENTS_ARGS_OF_TYPE; i < NGX_ESS_EVENTS_ARGS_N; i++) {
        text = &args->values[i].text;

        if (text->data == NULL) {
            continue;
        }

        p = ngx_sprintf(p, "&%V=", &ngx_ess_events_args_names[i]);
        p = (u_char *) ngx_escape_uri(p, text->data, text->len,
                                      NGX_ESCAPE_URI_COMPONENT);
    }

    p = ngx_cpymem(p, "&after=", 7);

    return ngx_ess_events_cursor_write(p, cursor);
}
