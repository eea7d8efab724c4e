
/*
 * What nginx would have read from a client is set here: the request line, the
 * headers, the body.  It belongs to whoever asked, and to the request's pool.
 */


#include "ngx_ess_request_in.h"
#include "ngx_ess_request_uri.h"
#include "ngx_ess_str.h"


typedef struct {
    ngx_str_t                  name;
    ngx_uint_t                 method;
} ngx_ess_request_in_method_t;


static ngx_int_t ngx_ess_request_in_method(ngx_http_request_t *r,
    ngx_str_t *method);
static ngx_int_t ngx_ess_request_in_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);
static ngx_uint_t ngx_ess_request_in_valid(ngx_str_t *name, ngx_str_t *value);
static ngx_uint_t ngx_ess_request_in_has(ngx_http_request_t *r,
    u_char *lowcase, size_t len);


static ngx_ess_request_in_method_t  ngx_ess_request_in_methods[] = {
    { ngx_string("GET"),       NGX_HTTP_GET },
    { ngx_string("HEAD"),      NGX_HTTP_HEAD },
    { ngx_string("POST"),      NGX_HTTP_POST },
    { ngx_string("PUT"),       NGX_HTTP_PUT },
    { ngx_string("DELETE"),    NGX_HTTP_DELETE },
    { ngx_string("MKCOL"),     NGX_HTTP_MKCOL },
    { ngx_string("COPY"),      NGX_HTTP_COPY },
    { ngx_string("MOVE"),      NGX_HTTP_MOVE },
    { ngx_string("OPTIONS"),   NGX_HTTP_OPTIONS },
    { ngx_string("PROPFIND"),  NGX_HTTP_PROPFIND },
    { ngx_string("PROPPATCH"), NGX_HTTP_PROPPATCH },
    { ngx_string("LOCK"),      NGX_HTTP_LOCK },
    { ngx_string("UNLOCK"),    NGX_HTTP_UNLOCK },
    { ngx_string("PATCH"),     NGX_HTTP_PATCH }
};


/* they are nginx's own affair, or the body's */

static ngx_str_t  ngx_ess_request_in_own[] = {
    ngx_string("connection"),
    ngx_string("content-length"),
    ngx_string("expect"),
    ngx_string("keep-alive"),
    ngx_string("te"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade")
};


ngx_int_t
ngx_ess_request_in_target(ngx_http_request_t *r, ngx_str_t *method,
    ngx_str_t *uri)
{
    size_t                  len;
    ngx_int_t               rc;
    ngx_ess_request_uri_t   target;

    if (ngx_ess_request_in_method(r, method) != NGX_OK) {
        return NGX_DECLINED;
    }

    rc = ngx_ess_request_uri(&target, r->pool, uri);
    if (rc != NGX_OK) {
        return rc;
    }

    r->uri = target.path;
    r->args = target.args;
    r->unparsed_uri = target.unparsed;

    len = method->len + 1 + target.unparsed.len + 1 + r->http_protocol.len;

    r->request_line.data = ngx_pnalloc(r->pool, len);
    if (r->request_line.data == NULL) {
        return NGX_ERROR;
    }

    r->request_line.len = len;
    (void) ngx_sprintf(r->request_line.data, "%V %V %V", method,
                       &target.unparsed, &r->http_protocol);

    ngx_http_set_exten(r);

    return NGX_OK;
}


static ngx_int_t
ngx_ess_request_in_method(ngx_http_request_t *r, ngx_str_t *method)
{
    size_t                     i;
    ngx_uint_t                 n;
    ngx_ess_request_in_method_t  *m;

    for (i = 0; i < method->len; i++) {
        if (!(method->data[i] >= 'A' && method->data[i] <= 'Z')) {
            return NGX_DECLINED;
        }
    }

    /* nginx refuses these two to clients */

    if (method->len == 0
        || ngx_ess_str_is(method, "CONNECT")
        || ngx_ess_str_is(method, "TRACE"))
    {
        return NGX_DECLINED;
    }

    r->method = NGX_HTTP_UNKNOWN;
    r->method_name = *method;

    m = ngx_ess_request_in_methods;

    for (n = 0; n < sizeof(ngx_ess_request_in_methods) / sizeof(m[0]); n++) {
        if (ngx_ess_str_equal(method, &m[n].name)) {
            r->method = m[n].method;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_request_in_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t   *hop;
    ngx_uint_t   n;

    hop = ngx_ess_request_in_own;

    for (n = 0; n < sizeof(ngx_ess_request_in_own) / sizeof(hop[0]); n++) {
        if (name->len == hop[n].len
            && ngx_strncasecmp(name->data, hop[n].data, hop[n].len) == 0)
        {
            return NGX_DECLINED;
        }
    }

    return ngx_ess_request_in_add(r, name, value);
}


static ngx_int_t
ngx_ess_request_in_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char                     *lowcase;
    ngx_uint_t                  hash;
    ngx_table_elt_t            *h;
    ngx_http_header_t          *known;
    ngx_http_core_main_conf_t  *cmcf;

    if (!ngx_ess_request_in_valid(name, value)) {
        return NGX_DECLINED;
    }

    lowcase = ngx_pnalloc(r->pool, name->len);
    if (lowcase == NULL) {
        return NGX_ERROR;
    }

    /* proxy_pass finds those that it replaces by their hashes */

    hash = ngx_hash_strlow(lowcase, name->data, name->len);

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    known = ngx_hash_find(&cmcf->headers_in_hash, hash, lowcase, name->len);

    /* of a second one nginx would finish the request, which has not begun */

    if (known && ngx_ess_request_in_has(r, lowcase, name->len)) {
        return NGX_DECLINED;
    }

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = hash;
    h->key = *name;
    h->value = *value;
    h->lowcase_key = lowcase;

    if (known == NULL) {
        return NGX_OK;
    }

    /* nginx would look for a server of that name */

    if (known->offset == offsetof(ngx_http_headers_in_t, host)) {
        r->headers_in.host = h;
        return NGX_OK;
    }

    return known->handler(r, h, known->offset);
}


static ngx_uint_t
ngx_ess_request_in_valid(ngx_str_t *name, ngx_str_t *value)
{
    u_char  ch;
    size_t  i;

    for (i = 0; i < value->len; i++) {
        ch = value->data[i];

        if ((ch < 0x20 && ch != '\t') || ch == 0x7f) {
            return 0;
        }
    }

    return ngx_ess_str_is_token(name);
}


static ngx_uint_t
ngx_ess_request_in_has(ngx_http_request_t *r, u_char *lowcase,
    size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == len
                && ngx_memcmp(h[i].lowcase_key, lowcase, len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_ess_request_in_body(ngx_http_request_t *r, ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_str_t                 value;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    static ngx_str_t  content_length = ngx_string("Content-Length");
    static ngx_str_t  content_type = ngx_string("Content-Type");

    rb = r->request_body;

    value.data = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%uz", body->len) - value.data;

    rc = ngx_ess_request_in_add(r, &content_length, &value);

    if (rc == NGX_OK && type) {
        rc = ngx_ess_request_in_add(r, &content_type, type);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_in.content_length_n = body->len;
    r->request_length = body->len;
    rb->received = body->len;

    if (body->len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    /* all of it: the next upstream gets it from "start" */

    b->start = body->data;
    b->pos = b->start;
    b->last = b->start + body->len;
    b->end = b->last;
    b->memory = 1;
    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;
    rb->buf = b;

    return NGX_OK;
}
