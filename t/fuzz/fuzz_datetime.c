/*
 * Points in time as people write them: whatever the text and the day, it is
 * read as a time before the year 10000, or it is not.
 *
 * links: src/subscriber/ngx_ess_datetime.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_datetime.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t     i;
    uint64_t   ms;
    ngx_int_t  rc;
    ngx_str_t  text;

    static const time_t  days[] = { 0, 951782400, 1795871655, 4107542400 };

    text.len = size;
    text.data = malloc(size ? size : 1);

    if (text.data == NULL) {
        return 0;
    }

    memcpy(text.data, data, size);

    for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        rc = ngx_ess_datetime(&text, days[i], &ms);

        if (rc != NGX_DECLINED
            && (rc != NGX_OK || size > 64 || ms > 253402400000000))
        {
            abort();
        }
    }

    free(text.data);

    return 0;
}
