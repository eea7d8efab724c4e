
/*
 * Decimal numbers in JSON's texts.  Owns nothing.  Runs in workers, and when
 * the configuration is read.
 */


#include "ngx_ess_json_number.h"


static void ngx_ess_json_number_exponent(ngx_ess_json_number_t *number,
    const u_char *p, const u_char *last);
static int ngx_ess_json_number_digits(const ngx_ess_json_number_t *one,
    const ngx_ess_json_number_t *two);
static u_char ngx_ess_json_number_next(const u_char **p);


void
ngx_ess_json_number_read(const ngx_str_t *text, ngx_ess_json_number_t *number)
{
    size_t         behind;
    ngx_uint_t     point;
    const u_char  *p, *last, *end;

    ngx_memzero(number, sizeof(ngx_ess_json_number_t));

    number->text = *text;

    p = text->data;
    last = p + text->len;

    if (p < last && *p == '-') {
        number->negative = 1;
        p++;
    }

    for (point = 0; p < last && (*p == '0' || *p == '.'); p++) {
        if (*p == '.') {
            point = 1;

        } else if (point) {
            number->exp--;
        }
    }

    number->digits = p;

    /* "behind": zeros since the last other digit, which may count or not */

    for (behind = 0; p < last && (*p == '.' || (*p >= '0' && *p <= '9')); p++) {

        if (*p == '.') {
            point = 1;
            continue;
        }

        if (point) {
            number->exp--;
        }

        behind++;

        if (*p != '0') {
            number->n += behind;
            behind = 0;
        }
    }

    end = p;

    if (number->n == 0) {
        number->negative = 0;
        number->exp = 0;
        return;
    }

    number->exp += behind;

    if (end < last) {
        ngx_ess_json_number_exponent(number, end + 1, last);
    }
}


static void
ngx_ess_json_number_exponent(ngx_ess_json_number_t *number, const u_char *p,
    const u_char *last)
{
    int64_t     value;
    ngx_uint_t  negative;

    negative = (p < last && *p == '-');

    if (p < last && (*p == '-' || *p == '+')) {
        p++;
    }

    while (p < last && *p == '0') {
        p++;
    }

    if (last - p > 17) {
        number->huge = 1;
        number->exp = negative ? -NGX_ESS_JSON_NUMBER_HUGE
                               : NGX_ESS_JSON_NUMBER_HUGE;
        return;
    }

    for (value = 0; p < last; p++) {
        value = value * 10 + (*p - '0');
    }

    number->exp += negative ? -value : value;
}


int
ngx_ess_json_number_cmp(const ngx_ess_json_number_t *one,
    const ngx_ess_json_number_t *two)
{
    int      sign, rc;
    int64_t  a, b;

    if (one->n == 0 || two->n == 0) {
        return one->n ? (one->negative ? -1 : 1)
                      : two->n ? (two->negative ? 1 : -1) : 0;
    }

    if (one->negative != two->negative) {
        return one->negative ? -1 : 1;
    }

    sign = one->negative ? -1 : 1;

    /* the first digit's place */

    a = one->huge ? one->exp : one->exp + (int64_t) one->n;
    b = two->huge ? two->exp : two->exp + (int64_t) two->n;

    if (a != b) {
        return (a < b) ? -sign : sign;
    }

    if (one->huge) {
        if (one->text.len != two->text.len) {
            return (one->text.len < two->text.len) ? -sign : sign;
        }

        return ngx_memcmp(one->text.data, two->text.data, one->text.len);
    }

    rc = ngx_ess_json_number_digits(one, two);

    return (rc < 0) ? -sign : (rc > 0) ? sign : 0;
}


static int
ngx_ess_json_number_digits(const ngx_ess_json_number_t *one,
    const ngx_ess_json_number_t *two)
{
    size_t         i;
    u_char         a, b;
    const u_char  *p, *q;

    p = one->digits;
    q = two->digits;

    for (i = 0; i < one->n && i < two->n; i++) {
        a = ngx_ess_json_number_next(&p);
        b = ngx_ess_json_number_next(&q);

        if (a != b) {
            return (a < b) ? -1 : 1;
        }
    }

    return (one->n == two->n) ? 0 : (one->n < two->n) ? -1 : 1;
}


static u_char
ngx_ess_json_number_next(const u_char **p)
{
    if (**p == '.') {
        (*p)++;
    }

    return *(*p)++;
}


ngx_uint_t
ngx_ess_json_number_integer(const ngx_ess_json_number_t *number)
{
    return number->n == 0 || number->exp >= 0;
}


ngx_uint_t
ngx_ess_json_number_double(const ngx_ess_json_number_t *number)
{
    ngx_str_t              text;
    ngx_ess_json_number_t  most;

    /* what is less than half of a step behind DBL_MAX is rounded to it */

    ngx_str_set(&text, "1.79769313486231580793e308");

    ngx_ess_json_number_read(&text, &most);

    most.negative = number->negative;

    return number->n == 0
           || (number->huge ? number->exp < 0
                            : number->negative
                              ? ngx_ess_json_number_cmp(number, &most) > 0
                              : ngx_ess_json_number_cmp(number, &most) < 0);
}


ngx_uint_t
ngx_ess_json_number_multiple(const ngx_ess_json_number_t *number,
    const ngx_ess_json_number_t *of)
{
    size_t             i;
    int64_t            exp;
    uint64_t           divisor;
    const u_char      *p;
    unsigned __int128  rest, ten;

    if (number->n == 0) {
        return 1;
    }

    exp = number->exp - of->exp;

    /* its digits end with no zero, so they are no multiple of ten */

    if (exp < 0 || of->n == 0) {
        return 0;
    }

    p = of->digits;

    for (divisor = 0, i = 0; i < of->n; i++) {
        divisor = divisor * 10 + (ngx_ess_json_number_next(&p) - '0');
    }

    p = number->digits;

    for (rest = 0, i = 0; i < number->n; i++) {
        rest = (rest * 10 + (ngx_ess_json_number_next(&p) - '0')) % divisor;
    }

    for (ten = 10 % divisor; exp; exp >>= 1) {
        if (exp & 1) {
            rest = rest * ten % divisor;
        }

        ten = ten * ten % divisor;
    }

    return rest == 0;
}
