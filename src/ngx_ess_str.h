/*
 * Parts of a string.
 */


#ifndef _NGX_ESS_STR_H_INCLUDED_
#define _NGX_ESS_STR_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Cuts off the text what is before the separator, and the separator.  1: there
 * was one; 0: "part" is all of the text, which is empty now.
 */
ngx_uint_t ngx_ess_str_cut(ngx_str_t *text, u_char separator,
    ngx_str_t *part);

/* Cuts off the next item of a list, without blanks at its ends.  0: there is
   none any more. */
ngx_uint_t ngx_ess_str_item(ngx_str_t *list, u_char separator,
    ngx_str_t *item);

/* Takes blanks and tabs off both ends. */
void ngx_ess_str_trim(ngx_str_t *text);

/* 1: the text is that name, whatever its case. */
ngx_uint_t ngx_ess_str_is(ngx_str_t *text, const char *name);

/* 1: it is a token of HTTP, such as a header's name: RFC 9110, 5.6.2. */
ngx_uint_t ngx_ess_str_is_token(const ngx_str_t *text);

/* 1: they have the same bytes. */
ngx_uint_t ngx_ess_str_equal(const ngx_str_t *one, const ngx_str_t *two);


/* For ngx_qsort() and bsearch() of texts: an order of any kind, 0 when they
   have the same bytes. */

static ngx_inline int ngx_libc_cdecl
ngx_ess_str_cmp(const void *one, const void *two)
{
    const ngx_str_t  *a, *b;

    a = one;
    b = two;

    if (a->len != b->len) {
        return (a->len < b->len) ? -1 : 1;
    }

    return ngx_memcmp(a->data, b->data, a->len);
}


/* White space of JSON, if any; returns what is behind it. */

static ngx_inline u_char *
ngx_ess_str_space(u_char *p, u_char *last)
{
    while (p < last && *p <= ' '
           && (*p == ' ' || *p == '\t' || *p == CR || *p == LF))
    {
        p++;
    }

    return p;
}


#endif /* _NGX_ESS_STR_H_INCLUDED_ */
