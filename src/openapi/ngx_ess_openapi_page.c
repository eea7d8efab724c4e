
/*
 * A page without other files: its script and its style stand in it, and its
 * policy names them by their hashes.  It is the configuration's.  Runs where
 * that is read.
 */


#include "ngx_ess_openapi_page.h"
#include "ngx_ess_openapi_files.h"
#include <openssl/evp.h>


#define NGX_ESS_OPENAPI_PAGE_HASH  ngx_base64_encoded_length(32)


static ngx_int_t ngx_ess_openapi_page_hash(const ngx_str_t *text,
    u_char buf[NGX_ESS_OPENAPI_PAGE_HASH], ngx_str_t *base64);


ngx_int_t
ngx_ess_openapi_page(ngx_conf_t *cf, const ngx_str_t *document,
    ngx_str_t *text, ngx_str_t *policy)
{
    u_char     *p, *last;
    size_t      len;
    u_char      script_buf[NGX_ESS_OPENAPI_PAGE_HASH];
    u_char      style_buf[NGX_ESS_OPENAPI_PAGE_HASH];
    ngx_str_t   script, style, script_hash, style_hash, escaped;

    static const char  format[] =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
        "<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta name=\"openapi\" content=\"%V\">\n"
        "<title>API</title>\n<link rel=\"icon\" href=\"data:,\">\n"
        "<style>%V</style>\n</head>\n<body>\n<main id=\"api\">"
        "<p role=\"status\">Loading</p>"
        "<noscript>Without JavaScript: <a href=\"%V\">the document</a>"
        "</noscript></main>\n"
        "<script>%V</script>\n</body>\n</html>\n";

    static const char  rules[] =
        "default-src 'none'; script-src 'sha256-%V'; "
        "style-src 'sha256-%V'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    (void) ngx_ess_openapi_file("docs.js", &script);
    (void) ngx_ess_openapi_file("docs.css", &style);

    if (ngx_ess_openapi_page_hash(&script, script_buf, &script_hash) != NGX_OK
        || ngx_ess_openapi_page_hash(&style, style_buf, &style_hash) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no memory for a hash");
        return NGX_ERROR;
    }

    escaped.len = document->len
                  + ngx_escape_html(NULL, document->data, document->len);

    len = sizeof(format) + 2 * escaped.len + script.len + style.len;
    policy->len = sizeof(rules) + 2 * NGX_ESS_OPENAPI_PAGE_HASH;

    text->data = ngx_pnalloc(cf->pool, len);
    policy->data = ngx_pnalloc(cf->pool, policy->len);
    escaped.data = ngx_pnalloc(cf->temp_pool, escaped.len);

    if (text->data == NULL || policy->data == NULL || escaped.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_html(escaped.data, document->data, document->len);

    last = text->data + len;
    p = ngx_slprintf(text->data, last, format, &escaped, &style, &escaped,
                     &script);
    text->len = p - text->data;

    last = policy->data + policy->len;
    p = ngx_slprintf(policy->data, last, rules, &script_hash, &style_hash);
    policy->len = p - policy->data;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_openapi_page_hash(const ngx_str_t *text,
    u_char buf[NGX_ESS_OPENAPI_PAGE_HASH], ngx_str_t *base64)
{
    u_char     md[EVP_MAX_MD_SIZE];
    u_int      len;
    ngx_str_t  raw;

    if (EVP_Digest(text->data, text->len, md, &len, EVP_sha256(), NULL) != 1) {
        return NGX_ERROR;
    }

    raw.data = md;
    raw.len = len;
    base64->data = buf;

    ngx_encode_base64(base64, &raw);

    return NGX_OK;
}
