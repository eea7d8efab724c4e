
/*
 * Lines of HTTP headers that nginx has no field for.
 */


#include "ngx_ess_header.h"


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *after)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len != len
                || ngx_strncasecmp(h[i].key.data, (u_char *) name, len) != 0)
            {
                continue;
            }

            if (after == NULL) {
                return &h[i];
            }

            if (after == &h[i]) {
                after = NULL;
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    return ngx_ess_header_push(r, name, value, len) ? NGX_OK : NGX_ERROR;
}


ngx_table_elt_t *
ngx_ess_header_push(ngx_http_request_t *r, const char *name,
    const void *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value.data = (u_char *) value;
    h->value.len = len;

    return h;
}
