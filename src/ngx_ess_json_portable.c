
/*
 * What of RFC 8259 some readers refuse: one pass over a text whose grammar was
 * checked.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_json_portable.h"
#include <math.h>


/* 10^309 is more than any double, 10^308 is not */
#define NGX_ESS_JSON_PORTABLE_EXPONENT  309

/* digits that can matter for a number at that border: a double's are 17 */
#define NGX_ESS_JSON_PORTABLE_DIGITS    40


static const u_char *ngx_ess_json_portable_string(const u_char *p,
    const u_char *last);
static const u_char *ngx_ess_json_portable_escape(const u_char *p,
    const u_char *last);
static const u_char *ngx_ess_json_portable_number(const u_char *p,
    const u_char *last);
static ngx_uint_t ngx_ess_json_portable_fits(int64_t magnitude,
    const char *digits);


ngx_int_t
ngx_ess_json_portable(const ngx_str_t *text)
{
    const u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    while (p && p < last) {

        if (*p == '"') {
            p = ngx_ess_json_portable_string(p + 1, last);

        } else if (*p >= '0' && *p <= '9') {
            p = ngx_ess_json_portable_number(p, last);

        } else {
            p++;
        }
    }

    return p ? NGX_OK : NGX_DECLINED;
}


/* Each of the following returns what is behind; NULL: it is not portable. */

static const u_char *
ngx_ess_json_portable_string(const u_char *p, const u_char *last)
{
    while (p && p < last && *p != '"') {
        p = (*p == '\\') ? ngx_ess_json_portable_escape(p + 1, last) : p + 1;
    }

    return (p && p < last) ? p + 1 : p;
}


static const u_char *
ngx_ess_json_portable_escape(const u_char *p, const u_char *last)
{
    ngx_int_t  ch, low;

    if (last - p < 5 || *p != 'u') {
        return (p < last) ? p + 1 : p;
    }

    ch = ngx_hextoi((u_char *) p + 1, 4);
    p += 5;

    if (ch == 0 || (ch >= 0xdc00 && ch <= 0xdfff)) {
        return NULL;
    }

    if (ch < 0xd800 || ch > 0xdbff) {
        return p;
    }

    if (last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return NULL;
    }

    low = ngx_hextoi((u_char *) p + 2, 4);

    return (low >= 0xdc00 && low <= 0xdfff) ? p + 6 : NULL;
}


/* Behind its sign: 0.d1d2d3... * 10^magnitude, where d1 is not 0. */

static const u_char *
ngx_ess_json_portable_number(const u_char *p, const u_char *last)
{
    char         digits[NGX_ESS_JSON_PORTABLE_DIGITS + 1];
    int64_t      magnitude, exponent;
    ngx_uint_t   n, fraction, negative;

    magnitude = 0;
    fraction = 0;
    n = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.' && !fraction) {
            fraction = 1;
            continue;
        }

        if (*p < '0' || *p > '9') {
            break;
        }

        if (n == 0 && *p == '0') {
            magnitude -= fraction;
            continue;
        }

        magnitude += !fraction;

        if (n < NGX_ESS_JSON_PORTABLE_DIGITS) {
            digits[n++] = (char) *p;
        }
    }

    digits[n] = '\0';
    exponent = 0;

    if (p < last && (*p == 'e' || *p == 'E')) {
        p++;
        negative = (p < last && *p == '-');

        if (p < last && (*p == '-' || *p == '+')) {
            p++;
        }

        for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {
            if (exponent < NGX_MAX_INT32_VALUE) {
                exponent = exponent * 10 + (*p - '0');
            }
        }

        if (negative) {
            exponent = -exponent;
        }
    }

    return (n == 0 || ngx_ess_json_portable_fits(magnitude + exponent, digits))
           ? p : NULL;
}


static ngx_uint_t
ngx_ess_json_portable_fits(int64_t magnitude, const char *digits)
{
    char  text[sizeof("0.e309") + NGX_ESS_JSON_PORTABLE_DIGITS];

    if (magnitude != NGX_ESS_JSON_PORTABLE_EXPONENT) {
        return magnitude < NGX_ESS_JSON_PORTABLE_EXPONENT;
    }

    (void) ngx_sprintf((u_char *) text, "0.%se%d%Z", digits,
                       NGX_ESS_JSON_PORTABLE_EXPONENT);

    return !isinf(strtod(text, NULL));
}
