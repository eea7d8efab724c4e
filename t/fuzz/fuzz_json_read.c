/*
 * The strict JSON reader: what it takes cJSON takes, too, and the other way
 * round, but for what only one of them refuses; walks go through all of it; and
 * what a walk gives is read again alone.  No object has a member twice, and
 * what is not portable is special.
 *
 * links: src/ngx_ess_json_*.c src/ngx_ess_utf8.c t/unit/ngx_pool.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "ngx_ess_json_portable.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_string(ngx_str_t *raw)
{
    u_char     *buf;
    ngx_str_t   text;

    buf = malloc(raw->len ? raw->len : 1);
    if (buf == NULL) {
        return;
    }

    if (ngx_ess_json_string_text(raw, buf, &text) == NGX_OK
        && (text.len > raw->len || !ngx_ess_json_string_is(raw, &text)))
    {
        abort();
    }

    free(buf);
}


/* Is that the name of a member before it? */

static void
fuzz_twice(ngx_ess_json_value_t *value, ngx_str_t *name)
{
    u_char                *buf;
    ngx_str_t              other, text;
    ngx_ess_json_walk_t    walk;
    ngx_ess_json_value_t   item;

    buf = malloc(name->len ? name->len : 1);
    if (buf == NULL) {
        return;
    }

    if (ngx_ess_json_string_text(name, buf, &text) == NGX_OK) {

        (void) ngx_ess_json_read_open(&walk, value);

        while (ngx_ess_json_read_next(&walk, &other, &item) == NGX_OK
               && other.data != name->data)
        {
            if (ngx_ess_json_string_is(&other, &text)) {
                abort();
            }
        }
    }

    free(buf);
}


static void
fuzz_walk(ngx_ess_json_value_t *value)
{
    ngx_uint_t            n;
    ngx_str_t             name, raw;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item, again;

    if (value->type == NGX_ESS_JSON_STRING) {
        raw.data = value->span.data + 1;
        raw.len = value->span.len - 2;
        fuzz_string(&raw);
    }

    if (ngx_ess_json_read_open(&walk, value) != NGX_OK) {
        return;
    }

    for (n = 0; ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK; n++) {

        if (ngx_ess_json_read(&item.span, &again, NULL) != NGX_OK
            || again.type != item.type
            || again.span.len != item.span.len)
        {
            abort();
        }

        if (value->type == NGX_ESS_JSON_OBJECT) {
            fuzz_string(&name);

            if (n < 100) {
                fuzz_twice(value, &name);
            }
        }

        fuzz_walk(&item);
    }

    /* it ended at its end */

    while (walk.p < walk.last - 1) {
        if (*walk.p != ' ' && *walk.p != '\t' && *walk.p != '\r'
            && *walk.p != '\n')
        {
            abort();
        }

        walk.p++;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON                 *json;
    ngx_int_t              rc;
    ngx_str_t              text;
    const char            *detail;
    ngx_ess_json_read_t    j;
    ngx_ess_json_value_t   value;

    text.len = size;
    text.data = malloc(size ? size : 1);
    if (text.data == NULL) {
        return 0;
    }

    memcpy(text.data, data, size);

    detail = NULL;
    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    rc = ngx_ess_json_read_text(&j, &text, &detail);
    value = j.found;

    if (rc == NGX_OK) {

        if (!j.special && ngx_ess_json_portable(&text) != NGX_OK) {
            abort();
        }

        json = cJSON_ParseWithLength((char *) text.data, text.len);

        /* it refuses halves of surrogate pairs, and numbers of more than 63
           bytes it cuts */

        if (json == NULL && memchr(text.data, '\\', text.len) == NULL
            && text.len < 64)
        {
            abort();
        }

        cJSON_Delete(json);

        fuzz_walk(&value);

    } else if (detail == NULL) {
        abort();
    }

    free(text.data);

    return 0;
}
