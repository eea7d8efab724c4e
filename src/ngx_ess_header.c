
/*
 * Lines of HTTP headers that nginx has no field for.
 */


#include "ngx_ess_header.h"
#include "ngx_ess_str.h"


static ngx_table_elt_t *ngx_ess_header_next(ngx_list_t *list,
    const char *name, ngx_table_elt_t *prev);


ngx_table_elt_t *
ngx_ess_header_find(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *prev)
{
    return ngx_ess_header_next(&r->headers_in.headers, name, prev);
}


static ngx_table_elt_t *
ngx_ess_header_next(ngx_list_t *list, const char *name, ngx_table_elt_t *prev)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &list->part; part; part = part->next) {
        h = part->elts;
        i = 0;

        if (prev) {

            if (prev < h || prev >= h + part->nelts) {
                continue;
            }

            i = prev - h + 1;
            prev = NULL;
        }

        for ( /* void */ ; i < part->nelts; i++) {
            if (ngx_ess_str_is(&h[i].key, name)) {
                return &h[i];
            }
        }
    }

    return NULL;
}


ngx_uint_t
ngx_ess_header_lists(ngx_http_request_t *r, const char *name,
    const char *token)
{
    ngx_str_t         rest, item;
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_find(r, name, h)) != NULL) {
        rest = h->value;

        while (ngx_ess_str_item(&rest, ',', &item)) {
            if (ngx_ess_str_is(&item, token)) {
                return 1;
            }
        }
    }

    return 0;
}


ngx_uint_t
ngx_ess_header_is_clean(const u_char *data, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (data[i] < 0x20 || data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


void
ngx_ess_header_drop(ngx_http_request_t *r, const char *name)
{
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_next(&r->headers_out.headers, name, h))
           != NULL)
    {
        h->hash = 0;
    }
}


ngx_int_t
ngx_ess_header_add(ngx_http_request_t *r, const char *name, const void *value,
    size_t len)
{
    return ngx_ess_header_push(r, name, value, len) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_ess_header_default(ngx_http_request_t *r, const char *name,
    const void *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_ess_header_next(&r->headers_out.headers, name, h))
           != NULL)
    {
        if (h->hash) {
            return NGX_OK;
        }
    }

    return ngx_ess_header_add(r, name, value, len);
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
