/*
 * The URI of a request without a client: what is taken has no segments that
 * lead elsewhere and no control characters, and its encoded form leads to the
 * same place.
 *
 * links: src/request/ngx_ess_request_uri.c t/unit/ngx_string.c
 * links: t/unit/ngx_pool.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_request_uri.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);


static void
check(ngx_str_t *s, int path)
{
    char    *text;
    size_t   i;

    text = calloc(1, s->len + 2);

    if (text == NULL) {
        abort();
    }

    if (s->len) {
        memcpy(text, s->data, s->len);
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 0x20 || s->data[i] == 0x7f) {
            abort();
        }
    }

    if (path) {
        text[s->len] = '/';

        if (text[0] != '/' || strstr(text, "/./") || strstr(text, "/../")
            || strstr(text, "//") != (text[s->len - 1] == '/'
                                      ? text + s->len - 1 : NULL))
        {
            abort();
        }
    }

    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                 *copy;
    ngx_str_t               text;
    ngx_ess_request_uri_t   uri, again;

    if (size == 0) {
        return 0;
    }

    /* of just that length, for the sanitizer's red zones */

    copy = malloc(size);

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);

    text.data = copy;
    text.len = size;

    if (ngx_ess_request_uri(&uri, NULL, &text) == NGX_OK) {
        check(&uri.path, 1);
        check(&uri.args, 0);

        if (memchr(uri.unparsed.data, ' ', uri.unparsed.len)
            || ngx_ess_request_uri(&again, NULL, &uri.unparsed) != NGX_OK
            || again.path.len != uri.path.len
            || memcmp(again.path.data, uri.path.data, uri.path.len) != 0
            || again.args.len != uri.args.len
            || again.unparsed.len != uri.unparsed.len
            || memcmp(again.unparsed.data, uri.unparsed.data,
                      uri.unparsed.len) != 0)
        {
            abort();
        }
    }

    free(copy);
    ngx_unit_pool_free();

    return 0;
}
