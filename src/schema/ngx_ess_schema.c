
/*
 * Schemas of files.  Both text and nodes live in the pool of the configuration
 * that names the file.  Runs where the configuration is read, and in workers.
 */


#include "ngx_ess_schema.h"
#include "ngx_ess_conf_file.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_schema_build.h"
#include "ngx_ess_schema_validate.h"


/* bytes of a file, at most */
#define NGX_ESS_SCHEMA_FILE  (256 * 1024)


struct ngx_ess_schema_s {
    ngx_str_t                text;
    ngx_ess_schema_node_t   *root;
};


static ngx_int_t ngx_ess_schema_read(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);


ngx_ess_schema_t *
ngx_ess_schema_compile(ngx_conf_t *cf, ngx_str_t *file)
{
    ngx_ess_escaped_t        place, detail;
    ngx_ess_schema_t        *schema;
    ngx_ess_schema_wrong_t  *wrong;

    schema = ngx_pcalloc(cf->pool, sizeof(ngx_ess_schema_t));
    wrong = ngx_pcalloc(cf->temp_pool, sizeof(ngx_ess_schema_wrong_t));

    if (schema == NULL || wrong == NULL
        || ngx_ess_schema_read(cf, file, &schema->text) != NGX_OK)
    {
        return NULL;
    }

    schema->root = ngx_ess_schema_build(cf->pool, cf->log, &schema->text,
                                        wrong);

    if (schema->root == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "schema \"%V\", at %V: %V", file,
                           ngx_ess_escape(&place, &wrong->place),
                           ngx_ess_escape(&detail, &wrong->detail));
        return NULL;
    }

    return schema;
}


/* "file" becomes its full path. */

static ngx_int_t
ngx_ess_schema_read(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *text)
{
    u_char   *buf;
    ssize_t   n;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    buf = ngx_palloc(cf->temp_pool, NGX_ESS_SCHEMA_FILE + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    n = ngx_ess_conf_file_read(cf, file, "a schema", 0, buf,
                               NGX_ESS_SCHEMA_FILE + 1);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (n > NGX_ESS_SCHEMA_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "schema \"%V\" is larger than 256 KB", file);
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(cf->pool, n ? n : 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(text->data, buf, n);
    text->len = n;

    return NGX_OK;
}


ngx_str_t *
ngx_ess_schema_text(ngx_ess_schema_t *schema)
{
    return &schema->text;
}


ngx_int_t
ngx_ess_schema_validate(ngx_ess_schema_t *schema,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_schema_error_t *error)
{
    return ngx_ess_schema_validate_root(schema->root, value, now, error,
                                        ngx_cycle->log);
}
