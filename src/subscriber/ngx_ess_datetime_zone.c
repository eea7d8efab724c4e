
/*
 * Zones: a name, an offset, or both.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_datetime_zone.h"
#include <ctype.h>


static ngx_int_t ngx_ess_datetime_zone_offset(ngx_ess_datetime_zone_t *z,
    ngx_ess_datetime_tokens_t *d, ngx_uint_t *i);


ngx_int_t
ngx_ess_datetime_zone(ngx_ess_datetime_zone_t *z,
    ngx_ess_datetime_tokens_t *d, ngx_uint_t *i)
{
    size_t                     n;
    ngx_uint_t                 utc, plus, minus;
    ngx_ess_datetime_token_t  *t;

    t = &d->list[*i];

    for (n = 0; n < t->len && isupper(t->data[n]); n++) { /* void */ }

    if (!z->named && !z->shifted && t->len <= 5
        && (n == t->len || (t->len == 1 && *t->data == 'z')))
    {
        utc = ngx_ess_datetime_token_utc(t);
        plus = ngx_ess_datetime_token_is(d, *i + 1, "+");
        minus = ngx_ess_datetime_token_is(d, *i + 1, "-");

        z->named = 1;

        if (plus || minus) {

            /* "GMT+3": what it says, and 3 hours, is GMT */

            z->sign = 1;
            z->named = !utc;
            return NGX_OK;
        }

        z->unknown = !utc;
        return NGX_OK;
    }

    if (ngx_ess_datetime_token_is(d, *i, "+")
        || ngx_ess_datetime_token_is(d, *i, "-"))
    {
        return ngx_ess_datetime_zone_offset(z, d, i);
    }

    return NGX_AGAIN;
}


/* +0100, +01:00, +01, and perhaps " (CET)". */

static ngx_int_t
ngx_ess_datetime_zone_offset(ngx_ess_datetime_zone_t *z,
    ngx_ess_datetime_tokens_t *d, ngx_uint_t *i)
{
    int                        hours, minutes;
    size_t                     n;
    ngx_uint_t                 k, east;
    ngx_ess_datetime_token_t  *t;

    k = *i;
    t = &d->list[k];

    if (k + 1 >= d->n || !t[1].digits) {
        return NGX_DECLINED;
    }

    east = (*t->data == '+');
    minutes = 0;

    if (t[1].len == 4) {
        (void) ngx_ess_datetime_token_int(t[1].data, 2, &hours);
        (void) ngx_ess_datetime_token_int(t[1].data + 2, 2, &minutes);

    } else if (ngx_ess_datetime_token_is(d, k + 2, ":")) {

        if (k + 3 >= d->n
            || ngx_ess_datetime_token_int(t[3].data, t[3].len, &minutes)
               != NGX_OK)
        {
            return NGX_DECLINED;
        }

        (void) ngx_ess_datetime_token_int(t[1].data, t[1].len, &hours);
        k += 2;

    } else if (t[1].len <= 2) {
        (void) ngx_ess_datetime_token_int(t[1].data, t[1].len, &hours);

    } else {
        return NGX_DECLINED;
    }

    if (hours > 23 || minutes > 59) {
        return NGX_DECLINED;
    }

    if (z->sign) {
        east = !east;
        z->sign = 0;
    }

    z->offset = (hours * 3600 + minutes * 60) * (east ? 1 : -1);
    z->shifted = 1;

    t = &d->list[k];

    if (k + 5 < d->n && ngx_ess_datetime_token_jumps(d, k + 2)
        && *t[3].data == '(' && *t[5].data == ')' && !z->named
        && t[4].len >= 3 && t[4].len <= 5)
    {
        for (n = 0; n < t[4].len && isupper(t[4].data[n]); n++) { /* void */ }

        if (n == t[4].len) {
            z->named = 1;
            k += 4;
        }
    }

    *i = k + 1;

    return NGX_OK;
}
