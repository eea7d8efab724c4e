
/*
 * A strict reader of JSON: one pass, whose recursion is bounded.  Owns nothing.
 * Runs in workers.
 */


#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_json_unique.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


#if (__SSE2__)
#include <emmintrin.h>
#endif


/* of a number that is never too large for a double */
#define NGX_ESS_JSON_READ_DIGITS     256

#define ngx_ess_json_read_bytes(ch)  ((ch) * 0x0101010101010101ULL)

/* the highest bit of each byte that is 0, up to the first one at least */
#define ngx_ess_json_read_zero(w)                                             \
    (((w) - ngx_ess_json_read_bytes(1)) & ~(w))


/*
 * Each takes a place in the text and returns what is behind that which it
 * reads; NULL: there is none such, and j->p is at what is wrong.
 */

static ngx_inline u_char *ngx_ess_json_read_any(ngx_ess_json_read_t *j,
    u_char *p, ngx_uint_t wanted);
static u_char *ngx_ess_json_read_items(ngx_ess_json_read_t *j, u_char *p,
    ngx_uint_t wanted);
static ngx_inline u_char *ngx_ess_json_read_name(ngx_ess_json_read_t *j,
    u_char *p, ngx_str_t *name, ngx_uint_t *escaped);
static ngx_uint_t ngx_ess_json_read_is(ngx_ess_json_read_t *j, ngx_str_t *name,
    ngx_uint_t escaped);
static ngx_inline u_char *ngx_ess_json_read_string(ngx_ess_json_read_t *j,
    u_char *p, ngx_uint_t *escaped);
static u_char *ngx_ess_json_read_rest(ngx_ess_json_read_t *j, u_char *p,
    ngx_uint_t *escaped);
static ngx_inline u_char *ngx_ess_json_read_plain(ngx_ess_json_read_t *j,
    u_char *p);
static u_char *ngx_ess_json_read_escape(ngx_ess_json_read_t *j, u_char *p);
static u_char *ngx_ess_json_read_scalar(ngx_ess_json_read_t *j, u_char *p);
static ngx_inline u_char *ngx_ess_json_read_literal(ngx_ess_json_read_t *j,
    u_char *p, const char *text, size_t len);
static ngx_inline u_char *ngx_ess_json_read_number(ngx_ess_json_read_t *j,
    u_char *p);
static ngx_inline u_char *ngx_ess_json_read_digits(ngx_ess_json_read_t *j,
    u_char *p);
static ngx_inline u_char *ngx_ess_json_read_wrong(ngx_ess_json_read_t *j,
    u_char *p);
static ngx_ess_json_type_e ngx_ess_json_read_type(u_char ch);


ngx_int_t
ngx_ess_json_read(const ngx_str_t *text, ngx_ess_json_value_t *value,
    const char **detail)
{
    ngx_int_t             rc;
    ngx_ess_json_read_t   j;

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    rc = ngx_ess_json_read_text(&j, text, detail);
    *value = j.found;

    return rc;
}


ngx_int_t
ngx_ess_json_read_text(ngx_ess_json_read_t *j, const ngx_str_t *text,
    const char **detail)
{
    const char  *wrong;

    j->p = text->data;
    j->last = text->data + text->len;
    j->max_depth = NGX_ESS_JSON_DEPTH;
    j->unique = 1;
    j->seek = 1;

    if (ngx_ess_json_read_value(j) != NGX_OK) {
        wrong = j->twice ? "it has a member twice"
                : j->control ? "it contains a control character"
                : "it is not JSON";

    } else if (ngx_ess_str_space(j->p, j->last) != j->last) {
        wrong = "something follows the value";

    } else if (j->high && !ngx_ess_utf8_valid(text->data, text->len)) {
        wrong = "it is not valid UTF-8";

    } else {
        return NGX_OK;
    }

    if (detail) {
        *detail = wrong;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_json_read_value(ngx_ess_json_read_t *j)
{
    u_char  *p;

    if (j->unique) {
        ngx_ess_json_unique_begin();
    }

    p = ngx_ess_json_read_any(j, ngx_ess_str_space(j->p, j->last), j->seek);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    j->p = p;

    return NGX_OK;
}


/* "wanted": it is on the way to the value that is sought. */

static ngx_inline u_char *
ngx_ess_json_read_any(ngx_ess_json_read_t *j, u_char *p, ngx_uint_t wanted)
{
    u_char      *start;
    ngx_uint_t   escaped;

    if (p == j->last) {
        return ngx_ess_json_read_wrong(j, p);
    }

    start = p;

    if (*p == '"') {
        p = ngx_ess_json_read_string(j, p + 1, &escaped);

    } else if (*p == '{' || *p == '[') {
        p = ngx_ess_json_read_items(j, p, wanted);

    } else {
        p = ngx_ess_json_read_scalar(j, p);
    }

    if (wanted && p && j->depth == j->nsteps) {
        j->found.span.data = start;
        j->found.span.len = p - start;
        j->found.type = ngx_ess_json_read_type(*start);
    }

    return p;
}


/*
 * An object or an array, from its first brace or bracket on: its members or
 * elements.
 */

static u_char *
ngx_ess_json_read_items(ngx_ess_json_read_t *j, u_char *p, ngx_uint_t wanted)
{
    u_char                   *last, close;
    ngx_str_t                 name;
    ngx_uint_t                i, next, object, escaped;
    ngx_ess_json_unique_t     names;

    last = j->last;
    object = (*p == '{');
    close = object ? '}' : ']';

    if (j->depth == j->max_depth) {
        return ngx_ess_json_read_wrong(j, p);
    }

    p = ngx_ess_str_space(p + 1, last);

    if (p < last && *p == close) {
        j->empty = 1;
        j->end = p;

        return p + 1;
    }

    wanted = wanted && j->depth < j->nsteps;
    j->depth++;

    ngx_ess_json_unique_object(&names);

    for (i = 0; ; i++) {
        next = wanted;

        if (object) {
            p = ngx_ess_json_read_name(j, p, &name, &escaped);
            if (p == NULL) {
                return NULL;
            }

            if (j->unique
                && ngx_ess_json_unique_add(&names, name.data, name.len, last,
                                           escaped)
                   != NGX_OK)
            {
                j->twice = 1;
                return ngx_ess_json_read_wrong(j, name.data - 1);
            }

            if (wanted) {
                next = ngx_ess_json_read_is(j, &name, escaped);
            }

        } else if (wanted) {
            next = (j->steps[j->depth - 1].index == i);
        }

        p = ngx_ess_json_read_any(j, p, next);
        if (p == NULL) {
            return NULL;
        }

        p = ngx_ess_str_space(p, last);

        if (p == last || *p != ',') {
            break;
        }

        p = ngx_ess_str_space(p + 1, last);
    }

    j->depth--;

    if (p == last || *p != close) {
        return ngx_ess_json_read_wrong(j, p);
    }

    j->empty = 0;
    j->end = p;

    return p + 1;
}


/* A member's, the colon behind it, and white space around that. */

static ngx_inline u_char *
ngx_ess_json_read_name(ngx_ess_json_read_t *j, u_char *p, ngx_str_t *name,
    ngx_uint_t *escaped)
{
    if (p == j->last || *p != '"') {
        return ngx_ess_json_read_wrong(j, p);
    }

    name->data = p + 1;

    p = ngx_ess_json_read_string(j, name->data, escaped);
    if (p == NULL) {
        return NULL;
    }

    name->len = p - 1 - name->data;

    p = ngx_ess_str_space(p, j->last);

    return (p < j->last && *p == ':') ? ngx_ess_str_space(p + 1, j->last)
                                      : ngx_ess_json_read_wrong(j, p);
}


/* Is it what the step to the sought value from here names? */

static ngx_uint_t
ngx_ess_json_read_is(ngx_ess_json_read_t *j, ngx_str_t *name,
    ngx_uint_t escaped)
{
    const ngx_str_t  *step;

    step = &j->steps[j->depth - 1].name;

    return escaped ? ngx_ess_json_string_is(name, step)
                   : (name->len == step->len
                      && ngx_memcmp(name->data, step->data, step->len) == 0);
}


/* From behind its first quote on.  Most are short, and plain. */

static ngx_inline u_char *
ngx_ess_json_read_string(ngx_ess_json_read_t *j, u_char *p,
    ngx_uint_t *escaped)
{
#if (__SSE2__)

    int      hit;
    __m128i  w;

    if (j->last - p >= 16) {
        w = _mm_loadu_si128((const __m128i *) p);

        /* signed: what is not ASCII is less than a control character */

        hit = _mm_movemask_epi8(_mm_or_si128(
                  _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')),
                               _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'))),
                  _mm_cmplt_epi8(w, _mm_set1_epi8(' '))));

        if (hit && p[__builtin_ctz(hit)] == '"') {
            *escaped = 0;

            return p + __builtin_ctz(hit) + 1;
        }
    }

#endif

    return ngx_ess_json_read_rest(j, p, escaped);
}


static u_char *
ngx_ess_json_read_rest(ngx_ess_json_read_t *j, u_char *p,
    ngx_uint_t *escaped)
{
    *escaped = 0;

    for ( ;; ) {
        p = ngx_ess_json_read_plain(j, p);

        if (p == j->last) {
            return ngx_ess_json_read_wrong(j, p);
        }

        if (*p == '"') {
            return p + 1;
        }

        if (*p != '\\') {
            j->control = 1;
            return ngx_ess_json_read_wrong(j, p);
        }

        *escaped = 1;

        p = ngx_ess_json_read_escape(j, p + 1);
        if (p == NULL) {
            return NULL;
        }
    }
}


/* Up to a quote, a backslash or a control character, several bytes at a
   time. */

static ngx_inline u_char *
ngx_ess_json_read_plain(ngx_ess_json_read_t *j, u_char *p)
{
#if (__SSE2__)

    int      hit, high;
    __m128i  w;

    while (j->last - p >= 16) {
        w = _mm_loadu_si128((const __m128i *) p);

        hit = _mm_movemask_epi8(_mm_or_si128(
                  _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')),
                               _mm_cmpeq_epi8(w, _mm_set1_epi8('\\'))),
                  _mm_cmpeq_epi8(_mm_max_epu8(w, _mm_set1_epi8(0x1f)),
                                 _mm_set1_epi8(0x1f))));
        high = _mm_movemask_epi8(w);

        if (high) {
            /* of the bytes before the first hit */

            j->high |= hit ? high & (hit ^ (hit - 1)) : high;
        }

        if (hit) {
            return p + __builtin_ctz(hit);
        }

        p += 16;
    }

#elif (NGX_HAVE_LITTLE_ENDIAN)

    uint64_t  w, quote, slash, hit;

    while (j->last - p >= 8) {
        ngx_memcpy(&w, p, 8);

        quote = w ^ ngx_ess_json_read_bytes('"');
        slash = w ^ ngx_ess_json_read_bytes('\\');

        hit = (ngx_ess_json_read_zero(quote) | ngx_ess_json_read_zero(slash)
               | ((w - ngx_ess_json_read_bytes(' ')) & ~w))
              & ngx_ess_json_read_bytes(0x80);

        if (hit) {
            j->high |= (w & (hit ^ (hit - 1))
                        & ngx_ess_json_read_bytes(0x80)) != 0;

            return p + (__builtin_ctzll(hit) >> 3);
        }

        j->high |= (w & ngx_ess_json_read_bytes(0x80)) != 0;
        p += 8;
    }

#endif

    while (p < j->last && *p != '"' && *p != '\\' && *p >= ' ') {
        j->high |= *p & 0x80;
        p++;
    }

    return p;
}


/* From behind its backslash on. */

static u_char *
ngx_ess_json_read_escape(ngx_ess_json_read_t *j, u_char *p)
{
    if (p == j->last) {
        return ngx_ess_json_read_wrong(j, p);
    }

    if (*p != 'u') {
        return (*p != '\0' && ngx_strchr("\"\\/bfnrt", *p))
               ? p + 1 : ngx_ess_json_read_wrong(j, p);
    }

    j->special = 1;

    return (j->last - p < 5 || ngx_hextoi(p + 1, 4) == NGX_ERROR)
           ? ngx_ess_json_read_wrong(j, p) : p + 5;
}


/* A literal or a number. */

static u_char *
ngx_ess_json_read_scalar(ngx_ess_json_read_t *j, u_char *p)
{
    switch (*p) {

    case 't':
        return ngx_ess_json_read_literal(j, p, "true", 4);

    case 'f':
        return ngx_ess_json_read_literal(j, p, "false", 5);

    case 'n':
        return ngx_ess_json_read_literal(j, p, "null", 4);

    default:
        return ngx_ess_json_read_number(j, p);
    }
}


static ngx_inline u_char *
ngx_ess_json_read_literal(ngx_ess_json_read_t *j, u_char *p,
    const char *text, size_t len)
{
    return ((size_t) (j->last - p) < len || ngx_memcmp(p, text, len) != 0)
           ? ngx_ess_json_read_wrong(j, p) : p + len;
}


static ngx_inline u_char *
ngx_ess_json_read_number(ngx_ess_json_read_t *j, u_char *p)
{
    u_char  *last, *start;

    start = p;
    last = j->last;

    if (*p == '-') {
        p++;
    }

    if (p < last && *p == '0') {
        p++;

    } else {
        p = ngx_ess_json_read_digits(j, p);
    }

    if (p && p < last && *p == '.') {
        p = ngx_ess_json_read_digits(j, p + 1);
    }

    if (p && p < last && (*p == 'e' || *p == 'E')) {
        p++;
        j->special = 1;

        if (p < last && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ngx_ess_json_read_digits(j, p);
    }

    if (p && p - start > NGX_ESS_JSON_READ_DIGITS) {
        j->special = 1;
    }

    return p;
}


static ngx_inline u_char *
ngx_ess_json_read_digits(ngx_ess_json_read_t *j, u_char *p)
{
    u_char  *start;

    start = p;

    while (p < j->last && *p >= '0' && *p <= '9') {
        p++;
    }

    return (p > start) ? p : ngx_ess_json_read_wrong(j, p);
}


static ngx_inline u_char *
ngx_ess_json_read_wrong(ngx_ess_json_read_t *j, u_char *p)
{
    j->p = p;

    return NULL;
}


static ngx_ess_json_type_e
ngx_ess_json_read_type(u_char ch)
{
    switch (ch) {

    case '{':
        return NGX_ESS_JSON_OBJECT;

    case '[':
        return NGX_ESS_JSON_ARRAY;

    case '"':
        return NGX_ESS_JSON_STRING;

    case 't':
    case 'f':
        return NGX_ESS_JSON_BOOLEAN;

    case 'n':
        return NGX_ESS_JSON_NULL;

    default:
        return NGX_ESS_JSON_NUMBER;
    }
}


ngx_int_t
ngx_ess_json_read_open(ngx_ess_json_walk_t *walk,
    const ngx_ess_json_value_t *value)
{
    if (value->type != NGX_ESS_JSON_OBJECT
        && value->type != NGX_ESS_JSON_ARRAY)
    {
        return NGX_DECLINED;
    }

    walk->p = value->span.data + 1;
    walk->last = value->span.data + value->span.len;
    walk->object = (value->type == NGX_ESS_JSON_OBJECT);

    return NGX_OK;
}


ngx_int_t
ngx_ess_json_read_next(ngx_ess_json_walk_t *walk, ngx_str_t *name,
    ngx_ess_json_value_t *value)
{
    u_char               *p, *last;
    ngx_uint_t            escaped;
    ngx_ess_json_read_t   j;

    p = walk->p;
    last = walk->last;

    ngx_str_null(name);
    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.last = last;
    j.max_depth = NGX_ESS_JSON_BODY_DEPTH;

    p = ngx_ess_str_space(p, last);

    if (p < last && *p == ',') {
        p = ngx_ess_str_space(p + 1, last);
    }

    if (walk->object) {
        p = ngx_ess_json_read_name(&j, p, name, &escaped);
    }

    if (p) {
        p = ngx_ess_json_read_any(&j, p, 1);
    }

    if (p == NULL) {
        return NGX_DONE;
    }

    *value = j.found;
    walk->p = p;

    return NGX_OK;
}
