/*
 * The canonical form: a text has the hash that its members have in any other
 * order, its numbers with more digits, and its strings with more escapes.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_json_canonical.h"


typedef struct {
    u_char  *p;
    u_char  *last;
} fuzz_out_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_put(fuzz_out_t *out, const void *p, size_t len)
{
    if ((size_t) (out->last - out->p) < len) {
        abort();
    }

    memcpy(out->p, p, len);
    out->p += len;
}


/* What is ASCII, and no escape, gets one. */

static void
fuzz_string(fuzz_out_t *out, const u_char *p, size_t len)
{
    char    text[8];
    size_t  i;

    fuzz_put(out, "\"", 1);

    for (i = 0; i < len; i++) {

        if (p[i] == '\\' && p[i + 1] != 'u') {
            fuzz_put(out, p + i, 2);
            i++;

        } else if (p[i] == '\\') {
            fuzz_put(out, p + i, 6);
            i += 5;

        } else if (p[i] < 0x80) {
            snprintf(text, sizeof(text), "\\u%04x", p[i]);
            fuzz_put(out, text, 6);

        } else {
            fuzz_put(out, p + i, 1);
        }
    }

    fuzz_put(out, "\"", 1);
}


static void
fuzz_number(fuzz_out_t *out, const ngx_str_t *span)
{
    size_t  n;

    for (n = 0; n < span->len; n++) {
        if (span->data[n] == 'e' || span->data[n] == 'E') {
            break;
        }
    }

    fuzz_put(out, span->data, n);

    if (span->len - n < 17) {
        fuzz_put(out, memchr(span->data, '.', n) ? "00" : ".0", 2);
    }

    fuzz_put(out, span->data + n, span->len - n);
}


/* The same, written in another way; members from the last one on. */

static void
fuzz_write(fuzz_out_t *out, const ngx_ess_json_value_t *value)
{
    size_t                i, n, k;
    ngx_str_t             name;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    if (value->type == NGX_ESS_JSON_STRING) {
        fuzz_string(out, value->span.data + 1, value->span.len - 2);
        return;
    }

    if (value->type == NGX_ESS_JSON_NUMBER) {
        fuzz_number(out, &value->span);
        return;
    }

    if (ngx_ess_json_read_open(&walk, value) != NGX_OK) {
        fuzz_put(out, value->span.data, value->span.len);
        return;
    }

    for (n = 0; ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK; n++) {
        /* void */
    }

    fuzz_put(out, value->span.data, 1);

    for (i = 0; i < n; i++) {

        (void) ngx_ess_json_read_open(&walk, value);

        k = (value->type == NGX_ESS_JSON_OBJECT) ? n - i : i + 1;

        while (k--) {
            (void) ngx_ess_json_read_next(&walk, &name, &item);
        }

        fuzz_put(out, i ? " ," : " ", i ? 2 : 1);

        if (value->type == NGX_ESS_JSON_OBJECT) {
            fuzz_string(out, name.data, name.len);
            fuzz_put(out, ": ", 2);
        }

        fuzz_write(out, &item);
    }

    fuzz_put(out, value->span.data + value->span.len - 1, 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                 one[16], two[16];
    ngx_log_t              log;
    ngx_str_t              text, other;
    fuzz_out_t             out;
    ngx_ess_json_value_t   value, again;

    if (size > 4096) {
        return 0;
    }

    memset(&log, 0, sizeof(ngx_log_t));

    text.len = size;
    text.data = malloc(size ? size : 1);
    out.p = malloc(size * 8 + 16);

    if (text.data == NULL || out.p == NULL) {
        abort();
    }

    memcpy(text.data, data, size);

    other.data = out.p;
    out.last = out.p + size * 8 + 16;

    if (ngx_ess_json_read(&text, &value, NULL) == NGX_OK) {

        fuzz_write(&out, &value);
        other.len = out.p - other.data;

        if (ngx_ess_json_read(&other, &again, NULL) != NGX_OK
            || ngx_ess_json_canonical_hash(&value, one, &log) != NGX_OK
            || ngx_ess_json_canonical_hash(&again, two, &log) != NGX_OK
            || memcmp(one, two, 16) != 0
            || ngx_ess_json_canonical_same(&value, &again)
               != (value.type < NGX_ESS_JSON_ARRAY))
        {
            abort();
        }
    }

    free(text.data);
    free(other.data);

    return 0;
}
