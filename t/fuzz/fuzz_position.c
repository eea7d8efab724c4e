/*
 * Query strings: a position is within its bounds, or there is a reason that
 * fits into a Close frame.
 *
 * links: src/subscriber/ngx_ess_position.c src/subscriber/ngx_ess_datetime.c
 * links: src/ngx_ess_str.c
 * links: src/ngx_ess_percent.c
 * links: t/unit/ngx_string.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_position.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_check(ngx_int_t rc, ngx_ess_position_t *pos, ngx_str_t *reason)
{
    if (rc == NGX_OK) {

        if (pos->ordinal > (uint64_t) INT64_MAX - 1
            || pos->timestamp > (uint64_t) INT64_MAX - 1
            || pos->type > NGX_ESS_POSITION_TIMESTAMP)
        {
            abort();
        }

        return;
    }

    if (rc != NGX_DECLINED || reason->len == 0 || reason->len > 123) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_str_t                text, reason;
    ngx_ess_position_t       pos;
    ngx_ess_position_said_t  said;

    /* of just that length, for the sanitizer's red zones */

    text.len = size;
    text.data = malloc(size ? size : 1);

    if (text.data == NULL) {
        return 0;
    }

    memcpy(text.data, data, size);

    memset(&said, 0, sizeof(said));
    said.now = 1795871655;
    said.args = text;

    fuzz_check(ngx_ess_position_parse(&said, &pos, &reason), &pos, &reason);

    said.args.len = 0;
    said.headers[2] = text;

    fuzz_check(ngx_ess_position_parse(&said, &pos, &reason), &pos, &reason);

    if (ngx_ess_position_event(&text, &pos) != NGX_OK
        && (pos.epoch || pos.ordinal))
    {
        abort();
    }

    fuzz_check(NGX_OK, &pos, &reason);

    free(text.data);

    return 0;
}
