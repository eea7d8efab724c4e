/*
 * Envelopes: they are JSON, with the members of one, whatever the body and the
 * key are; a text says what the body was.
 *
 * The first byte is the length of the key, which follows; then comes the body.
 *
 * links: src/encoding/ngx_ess_envelope.c src/ngx_ess_json_*.c
 * links: t/unit/ngx_pool.c
 * links: src/ngx_ess_str.c src/ngx_ess_utf8.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "ngx_ess_envelope.h"
#include "ngx_ess_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* It has no null inside, at which cJSON would end. */

static void
fuzz_is_text(cJSON *member, ngx_str_t *text)
{
    if (memchr(text->data, '\0', text->len)) {
        return;
    }

    if (!cJSON_IsString(member)
        || strlen(member->valuestring) != text->len
        || memcmp(member->valuestring, text->data, text->len) != 0)
    {
        abort();
    }
}


static void
fuzz_json(u_char *p, size_t len, ngx_ess_envelope_t *e,
    ngx_ess_encoding_event_t *event)
{
    cJSON  *json, *member;

    json = cJSON_ParseWithLength((char *) p, len);

    /* it is less patient with surrogates, and with depth */

    if (json == NULL) {

        if (e->form != NGX_ESS_ENVELOPE_DATA) {
            abort();
        }

        return;
    }

    member = json->child->next->next->next;

    if (event->key.len) {

        if (strcmp(member->string, "key") != 0) {
            abort();
        }

        fuzz_is_text(member, &event->key);
        member = member->next;
    }

    if (member->next
        || strcmp(member->string,
                  e->form == NGX_ESS_ENVELOPE_DATA ? "data"
                  : e->form == NGX_ESS_ENVELOPE_TEXT ? "text" : "base64") != 0)
    {
        abort();
    }

    if (e->form == NGX_ESS_ENVELOPE_TEXT) {
        fuzz_is_text(member, &event->body);
    }

    cJSON_Delete(json);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                    *copy, *p;
    ngx_ess_label_t            label;
    ngx_ess_envelope_t         e;
    ngx_ess_encoding_event_t   event;

    if (size == 0) {
        return 0;
    }

    memset(&event, 0, sizeof(event));

    event.key.len = data[0] < size ? data[0] : size - 1;
    event.body.len = size - 1 - event.key.len;

    copy = malloc(event.key.len ? event.key.len : 1);
    event.body.data = malloc(event.body.len ? event.body.len : 1);

    memcpy(copy, data + 1, event.key.len);
    memcpy(event.body.data, data + 1 + event.key.len, event.body.len);

    event.key.data = copy;

    /* a key is UTF-8 */

    if (!ngx_ess_utf8_valid(event.key.data, event.key.len)) {
        event.key.len = 0;
    }

    label.number = 17;
    event.label = &label;
    event.epoch = 0xab12;
    event.ordinal = size;

    ngx_ess_envelope(&e, &event);

    p = malloc(e.len);

    if (ngx_ess_envelope_write(p, &e) != p + e.len) {
        abort();
    }

    fuzz_json(p, e.len, &e, &event);

    free(p);
    free(copy);
    free(event.body.data);

    return 0;
}
