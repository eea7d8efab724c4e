
/*
 * Is it JSON?  One pass, whose recursion is bounded.  Owns nothing.  Runs in
 * workers.
 */


#include "ngx_ess_json_scan.h"
#include "ngx_ess_str.h"


static ngx_uint_t ngx_ess_json_scan_is(ngx_ess_json_scan_t *j, u_char ch);
static ngx_int_t ngx_ess_json_scan_items(ngx_ess_json_scan_t *j, u_char close);
static ngx_int_t ngx_ess_json_scan_string(ngx_ess_json_scan_t *j);
static ngx_int_t ngx_ess_json_scan_escape(ngx_ess_json_scan_t *j);
static ngx_int_t ngx_ess_json_scan_literal(ngx_ess_json_scan_t *j,
    const char *text, size_t len);
static ngx_int_t ngx_ess_json_scan_number(ngx_ess_json_scan_t *j);
static ngx_int_t ngx_ess_json_scan_digits(ngx_ess_json_scan_t *j);


/* Is that what is next, behind white space?  Then it is behind it. */

static ngx_uint_t
ngx_ess_json_scan_is(ngx_ess_json_scan_t *j, u_char ch)
{
    j->p = ngx_ess_str_space(j->p, j->last);

    if (j->p == j->last || *j->p != ch) {
        return 0;
    }

    j->p++;

    return 1;
}


ngx_int_t
ngx_ess_json_scan_value(ngx_ess_json_scan_t *j)
{
    j->p = ngx_ess_str_space(j->p, j->last);

    if (j->p == j->last) {
        return NGX_DECLINED;
    }

    switch (*j->p) {

    case '{':
        return ngx_ess_json_scan_items(j, '}');

    case '[':
        return ngx_ess_json_scan_items(j, ']');

    case '"':
        return ngx_ess_json_scan_string(j);

    case 't':
        return ngx_ess_json_scan_literal(j, "true", 4);

    case 'f':
        return ngx_ess_json_scan_literal(j, "false", 5);

    case 'n':
        return ngx_ess_json_scan_literal(j, "null", 4);

    default:
        return ngx_ess_json_scan_number(j);
    }
}


/* An object or an array, from its first brace or bracket on. */

static ngx_int_t
ngx_ess_json_scan_items(ngx_ess_json_scan_t *j, u_char close)
{
    ngx_uint_t  empty;

    if (j->depth == NGX_ESS_JSON_SCAN_DEPTH) {
        return NGX_DECLINED;
    }

    j->p++;
    empty = ngx_ess_json_scan_is(j, close);

    if (!empty) {
        j->depth++;

        do {
            if (close == '}'
                && (ngx_ess_json_scan_string(j) != NGX_OK
                    || !ngx_ess_json_scan_is(j, ':')))
            {
                return NGX_DECLINED;
            }

            if (ngx_ess_json_scan_value(j) != NGX_OK) {
                return NGX_DECLINED;
            }

        } while (ngx_ess_json_scan_is(j, ','));

        j->depth--;

        if (!ngx_ess_json_scan_is(j, close)) {
            return NGX_DECLINED;
        }
    }

    j->empty = empty;
    j->end = j->p - 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_json_scan_string(ngx_ess_json_scan_t *j)
{
    if (!ngx_ess_json_scan_is(j, '"')) {
        return NGX_DECLINED;
    }

    for ( /* void */ ; j->p < j->last; j->p++) {

        if (*j->p == '"') {
            j->p++;
            return NGX_OK;
        }

        if (*j->p < ' ') {
            j->control = 1;
            return NGX_DECLINED;
        }

        if (*j->p == '\\' && ngx_ess_json_scan_escape(j) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    return NGX_DECLINED;
}


/* Ends at the escape's last character. */

static ngx_int_t
ngx_ess_json_scan_escape(ngx_ess_json_scan_t *j)
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
ngx_ess_json_scan_literal(ngx_ess_json_scan_t *j, const char *text,
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
ngx_ess_json_scan_number(ngx_ess_json_scan_t *j)
{
    if (*j->p == '-') {
        j->p++;
    }

    if (j->p < j->last && *j->p == '0') {
        j->p++;

    } else if (ngx_ess_json_scan_digits(j) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (j->p < j->last && *j->p == '.') {
        j->p++;

        if (ngx_ess_json_scan_digits(j) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (j->p < j->last && (*j->p == 'e' || *j->p == 'E')) {
        j->p++;

        if (j->p < j->last && (*j->p == '+' || *j->p == '-')) {
            j->p++;
        }

        return ngx_ess_json_scan_digits(j);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_json_scan_digits(ngx_ess_json_scan_t *j)
{
    u_char  *start;

    start = j->p;

    while (j->p < j->last && *j->p >= '0' && *j->p <= '9') {
        j->p++;
    }

    return (j->p > start) ? NGX_OK : NGX_DECLINED;
}
