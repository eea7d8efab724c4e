/*
 * Places in several streams: what was read is written as long as was said, and
 * is read again; or every place is one that no log has.
 *
 * links: src/subscriber/ngx_ess_places.c src/subscriber/ngx_ess_position.c
 * links: src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c
 * links: src/ngx_ess_percent.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_places.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_again(ngx_ess_position_t *pos, ngx_uint_t n)
{
    size_t              len;
    u_char              buf[NGX_ESS_PLACES_LEN];
    ngx_str_t           text;
    ngx_uint_t          i, found;
    ngx_ess_event_id_t  places[NGX_ESS_PLACES_MAX];
    ngx_ess_position_t  again[NGX_ESS_PLACES_MAX];

    for (i = 0; i < n; i++) {
        places[i].epoch = pos[i].epoch;
        places[i].ordinal = pos[i].ordinal;
    }

    len = ngx_ess_places_len(places, n);

    if (len > sizeof(buf)
        || ngx_ess_places_write(buf, places, n) != buf + len)
    {
        abort();
    }

    text.data = buf;
    text.len = len;

    if (ngx_ess_places_parse(&text, again, n, &found) != NGX_OK
        || found != n || memcmp(pos, again, n * sizeof(*pos)) != 0)
    {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t           text;
    ngx_uint_t          i, n, found;
    ngx_ess_position_t  pos[NGX_ESS_PLACES_MAX];

    /* of just that length, for the sanitizer's red zones */

    text.len = size;
    text.data = malloc(size ? size : 1);

    if (text.data == NULL) {
        return 0;
    }

    memcpy(text.data, data, size);
    memset(pos, 0, sizeof(pos));

    if (ngx_ess_places_parse(&text, pos, 2, &found) != NGX_OK) {

        for (i = 0; i < 2; i++) {
            if (pos[i].epoch || pos[i].ordinal) {
                abort();
            }
        }
    }

    n = found;
    memset(pos, 0, sizeof(pos));

    if (n > 0 && n <= NGX_ESS_PLACES_MAX) {

        if (ngx_ess_places_parse(&text, pos, n, &found) != NGX_OK) {
            abort();
        }

        fuzz_again(pos, n);
    }

    free(text.data);

    return 0;
}
