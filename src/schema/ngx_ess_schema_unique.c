
/*
 * Elements are sorted, so that equal ones are neighbours: scalars by what they
 * say, objects and arrays by their hashes.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_schema_unique.h"
#include "ngx_ess_json_canonical.h"


#define NGX_ESS_SCHEMA_UNIQUE_FEW  16


typedef struct {
    ngx_ess_json_value_t     value;
    u_char                   hash[NGX_ESS_JSON_CANONICAL_HASH];
} ngx_ess_schema_unique_item_t;


static int ngx_libc_cdecl ngx_ess_schema_unique_cmp(const void *one,
    const void *two);


ngx_int_t
ngx_ess_schema_unique(const ngx_ess_json_value_t *array, ngx_uint_t n,
    ngx_log_t *log)
{
    ngx_int_t                      rc;
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_ess_json_walk_t            walk;
    ngx_ess_schema_unique_item_t  *items, few[NGX_ESS_SCHEMA_UNIQUE_FEW];

    if (n < 2) {
        return NGX_OK;
    }

    items = few;

    if (n > NGX_ESS_SCHEMA_UNIQUE_FEW) {
        items = ngx_alloc(n * sizeof(ngx_ess_schema_unique_item_t), log);
        if (items == NULL) {
            return NGX_ERROR;
        }
    }

    (void) ngx_ess_json_read_open(&walk, array);

    rc = NGX_OK;

    for (i = 0; i < n && rc == NGX_OK; i++) {
        (void) ngx_ess_json_read_next(&walk, &name, &items[i].value);

        if (items[i].value.type >= NGX_ESS_JSON_ARRAY) {
            rc = ngx_ess_json_canonical_hash(&items[i].value, items[i].hash,
                                             log);
        }
    }

    if (rc == NGX_OK) {
        ngx_qsort(items, n, sizeof(ngx_ess_schema_unique_item_t),
                  ngx_ess_schema_unique_cmp);
    }

    for (i = 1; i < n && rc == NGX_OK; i++) {
        if (ngx_ess_schema_unique_cmp(&items[i - 1], &items[i]) == 0) {
            rc = NGX_DECLINED;
        }
    }

    if (items != few) {
        ngx_free(items);
    }

    return rc;
}


static int ngx_libc_cdecl
ngx_ess_schema_unique_cmp(const void *one, const void *two)
{
    const ngx_ess_schema_unique_item_t  *a, *b;

    a = one;
    b = two;

    if (a->value.type == b->value.type && a->value.type >= NGX_ESS_JSON_ARRAY) {
        return ngx_memcmp(a->hash, b->hash, NGX_ESS_JSON_CANONICAL_HASH);
    }

    return ngx_ess_json_canonical_cmp_scalars(&a->value, &b->value);
}
