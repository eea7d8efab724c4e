
/*
 * The WebSocket codec: the input is what a client sends, parsed whole and
 * again in parts of changing length; both must say the same, with
 * permessage-deflate and without.  The input is taken as offers of it, too.
 *
 * links: src/transport/ngx_ess_ws_codec.c src/ngx_ess_utf8.c
 * links: src/transport/ngx_ess_ws_deflate.c t/unit/ngx_string.c
 * links: src/ngx_ess_str.c
 */


#include <stdint.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_ws_codec.h"


typedef struct {
    ngx_uint_t   frames;
    uint32_t     sum;                       /* of all that was said */
    ngx_int_t    rc;
    uint16_t     code;
} fuzz_trace_t;


static void fuzz_add(fuzz_trace_t *t, const u_char *p, size_t len);
static void fuzz_parse(const uint8_t *data, size_t size, size_t step,
    ngx_uint_t deflate, fuzz_trace_t *t);
static void fuzz_client(const uint8_t *data, size_t size, ngx_uint_t deflate);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_add(fuzz_trace_t *t, const u_char *p, size_t len)
{
    while (len--) {
        t->sum = t->sum * 31 + *p++;
    }
}


static void
fuzz_parse(const uint8_t *data, size_t size, size_t step, ngx_uint_t deflate,
    fuzz_trace_t *t)
{
    size_t                n;
    u_char               *buf, *p, *last;
    ngx_int_t             rc;
    ngx_ess_ws_parser_t   parser;

    memset(&parser, 0, sizeof(parser));
    parser.deflate = (deflate != 0);
    parser.keep = (deflate != 2);
    memset(t, 0, sizeof(fuzz_trace_t));

    rc = NGX_AGAIN;

    while (size && rc == NGX_AGAIN) {

        n = (step && step < size) ? step : size;

        /* of just that length, for the sanitizer's red zones */

        buf = malloc(n);
        if (buf == NULL) {
            abort();
        }

        memcpy(buf, data, n);

        p = buf;
        last = buf + n;

        while ((rc = ngx_ess_ws_codec_parse(&parser, &p, last)) == NGX_OK) {

            if (p > last) {
                abort();
            }

            t->frames++;
            fuzz_add(t, &parser.opcode, 1);

            if (parser.opcode >= NGX_ESS_WS_CLOSE) {
                fuzz_add(t, parser.control, parser.control_len);

            } else if (parser.keep && !parser.in_message) {
                fuzz_add(t, parser.message, parser.data_len);
            }

            if (parser.opcode == NGX_ESS_WS_CLOSE
                && parser.code != NGX_ESS_WS_NO_STATUS
                && !ngx_ess_ws_codec_code_valid(parser.code))
            {
                abort();
            }
        }

        if (rc == NGX_AGAIN && p != last) {
            abort();
        }

        if (rc == NGX_ERROR && (parser.reason == NULL || parser.code < 1000)) {
            abort();
        }

        free(buf);

        data += n;
        size -= n;
    }

    t->rc = rc;
    t->code = (rc == NGX_ERROR) ? parser.code : 0;

    ngx_ess_ws_codec_done(&parser);
}


static void
fuzz_client(const uint8_t *data, size_t size, ngx_uint_t deflate)
{
    fuzz_trace_t  whole, parts;

    fuzz_parse(data, size, 0, deflate, &whole);

    fuzz_parse(data, size, 1, deflate, &parts);

    if (memcmp(&whole, &parts, sizeof(whole)) != 0) {
        abort();
    }

    fuzz_parse(data, size, 1 + size % 13, deflate, &parts);

    if (memcmp(&whole, &parts, sizeof(whole)) != 0) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t             len, cut;
    u_char             buf[2 + NGX_ESS_WS_MAX_CONTROL];
    ngx_str_t          reason, line, answer;
    ngx_ess_utf8_t  utf8, two;

    fuzz_client(data, size, 0);
    fuzz_client(data, size, 1);
    fuzz_client(data, size, 2);

    line.data = (u_char *) data;
    line.len = size;
    (void) ngx_ess_ws_deflate_offer(&line, &answer);

    /* UTF-8 whole and in two parts */

    memset(&utf8, 0, sizeof(utf8));
    memset(&two, 0, sizeof(two));

    cut = size ? data[0] % (size + 1) : 0;

    if ((ngx_ess_utf8(&utf8, data, size) == NGX_OK)
        != (ngx_ess_utf8(&two, data, cut) == NGX_OK
            && ngx_ess_utf8(&two, data + cut, size - cut) == NGX_OK))
    {
        abort();
    }

    /* a reason of any length stays within a control frame */

    reason.data = (u_char *) data;
    reason.len = size;

    len = ngx_ess_ws_codec_close(buf, 1000, &reason);

    if (len > sizeof(buf) || len != (size_t) buf[1] + 2) {
        abort();
    }

    return 0;
}
