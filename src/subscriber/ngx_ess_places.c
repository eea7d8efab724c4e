
/*
 * Places in several streams: read once for each client that comes back,
 * written before each event of a client with several streams, so by loops of
 * its own.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_places.h"
#include "ngx_ess_str.h"


_Static_assert(NGX_ESS_PLACES_LEN <= 4096,
               "an id takes half of nginx's header buffer");


static u_char *ngx_ess_places_hex(u_char *p, uint64_t n);
static u_char *ngx_ess_places_decimal(u_char *p, uint64_t n);


ngx_int_t
ngx_ess_places_parse(ngx_str_t *text, ngx_ess_position_t *pos, ngx_uint_t n,
    ngx_uint_t *found)
{
    ngx_str_t           rest, one;
    ngx_uint_t          i, more, places;
    ngx_ess_position_t  place;

    rest = *text;
    places = 0;

    do {
        more = ngx_ess_str_cut(&rest, ',', &one);

        if (ngx_ess_position_event(&one, &place) != NGX_OK) {
            places = 0;
            break;
        }

        if (places < n) {
            pos[places] = place;
        }

        places++;

    } while (more);

    *found = places;

    if (places == n) {
        return NGX_OK;
    }

    /* an empty text is no event's name */

    rest.len = 0;

    for (i = 0; i < n; i++) {
        (void) ngx_ess_position_event(&rest, &pos[i]);
    }

    return NGX_DECLINED;
}


size_t
ngx_ess_places_len(const ngx_ess_event_id_t *places, ngx_uint_t n)
{
    size_t      len;
    uint64_t    left;
    ngx_uint_t  i;

    len = 0;

    for (i = 0; i < n; i++) {

        /* a digit each, "-", and "," but for the last one */

        for (left = places[i].epoch >> 4; left; left >>= 4) {
            len++;
        }

        for (left = places[i].ordinal / 10; left; left /= 10) {
            len++;
        }

        len += 3 + (i + 1 < n);
    }

    return len;
}


u_char *
ngx_ess_places_write(u_char *p, const ngx_ess_event_id_t *places, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_ess_places_hex(p, places[i].epoch);
        *p++ = '-';
        p = ngx_ess_places_decimal(p, places[i].ordinal);
    }

    return p;
}


static u_char *
ngx_ess_places_hex(u_char *p, uint64_t n)
{
    ngx_uint_t  shift;

    static const u_char  hex[] = "0123456789abcdef";

    for (shift = 60; shift && (n >> shift) == 0; shift -= 4) { /* void */ }

    for ( ;; ) {
        *p++ = hex[(n >> shift) & 0xf];

        if (shift == 0) {
            return p;
        }

        shift -= 4;
    }
}


static u_char *
ngx_ess_places_decimal(u_char *p, uint64_t n)
{
    u_char  *d, digits[NGX_INT64_LEN];

    d = digits + sizeof(digits);

    do {
        *--d = (u_char) ('0' + n % 10);
        n /= 10;
    } while (n);

    return ngx_cpymem(p, d, digits + sizeof(digits) - d);
}
