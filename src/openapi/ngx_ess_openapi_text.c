
/*
 * A document is put together in an array of bytes, of the configuration's pool.
 * Runs where the configuration is read.
 */


#include "ngx_ess_openapi_text.h"


ngx_int_t
ngx_ess_openapi_text(ngx_array_t *out, const ngx_str_t *text)
{
    u_char  *p;

    if (text->len == 0) {
        return NGX_OK;
    }

    p = ngx_array_push_n(out, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);

    return NGX_OK;
}


ngx_int_t
ngx_ess_openapi_text_put(ngx_array_t *out, const char *text)
{
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    return ngx_ess_openapi_text(out, &s);
}


ngx_int_t
ngx_ess_openapi_text_escaped(ngx_array_t *out, const ngx_str_t *text)
{
    u_char  *p;
    size_t   len;

    len = text->len + ngx_escape_json(NULL, text->data, text->len);

    if (len == 0) {
        return NGX_OK;
    }

    p = ngx_array_push_n(out, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_escape_json(p, text->data, text->len);

    return NGX_OK;
}
