
/*
 * Annotations, and the check that a body is a JSON object: one pass, whose
 * recursion is bounded.  Owns nothing.  Runs in workers, once for each event.
 */


#include "ngx_ess_annotate.h"
#include "ngx_ess_str.h"


typedef struct {
    u_char                    *p;
    u_char                    *last;
    ngx_uint_t                 depth;
    u_char                    *end;         /* brace of the outermost object */
    ngx_uint_t                 empty;       /* that has no members */
} ngx_ess_annotate_json_t;


static ngx_uint_t ngx_ess_annotate_is(ngx_ess_annotate_json_t *j, u_char ch);
static ngx_int_t ngx_ess_annotate_value(ngx_ess_annotate_json_t *j);
static ngx_int_t ngx_ess_annotate_items(ngx_ess_annotate_json_t *j,
    u_char close);
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
    ngx_int_t                 rc;
    ngx_ess_annotate_json_t   j;

    ngx_memzero(&j, sizeof(ngx_ess_annotate_json_t));

    j.p = event->body.data;
    j.last = j.p + event->body.len;

    a->at = event->body.len;
    a->len = 0;
    a->invalid = 0;

    j.p = ngx_ess_str_space(j.p, j.last);

    if (j.p < j.last && *j.p == '{') {
        rc = ngx_ess_annotate_value(&j);
        j.p = ngx_ess_str_space(j.p, j.last);

        if (rc != NGX_OK || j.p != j.last) {
            a->invalid = 1;
            return;
        }

        a->at = j.end - event->body.data;
        last = ngx_sprintf(a->data, "%s\"ess_ordinal\":%uL,"
                           "\"ess_timestamp\":",
                           j.empty ? "" : ",", event->ordinal);

    } else {
        last = ngx_sprintf(a->data, "|ordinal: %uL|timestamp: ",
                           event->ordinal);
    }

    /* null: nobody shall come back by a time that means nothing */

    last = event->timestamp ? ngx_sprintf(last, "%uL", event->timestamp)
                            : ngx_cpymem(last, "null", 4);

    a->len = last - a->data;
}


/* Is that what is next, behind white space?  Then it is behind it. */

static ngx_uint_t
ngx_ess_annotate_is(ngx_ess_annotate_json_t *j, u_char ch)
{
    j->p = ngx_ess_str_space(j->p, j->last);

    if (j->p == j->last || *j->p != ch) {
        return 0;
    }

    j->p++;

    return 1;
}


static ngx_int_t
ngx_ess_annotate_value(ngx_ess_annotate_json_t *j)
{
    j->p = ngx_ess_str_space(j->p, j->last);

    if (j->p == j->last) {
        return NGX_DECLINED;
    }

    switch (*j->p) {

    case '{':
        return ngx_ess_annotate_items(j, '}');

    case '[':
        return ngx_ess_annotate_items(j, ']');

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


/* An object or an array, from its first brace or bracket on. */

static ngx_int_t
ngx_ess_annotate_items(ngx_ess_annotate_json_t *j, u_char close)
{
    ngx_uint_t  empty;

    if (j->depth == NGX_ESS_ANNOTATE_DEPTH) {
        return NGX_DECLINED;
    }

    j->p++;
    empty = ngx_ess_annotate_is(j, close);

    if (!empty) {
        j->depth++;

        do {
            if (close == '}'
                && (ngx_ess_annotate_string(j) != NGX_OK
                    || !ngx_ess_annotate_is(j, ':')))
            {
                return NGX_DECLINED;
            }

            if (ngx_ess_annotate_value(j) != NGX_OK) {
                return NGX_DECLINED;
            }

        } while (ngx_ess_annotate_is(j, ','));

        j->depth--;

        if (!ngx_ess_annotate_is(j, close)) {
            return NGX_DECLINED;
        }
    }

    j->empty = empty;
    j->end = j->p - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_annotate_string(ngx_ess_annotate_json_t *j)
{
    if (!ngx_ess_annotate_is(j, '"')) {
        return NGX_DECLINED;
    }

    for ( /* void */ ; j->p < j->last; j->p++) {

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
