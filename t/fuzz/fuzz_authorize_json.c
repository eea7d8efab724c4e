/*
 * What a back end answers about subscriptions: it fits, or there is a reason;
 * and what was known before stays as it was.
 *
 * links: src/client/ngx_ess_authorize_json.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_str.c
 * links: t/unit/ngx_pool.c t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_authorize_json.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char                     *all;
    ngx_int_t                   rc;
    ngx_str_t                   body;
    const char                 *wrong;
    ngx_ess_authorize_key_t     keys[3];
    ngx_ess_authorize_entry_t   entries[3];

    all = malloc(size ? size : 1);

    if (all == NULL) {
        return 0;
    }

    memcpy(all, data, size);

    memset(keys, 0, sizeof(keys));
    memset(entries, 0, sizeof(entries));

    ngx_str_set(&keys[0].key, "a");
    ngx_str_set(&keys[1].key, "b");
    ngx_str_set(&keys[2].key, "eu");
    keys[1].known = 1;

    entries[0].asked = 1;
    entries[1].keys = keys;
    entries[1].nkeys = 3;
    entries[1].asked = 1;

    body.data = all;
    body.len = size;
    wrong = NULL;

    rc = ngx_ess_authorize_json_answer(&body, entries, 3, &wrong);

    if ((rc == NGX_OK) == (wrong != NULL)
        || keys[1].allowed || entries[2].all.allowed || entries[2].all.known
        || keys[0].known || keys[2].known)
    {
        abort();
    }

    free(all);

    return 0;
}
