
/*
 * The canonical form goes to SHA-256 as it is made, so that only the order of
 * an object's members needs memory.  Owns nothing.  Runs in workers, and when
 * the configuration is read.
 */


#include "ngx_ess_json_canonical.h"
#include "ngx_ess_json_number.h"
#include "ngx_ess_json_string.h"
#include <openssl/evp.h>


#define NGX_ESS_JSON_CANONICAL_BUFFER  512

/* members that are sorted without memory from outside */
#define NGX_ESS_JSON_CANONICAL_FEW     8


typedef struct {
    EVP_MD_CTX              *ctx;
    ngx_log_t               *log;
    ngx_uint_t               depth;
    size_t                   work;          /* bytes that were gone through */
    size_t                   n;             /* bytes in buf */
    u_char                   buf[NGX_ESS_JSON_CANONICAL_BUFFER];
} ngx_ess_json_canonical_out_t;


typedef struct {
    ngx_str_t                name;          /* with escapes */
    ngx_ess_json_value_t     value;
} ngx_ess_json_canonical_member_t;


static ngx_int_t ngx_ess_json_canonical_value(
    ngx_ess_json_canonical_out_t *out, const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_json_canonical_array(
    ngx_ess_json_canonical_out_t *out, const ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_json_canonical_object(
    ngx_ess_json_canonical_out_t *out, const ngx_ess_json_value_t *value);
static int ngx_libc_cdecl ngx_ess_json_canonical_cmp(const void *one,
    const void *two);
static int ngx_ess_json_canonical_cmp_names(const ngx_str_t *one,
    const ngx_str_t *two);
static ngx_int_t ngx_ess_json_canonical_string(
    ngx_ess_json_canonical_out_t *out, const ngx_str_t *raw);
static ngx_int_t ngx_ess_json_canonical_number(
    ngx_ess_json_canonical_out_t *out, const ngx_str_t *text);
static ngx_int_t ngx_ess_json_canonical_put(ngx_ess_json_canonical_out_t *out,
    const u_char *p, size_t len);
static ngx_int_t ngx_ess_json_canonical_flush(
    ngx_ess_json_canonical_out_t *out);


ngx_int_t
ngx_ess_json_canonical_hash(const ngx_ess_json_value_t *value,
    u_char hash[NGX_ESS_JSON_CANONICAL_HASH], ngx_log_t *log)
{
    size_t  work;

    work = 0;

    return ngx_ess_json_canonical_hash_work(value, hash, &work, log);
}


ngx_int_t
ngx_ess_json_canonical_hash_work(const ngx_ess_json_value_t *value,
    u_char hash[NGX_ESS_JSON_CANONICAL_HASH], size_t *work, ngx_log_t *log)
{
    u_char                         md[EVP_MAX_MD_SIZE];
    ngx_int_t                      rc;
    ngx_ess_json_canonical_out_t   out;

    out.log = log;
    out.depth = 0;
    out.work = value->span.len;
    out.n = 0;

    out.ctx = EVP_MD_CTX_new();

    if (out.ctx == NULL) {
        ngx_log_error(NGX_LOG_CRIT, log, 0, "ess: no memory for a hash");
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (EVP_DigestInit_ex(out.ctx, EVP_sha256(), NULL) == 1
        && ngx_ess_json_canonical_value(&out, value) == NGX_OK
        && ngx_ess_json_canonical_flush(&out) == NGX_OK
        && EVP_DigestFinal_ex(out.ctx, md, NULL) == 1)
    {
        ngx_memcpy(hash, md, NGX_ESS_JSON_CANONICAL_HASH);
        rc = NGX_OK;
    }

    EVP_MD_CTX_free(out.ctx);

    *work += out.work;

    return rc;
}


static ngx_int_t
ngx_ess_json_canonical_value(ngx_ess_json_canonical_out_t *out,
    const ngx_ess_json_value_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  raw;

    switch (value->type) {

    case NGX_ESS_JSON_NUMBER:
        return ngx_ess_json_canonical_number(out, &value->span);

    case NGX_ESS_JSON_STRING:
        raw.data = value->span.data + 1;
        raw.len = value->span.len - 2;

        return ngx_ess_json_canonical_string(out, &raw);

    case NGX_ESS_JSON_ARRAY:
    case NGX_ESS_JSON_OBJECT:

        /* who read it allowed no more */

        if (out->depth == NGX_ESS_JSON_DEPTH) {
            return NGX_ERROR;
        }

        out->depth++;

        rc = (value->type == NGX_ESS_JSON_ARRAY)
             ? ngx_ess_json_canonical_array(out, value)
             : ngx_ess_json_canonical_object(out, value);

        out->depth--;

        return rc;

    default: /* NGX_ESS_JSON_NULL, NGX_ESS_JSON_BOOLEAN */
        return ngx_ess_json_canonical_put(out, value->span.data,
                                          value->span.len);
    }
}


static ngx_int_t
ngx_ess_json_canonical_array(ngx_ess_json_canonical_out_t *out,
    const ngx_ess_json_value_t *value)
{
    ngx_str_t             name;
    const char           *before;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  item;

    (void) ngx_ess_json_read_open(&walk, value);
    out->work += value->span.len;

    for (before = "["; ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK;
         before = ",")
    {
        if (ngx_ess_json_canonical_put(out, (u_char *) before, 1) != NGX_OK
            || ngx_ess_json_canonical_value(out, &item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return (*before == '[')
           ? ngx_ess_json_canonical_put(out, (u_char *) "[]", 2)
           : ngx_ess_json_canonical_put(out, (u_char *) "]", 1);
}


static ngx_int_t
ngx_ess_json_canonical_object(ngx_ess_json_canonical_out_t *out,
    const ngx_ess_json_value_t *value)
{
    ngx_int_t                         rc;
    ngx_str_t                         name;
    ngx_uint_t                        i, n;
    ngx_ess_json_walk_t               walk;
    ngx_ess_json_value_t              item;
    ngx_ess_json_canonical_member_t  *members, *one;
    ngx_ess_json_canonical_member_t   few[NGX_ESS_JSON_CANONICAL_FEW];

    (void) ngx_ess_json_read_open(&walk, value);
    out->work += value->span.len;

    for (n = 0; ngx_ess_json_read_next(&walk, &name, &item) == NGX_OK; n++) {
        if (n < NGX_ESS_JSON_CANONICAL_FEW) {
            few[n].name = name;
            few[n].value = item;
        }
    }

    members = few;

    if (n > NGX_ESS_JSON_CANONICAL_FEW) {
        members = ngx_alloc(n * sizeof(ngx_ess_json_canonical_member_t),
                            out->log);
        if (members == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_ess_json_read_open(&walk, value);
        out->work += value->span.len;

        for (i = 0; i < n; i++) {
            (void) ngx_ess_json_read_next(&walk, &members[i].name,
                                          &members[i].value);
        }
    }

    if (n > 1) {
        ngx_qsort(members, n, sizeof(ngx_ess_json_canonical_member_t),
                  ngx_ess_json_canonical_cmp);
    }

    rc = ngx_ess_json_canonical_put(out, (u_char *) "{", 1);

    for (i = 0; i < n && rc == NGX_OK; i++) {
        one = &members[i];

        if ((i && ngx_ess_json_canonical_put(out, (u_char *) ",", 1) != NGX_OK)
            || ngx_ess_json_canonical_string(out, &one->name) != NGX_OK
            || ngx_ess_json_canonical_put(out, (u_char *) ":", 1) != NGX_OK
            || ngx_ess_json_canonical_value(out, &one->value) != NGX_OK)
        {
            rc = NGX_ERROR;
        }
    }

    if (members != few) {
        ngx_free(members);
    }

    return (rc == NGX_OK) ? ngx_ess_json_canonical_put(out, (u_char *) "}", 1)
                          : rc;
}


/* By name; two of one name, which a very large object may have, as they
   stand. */

static int ngx_libc_cdecl
ngx_ess_json_canonical_cmp(const void *one, const void *two)
{
    int                                     rc;
    const ngx_ess_json_canonical_member_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_ess_json_canonical_cmp_names(&a->name, &b->name);

    return rc ? rc : (a->name.data < b->name.data) ? -1
                     : (a->name.data > b->name.data);
}


/* Their bytes without escapes, the first one that differs decides. */

static int
ngx_ess_json_canonical_cmp_names(const ngx_str_t *one, const ngx_str_t *two)
{
    int            rc;
    u_char         a[4], b[4];
    size_t         len;
    ngx_uint_t     m, n, i, j;
    const u_char  *p, *q, *plast, *qlast;

    p = one->data;
    plast = p + one->len;
    q = two->data;
    qlast = q + two->len;

    if (memchr(p, '\\', one->len) == NULL && memchr(q, '\\', two->len) == NULL)
    {
        len = ngx_min(one->len, two->len);
        rc = ngx_memcmp(p, q, len);

        return rc ? rc : (one->len < two->len) ? -1 : (one->len > two->len);
    }

    i = j = m = n = 0;

    for ( ;; ) {

        if (i == m) {
            i = 0;
            m = (p < plast) ? ngx_ess_json_string_next(&p, plast, a) : 0;
        }

        if (j == n) {
            j = 0;
            n = (q < qlast) ? ngx_ess_json_string_next(&q, qlast, b) : 0;
        }

        if (m == 0 || n == 0) {
            return m ? 1 : n ? -1 : 0;
        }

        if (a[i] != b[j]) {
            return (a[i] < b[j]) ? -1 : 1;
        }

        i++;
        j++;
    }
}


static ngx_int_t
ngx_ess_json_canonical_string(ngx_ess_json_canonical_out_t *out,
    const ngx_str_t *raw)
{
    u_char         ch[4], text[6];
    size_t         len;
    ngx_uint_t     n;
    const u_char  *p, *last, *stop;

    static const u_char  hex[] = "0123456789abcdef";

    p = raw->data;
    last = p + raw->len;

    if (ngx_ess_json_canonical_put(out, (u_char *) "\"", 1) != NGX_OK) {
        return NGX_ERROR;
    }

    while (p < last) {

        stop = memchr(p, '\\', last - p);
        len = (stop ? stop : last) - p;

        if (ngx_ess_json_canonical_put(out, p, len) != NGX_OK) {
            return NGX_ERROR;
        }

        p += len;

        if (stop == NULL) {
            break;
        }

        n = ngx_ess_json_string_next(&p, last, ch);

        if (n == 1 && (ch[0] == '"' || ch[0] == '\\')) {
            ch[1] = ch[0];
            ch[0] = '\\';
            n = 2;

        } else if (n == 1 && ch[0] < ' ') {
            ngx_memcpy(text, "\\u00", 4);
            text[4] = hex[ch[0] >> 4];
            text[5] = hex[ch[0] & 0xf];

            if (ngx_ess_json_canonical_put(out, text, 6) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        if (ngx_ess_json_canonical_put(out, ch, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return ngx_ess_json_canonical_put(out, (u_char *) "\"", 1);
}


static ngx_int_t
ngx_ess_json_canonical_number(ngx_ess_json_canonical_out_t *out,
    const ngx_str_t *text)
{
    u_char                 exp[NGX_INT64_LEN + 2], *last;
    size_t                 len, n;
    const u_char          *p, *point;
    ngx_ess_json_number_t  number;

    ngx_ess_json_number_read(text, &number);

    if (number.n == 0) {
        return ngx_ess_json_canonical_put(out, (u_char *) "0", 1);
    }

    if (number.huge) {
        return ngx_ess_json_canonical_put(out, text->data, text->len);
    }

    if (number.negative
        && ngx_ess_json_canonical_put(out, (u_char *) "-", 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = number.digits;
    n = number.n;

    point = memchr(p, '.', n);
    len = point ? (size_t) (point - p) : n;

    if (ngx_ess_json_canonical_put(out, p, len) != NGX_OK
        || ngx_ess_json_canonical_put(out, p + len + 1, n - len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = ngx_sprintf(exp, "e%L", number.exp);

    return ngx_ess_json_canonical_put(out, exp, last - exp);
}


static ngx_int_t
ngx_ess_json_canonical_put(ngx_ess_json_canonical_out_t *out, const u_char *p,
    size_t len)
{
    if (len > NGX_ESS_JSON_CANONICAL_BUFFER - out->n) {

        if (ngx_ess_json_canonical_flush(out) != NGX_OK) {
            return NGX_ERROR;
        }

        if (len > NGX_ESS_JSON_CANONICAL_BUFFER) {
            return (EVP_DigestUpdate(out->ctx, p, len) == 1) ? NGX_OK
                                                             : NGX_ERROR;
        }
    }

    if (len) {
        ngx_memcpy(out->buf + out->n, p, len);
        out->n += len;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_json_canonical_flush(ngx_ess_json_canonical_out_t *out)
{
    size_t  n;

    n = out->n;
    out->n = 0;

    return (EVP_DigestUpdate(out->ctx, out->buf, n) == 1) ? NGX_OK : NGX_ERROR;
}


ngx_uint_t
ngx_ess_json_canonical_same(const ngx_ess_json_value_t *one,
    const ngx_ess_json_value_t *two)
{
    return one->type < NGX_ESS_JSON_ARRAY
           && ngx_ess_json_canonical_cmp_scalars(one, two) == 0;
}


int
ngx_ess_json_canonical_cmp_scalars(const ngx_ess_json_value_t *one,
    const ngx_ess_json_value_t *two)
{
    ngx_str_t              a, b;
    ngx_ess_json_number_t  m, n;

    if (one->type != two->type) {
        return (one->type < two->type) ? -1 : 1;
    }

    switch (one->type) {

    case NGX_ESS_JSON_NUMBER:
        ngx_ess_json_number_read(&one->span, &m);
        ngx_ess_json_number_read(&two->span, &n);

        return ngx_ess_json_number_cmp(&m, &n);

    case NGX_ESS_JSON_STRING:
        a.data = one->span.data + 1;
        a.len = one->span.len - 2;
        b.data = two->span.data + 1;
        b.len = two->span.len - 2;

        return ngx_ess_json_canonical_cmp_names(&a, &b);

    default: /* NGX_ESS_JSON_NULL, NGX_ESS_JSON_BOOLEAN */
        return (int) *one->span.data - (int) *two->span.data;
    }
}
