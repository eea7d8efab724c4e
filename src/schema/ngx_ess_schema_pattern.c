
/*
 * Patterns are of ECMA-262, and PCRE runs them: what differs is rewritten.
 *
 * PCRE counts what it does from each place of a text anew, so a limit would not
 * bound the whole: all places are tried within one match, and there are
 * patterns with several limits, for texts of several lengths.  Owns the
 * compiled ones, in the pool of the configuration.  Runs in workers.
 */


#include "ngx_ess_schema_pattern.h"


#define NGX_ESS_SCHEMA_PATTERN_DETAIL  256

/* room of what is put around a pattern */
#define NGX_ESS_SCHEMA_PATTERN_AROUND  128

/* A loop that gives nothing back would not be counted, and neither is what JIT
   does.  What a match has to come back to PCRE2 keeps on the heap, until the
   worker ends: the limit is in KiB.  PCRE1 keeps it on the stack, some 500
   bytes each. */

#if (NGX_PCRE2)
#define NGX_ESS_SCHEMA_PATTERN_DEPTH   "(*LIMIT_HEAP=16384)"
#define NGX_ESS_SCHEMA_PATTERN_UTF     "(*UTF)(*NO_JIT)(*NO_AUTO_POSSESS)"
#else
#define NGX_ESS_SCHEMA_PATTERN_DEPTH   "(*LIMIT_RECURSION=4000)"
#define NGX_ESS_SCHEMA_PATTERN_UTF     "(*UTF8)"
#endif

#define ngx_ess_schema_pattern_hex(ch)                                        \
    (((ch) >= '0' && (ch) <= '9')                                             \
     || (((ch) | 0x20) >= 'a' && ((ch) | 0x20) <= 'f'))


typedef struct {
    size_t                   len;           /* of texts, at most */
    ngx_uint_t               limit;         /* what PCRE counts */
} ngx_ess_schema_pattern_limit_t;


static const ngx_ess_schema_pattern_limit_t
    ngx_ess_schema_pattern_limits[] = {
    { 16, 2500 },
    { 128, 10000 },
    { 2048, 80000 },
    { (size_t) -1, 1000000 }
};

#define NGX_ESS_SCHEMA_PATTERN_LIMITS                                         \
    (sizeof(ngx_ess_schema_pattern_limits)                                    \
     / sizeof(ngx_ess_schema_pattern_limit_t))


#if (NGX_PCRE)

struct ngx_ess_schema_pattern_s {
    ngx_regex_t             *regex[NGX_ESS_SCHEMA_PATTERN_LIMITS];
};


static ngx_regex_t *ngx_ess_schema_pattern_regex(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_uint_t limit, ngx_str_t *detail);
static u_char *ngx_ess_schema_pattern_rewrite(u_char *to,
    const ngx_str_t *text);
static const u_char *ngx_ess_schema_pattern_escape(u_char **to,
    const u_char *p, const u_char *last);

#endif


static ngx_uint_t ngx_ess_schema_pattern_of(const ngx_str_t *text);


ngx_ess_schema_pattern_t *
ngx_ess_schema_pattern_compile(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_str_t *detail)
{
#if (NGX_PCRE)

    ngx_uint_t                 i;
    ngx_ess_schema_pattern_t  *pattern;

    ngx_str_set(detail, "no memory");

    /* alone first: a parenthesis too many must not end what is around it */

    if (ngx_ess_schema_pattern_regex(pool, text, 0, detail) == NULL) {
        return NULL;
    }

    pattern = ngx_palloc(pool, sizeof(ngx_ess_schema_pattern_t));
    if (pattern == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_ESS_SCHEMA_PATTERN_LIMITS; i++) {
        pattern->regex[i] = ngx_ess_schema_pattern_regex(pool, text,
                                      ngx_ess_schema_pattern_limits[i].limit,
                                      detail);
        if (pattern->regex[i] == NULL) {
            return NULL;
        }
    }

    return pattern;

#else

    ngx_str_set(detail, "this nginx was built without PCRE");

    return NULL;

#endif
}


#if (NGX_PCRE)

/* "limit" 0: as it stands. */

static ngx_regex_t *
ngx_ess_schema_pattern_regex(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t limit, ngx_str_t *detail)
{
    u_char               *p;
    ngx_regex_compile_t   rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    /* no character becomes more than three: "$" and "\u" do */

    rc.pattern.data = ngx_pnalloc(pool, 3 * text->len
                                        + NGX_ESS_SCHEMA_PATTERN_AROUND);
    rc.err.data = ngx_pnalloc(pool, NGX_ESS_SCHEMA_PATTERN_DETAIL);

    if (rc.pattern.data == NULL || rc.err.data == NULL) {
        return NULL;
    }

    rc.err.len = NGX_ESS_SCHEMA_PATTERN_DETAIL;
    rc.pool = pool;

    p = rc.pattern.data;

    if (limit) {
        p = ngx_sprintf(p, "(*LIMIT_MATCH=%ui)" NGX_ESS_SCHEMA_PATTERN_DEPTH,
                        limit);
    }

    p = ngx_cpymem(p, NGX_ESS_SCHEMA_PATTERN_UTF,
                   sizeof(NGX_ESS_SCHEMA_PATTERN_UTF) - 1);

    if (limit) {
        p = ngx_cpymem(p, "\\A(?s:.*?)(?:", sizeof("\\A(?s:.*?)(?:") - 1);
    }

    p = ngx_ess_schema_pattern_rewrite(p, text);

    if (limit) {
        *p++ = ')';
    }

    rc.pattern.len = p - rc.pattern.data;
    *p = '\0';

    if (ngx_regex_compile(&rc) != NGX_OK) {
        *detail = rc.err;
        return NULL;
    }

    return rc.regex;
}


/* "$" is the end of the text, and not also before a newline there; \u0041 and
   \u{41} are written \x{0041}. */

static u_char *
ngx_ess_schema_pattern_rewrite(u_char *to, const ngx_str_t *text)
{
    ngx_uint_t     class;
    const u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    for (class = 0; p < last; /* void */ ) {

        if (*p == '\\') {
            p = ngx_ess_schema_pattern_escape(&to, p, last);
            continue;
        }

        if (*p == '[') {
            class = 1;

        } else if (*p == ']') {
            class = 0;

        } else if (*p == '$' && !class) {
            *to++ = '\\';
            *to++ = 'z';
            p++;

            continue;
        }

        *to++ = *p++;
    }

    return to;
}


static const u_char *
ngx_ess_schema_pattern_escape(u_char **to, const u_char *p,
    const u_char *last)
{
    u_char      *q;
    ngx_uint_t   i;

    q = *to;
    *q++ = *p++;

    if (p == last) {
        *to = q;
        return p;
    }

    if (*p != 'u') {
        *q++ = *p++;

    } else if (last - p > 1 && p[1] == '{') {
        *q++ = 'x';
        p++;

    } else {
        for (i = 1; i < 5; i++) {
            if (last - p <= (ssize_t) i || !ngx_ess_schema_pattern_hex(p[i])) {
                break;
            }
        }

        if (i == 5) {
            q = ngx_sprintf(q, "x{%*s}", (size_t) 4, p + 1);
            p += 5;

        } else {
            *q++ = *p++;
        }
    }

    *to = q;

    return p;
}

#endif


static ngx_uint_t
ngx_ess_schema_pattern_of(const ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; text->len > ngx_ess_schema_pattern_limits[i].len; i++) {
        /* void */
    }

    return i;
}


ngx_int_t
ngx_ess_schema_pattern_match(ngx_ess_schema_pattern_t *pattern,
    const ngx_str_t *text)
{
#if (NGX_PCRE)

    ngx_int_t   rc;
    ngx_str_t   subject;
    ngx_uint_t  i;

    i = ngx_ess_schema_pattern_of(text);
    subject = *text;

    rc = ngx_regex_exec(pattern->regex[i], &subject, NULL, 0);

    return (rc >= 0) ? NGX_OK
                     : (rc == NGX_REGEX_NO_MATCHED) ? NGX_DECLINED : NGX_ABORT;

#else

    return NGX_ABORT;

#endif
}


ngx_uint_t
ngx_ess_schema_pattern_cost(const ngx_str_t *text)
{
    return ngx_ess_schema_pattern_limits[ngx_ess_schema_pattern_of(text)].limit
           / 64;
}
