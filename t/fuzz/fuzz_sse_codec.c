/*
 * Event streams: a client that reads what was written for a body has that
 * body, with its line breaks as LF.
 *
 * links: src/encoding/ngx_ess_sse_codec.c src/ngx_ess_utf8.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_sse_codec.h"
#include "ngx_ess_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Both one after another, each line break counted as one LF. */

static int
fuzz_next(const u_char **p, const u_char *last)
{
    int  ch;

    if (*p == last) {
        return -1;
    }

    ch = *(*p)++;

    if (ch == '\r') {
        if (*p < last && **p == '\n') {
            (*p)++;
        }

        ch = '\n';
    }

    return ch;
}


static void
fuzz_text(const u_char *p, const u_char *last, ngx_str_t *body)
{
    int            ch;
    const u_char  *b, *b_last;

    b = body->data;
    b_last = b + body->len;

    for ( ;; ) {

        if (last - p < 6 || memcmp(p, "data: ", 6) != 0) {
            abort();
        }

        for (p += 6; p < last && *p != '\n'; p++) {
            if (fuzz_next(&b, b_last) != *p) {
                abort();
            }
        }

        if (last - p < 2) {
            abort();
        }

        p++;
        ch = fuzz_next(&b, b_last);

        if (*p == '\n') {
            break;
        }

        if (ch != '\n') {
            abort();
        }
    }

    if (p + 1 != last || ch != -1) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                      len;
    u_char                     *buf, *p;
    ngx_uint_t                  text;
    ngx_ess_encoding_event_t   event;

    event.body.len = size;
    event.body.data = malloc(size ? size : 1);
    event.epoch = size * 0x9e3779b97f4a7c15;
    event.ordinal = event.epoch >> 20;

    if (event.body.data == NULL) {
        return 0;
    }

    memcpy(event.body.data, data, size);

    text = ngx_ess_utf8_valid(event.body.data, event.body.len);
    len = ngx_ess_sse_codec_len(&event, text);
    buf = malloc(len);

    if (buf) {
        p = ngx_ess_sse_codec_write(buf, &event, text);

        if (p != buf + len || memcmp(buf, "id: ", 4) != 0) {
            abort();
        }

        p = memchr(buf, '\n', len);

        if (text) {
            fuzz_text(p + 1, buf + len, &event.body);
        }
    }

    free(buf);
    free(event.body.data);

    return 0;
}
