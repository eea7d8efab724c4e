/*
 * Annotations: what was an object to us is one to cJSON, and still is with
 * its new members, which come last.
 *
 * links: src/encoding/ngx_ess_annotate.c src/ngx_ess_utf8.c
 * links: src/ngx_ess_json_*.c t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "ngx_ess_annotate.h"
#include "ngx_ess_utf8.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_object(ngx_ess_encoding_event_t *event, ngx_ess_annotate_t *a)
{
    u_char  *p;
    size_t   len;
    cJSON   *json, *member;

    len = event->body.len + a->len;

    p = malloc(len);
    if (p == NULL) {
        return;
    }

    memcpy(p, event->body.data, a->at);
    memcpy(p + a->at, a->data, a->len);
    memcpy(p + a->at + a->len, event->body.data + a->at,
           event->body.len - a->at);

    json = cJSON_ParseWithLength((char *) p, len);

    /* it is less patient with surrogates, and with depth more */

    if (json == NULL) {

        if (memchr(p, '\\', len) == NULL) {
            abort();
        }

        free(p);
        return;
    }

    for (member = json->child; member && member->next; member = member->next) {
        /* void */
    }

    if (!cJSON_IsObject(json) || member == NULL
        || strcmp(member->string, "ess_timestamp") != 0
        || strcmp(member->prev->string, "ess_ordinal") != 0)
    {
        abort();
    }

    cJSON_Delete(json);
    free(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_ess_annotate_t          a;
    ngx_ess_encoding_event_t   event;

    event.body.len = size;
    event.body.data = malloc(size ? size : 1);
    event.ordinal = 1;
    event.timestamp = 2;

    if (event.body.data == NULL) {
        return 0;
    }

    memcpy(event.body.data, data, size);

    if (ngx_ess_utf8_valid(event.body.data, event.body.len)) {

        ngx_ess_annotate(&a, &event);

        if (a.at > size || a.len > sizeof(a.data)) {
            abort();
        }

        if (a.len && a.data[0] != '|') {
            fuzz_object(&event, &a);
        }
    }

    free(event.body.data);

    return 0;
}
