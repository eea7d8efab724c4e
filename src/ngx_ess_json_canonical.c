
/*
 * The canonical form goes to SHA-256 as it is made, so that only the order of
 * an object's members needs memory, and where objects and arrays end.  Owns
 * nothing.  Runs in workers, and when the configuration is read.
 */


#include "ngx_ess_json_canonical.h"
#include "ngx_ess_json_number.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_str.h"
#include <openssl/evp.h>


#define NGX_ESS_JSON_CANONICAL_BUFFER  512

/* without memory from outside: members that are sorted, and places */
#define NGX_ESS_JSON_CANONICAL_FEW     8
#define NGX_ESS_JSON_CANONICAL_PLACES  32


/* an object or array of the text, in the order in which they begin */

typedef struct {
    uint32_t                 len;           /* bytes, with its brackets */
    uint32_t                 inside;        /* objects and arrays in it */
} ngx_ess_json_canonical_place_t;


typedef struct {
    EVP_MD_CTX              *ctx;
    ngx_log_t               *log;
    u_char                  *last;          /* of the text */
    ngx_ess_json_canonical_place_t  *places;
    ngx_uint_t               next;          /* place: of what begins next */
    size_t                   n;             /* bytes in buf */
    u_char                   buf[NGX_ESS_JSON_CANONICAL_BUFFER];
    ngx_ess_json_canonical_place_t  few[NGX_ESS_JSON_CANONICAL_PLACES];
} ngx_ess_json_canonical_out_t;


typedef struct {
    ngx_str_t                name;          /* with escapes */
    u_char                  *value;
    ngx_uint_t               place;         /* if it has one, or the next */
} ngx_ess_json_canonical_member_t;


static ngx_int_t ngx_ess_json_canonical_places(
    ngx_ess_json_canonical_out_t *out, const ngx_str_t *text);
static ngx_int_t ngx_ess_json_canonical_find(
    ngx_ess_json_canonical_place_t *places, const ngx_str_t *text);
static ngx_int_t ngx_ess_json_canonical_value(
    ngx_ess_json_canonical_out_t *out, u_char **pos);
static ngx_int_t ngx_ess_json_canonical_array(
    ngx_ess_json_canonical_out_t *out, u_char **pos);
static ngx_int_t ngx_ess_json_canonical_object(
    ngx_ess_json_canonical_out_t *out, u_char **pos);
static ngx_uint_t ngx_ess_json_canonical_members(
    ngx_ess_json_canonical_out_t *out, u_char *p, u_char *last,
    ngx_ess_json_canonical_member_t *members, ngx_uint_t max);
static u_char *ngx_ess_json_canonical_skip(ngx_ess_json_canonical_out_t *out,
    u_char *p);
static u_char *ngx_ess_json_canonical_scalar(u_char *p, u_char *last);
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
    u_char                         sum[EVP_MAX_MD_SIZE], *p;
    ngx_int_t                      rc;
    const EVP_MD                  *md;
    ngx_ess_json_canonical_out_t   out;

    /* one for the process: it takes longer to make one than most hashes do */
    static EVP_MD_CTX             *ctx;

    p = value->span.data;

    out.log = log;
    out.last = p + value->span.len;
    out.places = out.few;
    out.next = 0;
    out.n = 0;

    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
    }

    out.ctx = ctx;

    if (ctx == NULL) {
        ngx_log_error(NGX_LOG_CRIT, log, 0, "ess: no memory for a hash");
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    md = EVP_MD_CTX_get0_md(ctx) ? NULL : EVP_sha256();

    if (EVP_DigestInit_ex(ctx, md, NULL) == 1
        && ngx_ess_json_canonical_places(&out, &value->span) == NGX_OK
        && ngx_ess_json_canonical_value(&out, &p) == NGX_OK
        && ngx_ess_json_canonical_flush(&out) == NGX_OK
        && EVP_DigestFinal_ex(ctx, sum, NULL) == 1)
    {
        ngx_memcpy(hash, sum, NGX_ESS_JSON_CANONICAL_HASH);
        rc = NGX_OK;
    }

    if (out.places && out.places != out.few) {
        ngx_free(out.places);
    }

    return rc;
}


/*
 * Where objects and arrays end is found once for all of them, or each would be
 * gone through once more for each that it is in.
 */

static ngx_int_t
ngx_ess_json_canonical_places(ngx_ess_json_canonical_out_t *out,
    const ngx_str_t *text)
{
    size_t      i;
    ngx_uint_t  n;

    if (text->len > NGX_MAX_UINT32_VALUE) {
        return NGX_ERROR;
    }

    /* those in strings are too many, and harmless */

    for (n = 0, i = 0; i < text->len; i++) {
        n += (text->data[i] == '{' || text->data[i] == '[');
    }

    if (n > NGX_ESS_JSON_CANONICAL_PLACES) {
        out->places = ngx_alloc(n * sizeof(ngx_ess_json_canonical_place_t),
                                out->log);
        if (out->places == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_ess_json_canonical_find(out->places, text);
}


static ngx_int_t
ngx_ess_json_canonical_find(ngx_ess_json_canonical_place_t *places,
    const ngx_str_t *text)
{
    u_char      *p, *last;
    ngx_uint_t   n, depth, first, open[NGX_ESS_JSON_DEPTH];

    last = text->data + text->len;
    n = 0;
    depth = 0;

    for (p = text->data; p < last; p++) {

        switch (*p) {

        case '"':
            p = ngx_ess_json_canonical_scalar(p, last) - 1;
            break;

        case '{':
        case '[':

            /* who read it allowed no more */

            if (depth == NGX_ESS_JSON_DEPTH) {
                return NGX_ERROR;
            }

            places[n].len = (uint32_t) (p - text->data);
            open[depth++] = n++;
            break;

        case '}':
        case ']':

            if (depth == 0) {
                return NGX_ERROR;
            }

            first = open[--depth];

            places[first].len = (uint32_t) (p + 1 - text->data)
                                - places[first].len;
            places[first].inside = (uint32_t) (n - first - 1);
            break;
        }
    }

    return depth ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_ess_json_canonical_value(ngx_ess_json_canonical_out_t *out, u_char **pos)
{
    u_char     *p;
    ngx_str_t   text;

    p = *pos;

    if (*p == '{') {
        return ngx_ess_json_canonical_object(out, pos);
    }

    if (*p == '[') {
        return ngx_ess_json_canonical_array(out, pos);
    }

    *pos = ngx_ess_json_canonical_scalar(p, out->last);

    text.data = p;
    text.len = *pos - p;

    if (*p == '"') {
        text.data++;
        text.len -= 2;

        return ngx_ess_json_canonical_string(out, &text);
    }

    if (*p == '-' || (*p >= '0' && *p <= '9')) {
        return ngx_ess_json_canonical_number(out, &text);
    }

    return ngx_ess_json_canonical_put(out, text.data, text.len);
}


static ngx_int_t
ngx_ess_json_canonical_array(ngx_ess_json_canonical_out_t *out, u_char **pos)
{
    u_char      *p, *last;
    const char  *before;

    last = *pos + out->places[out->next++].len - 1;

    p = ngx_ess_str_space(*pos + 1, last);

    for (before = "["; p < last; before = ",") {

        if (ngx_ess_json_canonical_put(out, (u_char *) before, 1) != NGX_OK
            || ngx_ess_json_canonical_value(out, &p) != NGX_OK)
        {
            return NGX_ERROR;
        }

        p = ngx_ess_str_space(p, last);

        if (p < last) {
            p = ngx_ess_str_space(p + 1, last);
        }
    }

    *pos = last + 1;

    return (*before == '[')
           ? ngx_ess_json_canonical_put(out, (u_char *) "[]", 2)
           : ngx_ess_json_canonical_put(out, (u_char *) "]", 1);
}


static ngx_int_t
ngx_ess_json_canonical_object(ngx_ess_json_canonical_out_t *out, u_char **pos)
{
    u_char                           *p, *last;
    ngx_int_t                         rc;
    ngx_uint_t                        i, n, first;
    ngx_ess_json_canonical_member_t  *members, *one;
    ngx_ess_json_canonical_member_t   few[NGX_ESS_JSON_CANONICAL_FEW];

    first = out->next;
    last = *pos + out->places[first].len - 1;

    members = few;

    out->next = first + 1;
    n = ngx_ess_json_canonical_members(out, *pos + 1, last, few,
                                       NGX_ESS_JSON_CANONICAL_FEW);

    if (n > NGX_ESS_JSON_CANONICAL_FEW) {
        members = ngx_alloc(n * sizeof(ngx_ess_json_canonical_member_t),
                            out->log);
        if (members == NULL) {
            return NGX_ERROR;
        }

        out->next = first + 1;
        (void) ngx_ess_json_canonical_members(out, *pos + 1, last, members, n);
    }

    if (n > 1) {
        ngx_qsort(members, n, sizeof(ngx_ess_json_canonical_member_t),
                  ngx_ess_json_canonical_cmp);
    }

    rc = ngx_ess_json_canonical_put(out, (u_char *) "{", 1);

    for (i = 0; i < n && rc == NGX_OK; i++) {
        one = &members[i];

        p = one->value;
        out->next = one->place;

        if ((i && ngx_ess_json_canonical_put(out, (u_char *) ",", 1) != NGX_OK)
            || ngx_ess_json_canonical_string(out, &one->name) != NGX_OK
            || ngx_ess_json_canonical_put(out, (u_char *) ":", 1) != NGX_OK
            || ngx_ess_json_canonical_value(out, &p) != NGX_OK)
        {
            rc = NGX_ERROR;
        }
    }

    if (members != few) {
        ngx_free(members);
    }

    out->next = first + 1 + out->places[first].inside;
    *pos = last + 1;

    return (rc == NGX_OK) ? ngx_ess_json_canonical_put(out, (u_char *) "}", 1)
                          : rc;
}


/* Returns how many there are, of which the first "max" are set. */

static ngx_uint_t
ngx_ess_json_canonical_members(ngx_ess_json_canonical_out_t *out, u_char *p,
    u_char *last, ngx_ess_json_canonical_member_t *members, ngx_uint_t max)
{
    u_char                           *name;
    size_t                            len;
    ngx_uint_t                        n;
    ngx_ess_json_canonical_member_t  *one;

    p = ngx_ess_str_space(p, last);

    for (n = 0; p < last; n++) {

        name = p + 1;
        p = ngx_ess_json_canonical_scalar(p, last);
        len = p - name - 1;

        /* the colon */

        p = ngx_ess_str_space(ngx_ess_str_space(p, last) + 1, last);

        if (n < max) {
            one = &members[n];

            one->name.data = name;
            one->name.len = len;
            one->value = p;
            one->place = out->next;
        }

        p = ngx_ess_str_space(ngx_ess_json_canonical_skip(out, p), last);

        if (p < last) {
            p = ngx_ess_str_space(p + 1, last);
        }
    }

    return n;
}


/* Behind a value. */

static u_char *
ngx_ess_json_canonical_skip(ngx_ess_json_canonical_out_t *out, u_char *p)
{
    ngx_ess_json_canonical_place_t  *place;

    if (*p != '{' && *p != '[') {
        return ngx_ess_json_canonical_scalar(p, out->last);
    }

    place = &out->places[out->next];
    out->next += 1 + place->inside;

    return p + place->len;
}


/* Behind one that is neither an object nor an array. */

static u_char *
ngx_ess_json_canonical_scalar(u_char *p, u_char *last)
{
    u_char     *first;
    ngx_int_t   n;

    if (*p != '"') {
        while (p < last && *p > ' ' && *p != ',' && *p != ']' && *p != '}') {
            p++;
        }

        return p;
    }

    first = p;

    do {
        p = memchr(p + 1, '"', last - p - 1);
        if (p == NULL) {
            return last;
        }

        /* behind an odd number of backslashes it is one of the string's */

        for (n = 0; p - n - 1 > first && p[-n - 1] == '\\'; n++) { /* void */ }

    } while (n & 1);

    return p + 1;
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
