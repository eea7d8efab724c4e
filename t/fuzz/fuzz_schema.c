/*
 * What is compiled as a schema becomes one, or is wrong, and what is wrong has
 * a place and a text; a schema that became one judges itself, and small values.
 *
 * links: src/schema/ngx_ess_schema_[bfjkpsuv]*.c src/ngx_ess_json_*.c
 * links: src/ngx_ess_utf8.c src/ngx_ess_date.c src/ngx_ess_percent.c
 * links: src/ngx_ess_str.c t/unit/ngx_pool.c t/unit/ngx_string.c
 * links: t/unit/ngx_regex.c
 */


#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "ngx_ess_schema_build.h"
#include "ngx_ess_schema_validate.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void ngx_unit_pool_free(void);
void ngx_unit_regex_free(void);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                   i;
    ngx_log_t                log;
    ngx_str_t                text, s;
    ngx_ess_json_value_t     value;
    ngx_ess_schema_node_t   *node;
    ngx_ess_schema_wrong_t   wrong;
    ngx_ess_schema_error_t   error;

    static const char  *const values[] = {
        "null", "-1.5e3", "\"2024-01-01T00:00:00Z\"", "[1,[],\"a\",1.0]",
        "{\"a\":{\"b\":[{}]},\"\\u0061b\":\"x@y.z\"}"
    };

    if (size > 2048) {
        return 0;
    }

    memset(&log, 0, sizeof(ngx_log_t));
    memset(&wrong, 0, sizeof(ngx_ess_schema_wrong_t));

    text.len = size;
    text.data = malloc(size ? size : 1);
    if (text.data == NULL) {
        abort();
    }

    memcpy(text.data, data, size);

    node = ngx_ess_schema_build(NULL, &log, &text, &wrong);

    if (node == NULL
        && (wrong.place.len == 0 || wrong.place.data[0] != '#'
            || wrong.detail.len == 0))
    {
        abort();
    }

    if (node && ngx_ess_json_read(&text, &value, NULL) == NGX_OK) {

        (void) ngx_ess_schema_validate_root(node, &value, 0, &error, &log);

        for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            s.data = (u_char *) values[i];
            s.len = strlen(values[i]);

            if (ngx_ess_json_read(&s, &value, NULL) != NGX_OK) {
                abort();
            }

            (void) ngx_ess_schema_validate_root(node, &value, 0, &error, &log);
        }
    }

    ngx_unit_regex_free();
    ngx_unit_pool_free();
    free(text.data);

    return 0;
}
