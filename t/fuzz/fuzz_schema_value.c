/*
 * Whatever the value, a schema of all keywords judges it, and names what lies
 * in the value, or, if it is missing, in the schema.
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


static const char  fuzz_schema[] =
    "{\"type\":[\"object\",\"array\",\"string\",\"integer\",\"null\"],"
    "\"properties\":{\"type\":{\"enum\":[\"user\",\"system\",7,{\"a\":[1]}]},"
    "\"time\":{\"format\":\"date-time\",\"x-ess-time\":\"past\"},"
    "\"mail\":{\"format\":\"email\"},\"uri\":{\"format\":\"uri\"},"
    "\"id\":{\"format\":\"uuid\"},\"ip\":{\"anyOf\":[{\"format\":\"ipv4\"},"
    "{\"format\":\"ipv6\"}]},\"day\":{\"format\":\"date\"},"
    "\"text\":{\"minLength\":1,\"maxLength\":8,\"pattern\":\"^(a|ab)*c?$\"},"
    "\"n\":{\"minimum\":-5,\"exclusiveMaximum\":1e3,\"multipleOf\":0.25},"
    "\"c\":{\"const\":{\"a\":1,\"b\":[\"x\"]}},\"in\":{\"$ref\":\"#\"}},"
    "\"required\":[\"type\",\"other\"],\"minProperties\":2,"
    "\"maxProperties\":12,\"dependentRequired\":{\"a\":[\"b\"]},"
    "\"patternProperties\":{\"^x\":{\"$ref\":\"#\"},\"y\":true},"
    "\"additionalProperties\":{\"items\":{\"$ref\":\"#/$defs/d\"}},"
    "\"prefixItems\":[{\"type\":\"number\"}],\"items\":{\"$ref\":\"#\"},"
    "\"minItems\":1,\"maxItems\":9,\"uniqueItems\":true,"
    "\"oneOf\":[{\"type\":\"object\"},{\"type\":\"array\"},true],"
    "\"if\":{\"required\":[\"type\"]},\"then\":{\"not\":{\"required\":[\"z\"]}},"
    "\"else\":{\"allOf\":[true,{\"minProperties\":0}]},"
    "\"$defs\":{\"d\":{\"type\":\"integer\"}}}";

static ngx_ess_schema_node_t *
fuzz_build(const char *s, ngx_log_t *log)
{
    ngx_str_t                text;
    ngx_ess_schema_node_t   *node;
    ngx_ess_schema_wrong_t   wrong;

    memset(&wrong, 0, sizeof(ngx_ess_schema_wrong_t));

    text.data = (u_char *) s;
    text.len = strlen(s);

    node = ngx_ess_schema_build(NULL, log, &text, &wrong);
    if (node == NULL) {
        abort();
    }

    return node;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_uint_t               in_text, in_schema;
    ngx_ess_json_value_t     value;
    ngx_ess_schema_error_t   error;

    static ngx_log_t               log;
    static ngx_ess_schema_node_t  *node;

    if (node == NULL) {
        node = fuzz_build(fuzz_schema, &log);
    }

    text.len = size;
    text.data = malloc(size ? size : 1);
    if (text.data == NULL) {
        abort();
    }

    memcpy(text.data, data, size);

    if (ngx_ess_json_read(&text, &value, NULL) == NGX_OK) {

        rc = ngx_ess_schema_validate_root(node, &value, 1700000000000, &error,
                                          &log);

        if (rc != NGX_OK) {
            in_text = error.name.data >= text.data
                      && error.name.data + error.name.len <= text.data + size;
            in_schema = error.name.data >= (u_char *) fuzz_schema
                        && error.name.data
                           < (u_char *) fuzz_schema + sizeof(fuzz_schema);

            if (rc != NGX_DECLINED
                || (error.name.len
                    && (error.missing ? !in_schema : !in_text)))
            {
                abort();
            }
        }
    }

    free(text.data);

    return 0;
}
