
/*
 * Annotations, and the check that a body is a JSON object: one pass, with a
 * bit for each level instead of recursion.  Owns nothing.  Runs in workers,
 * once for each event.
 */


#include "ngx_ess_annotate.h"


typedef enum {
    NGX_ESS_ANNOTATE_FIRST_KEY = 0,         /* or the end of the object */
    NGX_ESS_ANNOTATE_KEY,
    NGX_ESS_ANNOTATE_COLON,
    NGX_ESS_ANNOTATE_FIRST_VALUE,           /* or the end of the array */
    NGX_ESS_ANNOTATE_VALUE,
    NGX_ESS_ANNOTATE_NEXT                   /* a comma, or an end */
} ngx_ess_annotate_state_e;


typedef struct {
    u_char                    *p;
    u_char                    *last;
    ngx_ess_annotate_state_e   state;
    ngx_uint_t                 depth;
    u_char                    *end;         /* brace of the outermost object */
    ngx_uint_t                 empty;       /* that has no members */
    u_char                     objects[NGX_ESS_ANNOTATE_DEPTH / 8];
} ngx_ess_annotate_json_t;


static u_char *ngx_ess_annotate_time(u_char *p, uint64_t timestamp);
static ngx_int_t ngx_ess_annotate_json(ngx_ess_annotate_json_t *j);
static void ngx_ess_annotate_space(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_token(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_value(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_open(ngx_ess_annotate_json_t *j,
    ngx_uint_t object);
static ngx_int_t ngx_ess_annotate_close(ngx_ess_annotate_json_t *j,
    ngx_uint_t object);
static ngx_uint_t ngx_ess_annotate_in_object(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_string(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_escape(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_literal(ngx_ess_annotate_json_t *j,
    const char *text, size_t len);
static ngx_int_t ngx_ess_annotate_number(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_digits(ngx_ess_annotate_json_t *j);


void
ngx_ess_annotate(ngx_ess_annotate_t *a, ngx_ess_encoding_event_t *event)
{
    u_char                   *last;
    ngx_ess_annotate_json_t   j;

    ngx_memzero(&j, sizeof(ngx_ess_annotate_json_t));

    j.p = event->body.data;
    j.last = j.p + event->body.len;

    a->invalid = 0;

    ngx_ess_annotate_space(&j);

    if (j.p == j.last || *j.p != '{') {
        a->at = event->body.len;
        last = ngx_sprintf(a->data, "|ordinal: %uL|timestamp: ",
                           event->ordinal);
        last = ngx_ess_annotate_time(last, event->timestamp);
        a->len = last - a->data;

        return;
    }

    if (ngx_ess_annotate_json(&j) != NGX_OK) {
        a->at = event->body.len;
        a->len = 0;
        a->invalid = 1;

        return;
    }

    a->at = j.end - event->body.data;
    last = ngx_sprintf(a->data, "%s\"ess_ordinal\":%uL,\"ess_timestamp\":",
                       j.empty ? "" : ",", event->ordinal);
    last = ngx_ess_annotate_time(last, event->timestamp);
    a->len = last - a->data;
}


/* null: nobody shall come back by a time that means nothing */

static u_char *
ngx_ess_annotate_time(u_char *p, uint64_t timestamp)
{
    return timestamp ? ngx_sprintf(p, "%uL", timestamp)
                     : ngx_cpymem(p, "null", sizeof("null") - 1);
}


/* From its first brace on: is it an object, and nothing but white space
   behind it? */

static ngx_int_t
ngx_ess_annotate_json(ngx_ess_annotate_json_t *j)
{
    j->depth = 0;
    j->empty = 0;

    if (ngx_ess_annotate_open(j, 1) != NGX_OK) {
        return NGX_DECLINED;
    }

    while (j->depth) {

        ngx_ess_annotate_space(j);

        if (j->p == j->last || ngx_ess_annotate_token(j) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    ngx_ess_annotate_space(j);

    return (j->p == j->last) ? NGX_OK : NGX_DECLINED;
}


static void
ngx_ess_annotate_space(ngx_ess_annotate_json_t *j)
{
    while (j->p < j->last
           && (*j->p == ' ' || *j->p == '\t' || *j->p == LF || *j->p == CR))
    {
        j->p++;
    }
}


static ngx_int_t
ngx_ess_annotate_token(ngx_ess_annotate_json_t *j)
{
    switch (j->state) {

    case NGX_ESS_ANNOTATE_FIRST_KEY:

        if (*j->p == '}') {
            j->empty = 1;
            return ngx_ess_annotate_close(j, 1);
        }

        /* fall through */

    case NGX_ESS_ANNOTATE_KEY:

        j->state = NGX_ESS_ANNOTATE_COLON;

        return (*j->p == '"') ? ngx_ess_annotate_string(j) : NGX_DECLINED;

    case NGX_ESS_ANNOTATE_COLON:

        j->state = NGX_ESS_ANNOTATE_VALUE;

        return (*j->p++ == ':') ? NGX_OK : NGX_DECLINED;

    case NGX_ESS_ANNOTATE_FIRST_VALUE:

        if (*j->p == ']') {
            return ngx_ess_annotate_close(j, 0);
        }

        /* fall through */

    case NGX_ESS_ANNOTATE_VALUE:

        return ngx_ess_annotate_value(j);

    default: /* NGX_ESS_ANNOTATE_NEXT */

        if (*j->p == ',') {
            j->p++;
            j->state = ngx_ess_annotate_in_object(j) ? NGX_ESS_ANNOTATE_KEY
                                                     : NGX_ESS_ANNOTATE_VALUE;
            return NGX_OK;
        }

        if (*j->p == '}' || *j->p == ']') {
            j->empty = 0;
            return ngx_ess_annotate_close(j, *j->p == '}');
        }

        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_ess_annotate_value(ngx_ess_annotate_json_t *j)
{
    j->state = NGX_ESS_ANNOTATE_NEXT;

    switch (*j->p) {

    case '{':
        return ngx_ess_annotate_open(j, 1);

    case '[':
        return ngx_ess_annotate_open(j, 0);

    case '"':
        return ngx_ess_annotate_string(j);

    case 't':
        return ngx_ess_annotate_literal(j, "true", 4);

    case 'f':
        return ngx_ess_annotate_literal(j, "false", 5);

    case 'n':
        return ngx_ess_annotate_literal(j, "null", 4);

    default:
        return ngx_ess_annotate_number(j);
    }
}


static ngx_int_t
ngx_ess_annotate_open(ngx_ess_annotate_json_t *j, ngx_uint_t object)
{
    u_char  bit;

    if (j->depth == NGX_ESS_ANNOTATE_DEPTH) {
        return NGX_DECLINED;
    }

    bit = (u_char) (1 << (j->depth & 7));

    if (object) {
        j->objects[j->depth / 8] |= bit;
        j->state = NGX_ESS_ANNOTATE_FIRST_KEY;

    } else {
        j->objects[j->depth / 8] &= (u_char) ~bit;
        j->state = NGX_ESS_ANNOTATE_FIRST_VALUE;
    }

    j->depth++;
    j->p++;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_annotate_close(ngx_ess_annotate_json_t *j, ngx_uint_t object)
{
    if (ngx_ess_annotate_in_object(j) != object) {
        return NGX_DECLINED;
    }

    j->end = j->p++;
    j->depth--;
    j->state = NGX_ESS_ANNOTATE_NEXT;

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_annotate_in_object(ngx_ess_annotate_json_t *j)
{
    ngx_uint_t  level;

    level = j->depth - 1;

    return (j->objects[level / 8] >> (level & 7)) & 1;
}


static ngx_int_t
ngx_ess_annotate_string(ngx_ess_annotate_json_t *j)
{
    for (j->p++; j->p < j->last; j->p++) {

        if (*j->p == '"') {
            j->p++;
            return NGX_OK;
        }

        if (*j->p < ' ') {
            return NGX_DECLINED;
        }

        if (*j->p == '\\' && ngx_ess_annotate_escape(j) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


/* Ends at the escape's last character. */

static ngx_int_t
ngx_ess_annotate_escape(ngx_ess_annotate_json_t *j)
{
    if (++j->p == j->last) {
        return NGX_DECLINED;
    }

    if (*j->p != 'u') {
        return (*j->p != '\0' && ngx_strchr("\"\\/bfnrt", *j->p)) ? NGX_OK
                                                          : NGX_DECLINED;
    }

    if (j->last - j->p < 5 || ngx_hextoi(j->p + 1, 4) == NGX_ERROR) {
        return NGX_DECLINED;
    }

    j->p += 4;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_annotate_literal(ngx_ess_annotate_json_t *j, const char *text,
    size_t len)
{
    if ((size_t) (j->last - j->p) < len
        || ngx_memcmp(j->p, text, len) != 0)
    {
        return NGX_DECLINED;
    }

    j->p += len;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_annotate_number(ngx_ess_annotate_json_t *j)
{
    if (*j->p == '-') {
        j->p++;
    }

    if (j->p < j->last && *j->p == '0') {
        j->p++;

    } else if (ngx_ess_annotate_digits(j) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (j->p < j->last && *j->p == '.') {
        j->p++;

        if (ngx_ess_annotate_digits(j) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (j->p < j->last && (*j->p == 'e' || *j->p == 'E')) {
        j->p++;

        if (j->p < j->last && (*j->p == '+' || *j->p == '-')) {
            j->p++;
        }

        return ngx_ess_annotate_digits(j);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_annotate_digits(ngx_ess_annotate_json_t *j)
{
    u_char  *start;

    start = j->p;

    while (j->p < j->last && *j->p >= '0' && *j->p <= '9') {
        j->p++;
    }

    return (j->p > start) ? NGX_OK : NGX_DECLINED;
}
