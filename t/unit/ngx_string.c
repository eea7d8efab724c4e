/*
 * As much of nginx's strings as the codecs need, for unit tests and fuzzers.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>


ngx_int_t
ngx_hextoi(u_char *line, size_t n)
{
    char   text[16];
    int    used;
    u_int  value;

    if (n == 0 || n >= sizeof(text)) {
        return NGX_ERROR;
    }

    memcpy(text, line, n);
    text[n] = '\0';

    if (strspn(text, "0123456789abcdefABCDEF") != n
        || sscanf(text, "%x%n", &value, &used) != 1)
    {
        return NGX_ERROR;
    }

    return value;
}


/* %s, %*s, %V, %c, %Z, %d, %uD, and numbers of 64 bits: %ui, %uz, %uL, %xL,
   %xz, %L */

u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    char         text[32], *p;
    size_t       n;
    ngx_str_t   *v;
    const char  *end;

    for ( /* void */ ; *fmt && buf < last; fmt = end + 1) {

        end = fmt;
        p = text;

        if (*fmt != '%') {
            text[0] = *fmt;
            n = 1;

        } else if (*++end == 'V') {
            v = va_arg(args, ngx_str_t *);
            p = (char *) v->data;
            n = v->len;

        } else if (*end == '*') {
            end++;
            n = va_arg(args, size_t);
            p = va_arg(args, char *);

        } else if (*end == 's') {
            p = va_arg(args, char *);
            n = strlen(p);

        } else if (*end == 'c' || *end == 'd') {
            n = snprintf(text, sizeof(text), *end == 'c' ? "%c" : "%d",
                         va_arg(args, int));

        } else if (*end == 'Z') {
            text[0] = '\0';
            n = 1;

        } else if (*end == 'u' && end[1] == 'D') {
            n = snprintf(text, sizeof(text), "%u", va_arg(args, uint32_t));
            end++;

        } else {
            n = snprintf(text, sizeof(text),
                         *end == 'u' ? "%lu" : *end == 'x' ? "%lx" : "%ld",
                         va_arg(args, long));
            end += (*end == 'u' || *end == 'x');
        }

        n = ngx_min(n, (size_t) (last - buf));

        if (n) {
            buf = ngx_cpymem(buf, p, n);
        }
    }

    return buf;
}


u_char * ngx_cdecl
ngx_slprintf(u_char *buf, u_char *last, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, last, fmt, args);
    va_end(args);

    return buf;
}


u_char * ngx_cdecl
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    buf = ngx_vslprintf(buf, (u_char *) -1, fmt, args);
    va_end(args);

    return buf;
}


void
ngx_encode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    size_t     i;
    uint32_t   three;
    u_char    *d;

    static const char  set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
                               "nopqrstuvwxyz0123456789+/";

    d = dst->data;

    for (i = 0; i < src->len; i += 3) {
        three = src->data[i] << 16;
        three |= (i + 1 < src->len) ? src->data[i + 1] << 8 : 0;
        three |= (i + 2 < src->len) ? src->data[i + 2] : 0;

        *d++ = set[three >> 18];
        *d++ = set[(three >> 12) & 63];
        *d++ = (i + 1 < src->len) ? set[(three >> 6) & 63] : '=';
        *d++ = (i + 2 < src->len) ? set[three & 63] : '=';
    }

    dst->len = d - dst->data;
}


static ngx_int_t
ngx_decode_base64_set(ngx_str_t *dst, ngx_str_t *src, const char *set)
{
    u_char      *d;
    size_t       i, len;
    uint32_t     bits;
    const char  *at;

    for (len = 0; len < src->len && src->data[len] != '='; len++) {
        if (memchr(set, src->data[len], 64) == NULL) {
            return NGX_ERROR;
        }
    }

    if (len % 4 == 1) {
        return NGX_ERROR;
    }

    d = dst->data;
    bits = 0;

    for (i = 0; i < len; i++) {
        at = memchr(set, src->data[i], 64);
        bits = bits << 6 | (uint32_t) (at - set);

        if (i % 4) {
            *d++ = (u_char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    dst->len = d - dst->data;

    return NGX_OK;
}


ngx_int_t
ngx_decode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    return ngx_decode_base64_set(dst, src, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789-_");
}


ngx_int_t
ngx_decode_base64(ngx_str_t *dst, ngx_str_t *src)
{
    return ngx_decode_base64_set(dst, src, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/");
}


u_char *
ngx_strnstr(u_char *s1, char *s2, size_t len)
{
    return memmem(s1, len, s2, strlen(s2));
}


u_char *
ngx_cpystrn(u_char *dst, u_char *src, size_t n)
{
    if (n) {
        memcpy(dst, src, n - 1);
        dst[n - 1] = '\0';
        dst += n - 1;
    }

    return dst;
}


/* nginx's own "n" is one less than what is compared */

u_char *
ngx_strcasestrn(u_char *s1, char *s2, size_t n)
{
    for ( /* void */ ; *s1; s1++) {
        if (strncasecmp((char *) s1, s2, n + 1) == 0) {
            return s1;
        }
    }

    return NULL;
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


/* n is the length of s2 less one */

u_char *
ngx_strlcasestrn(u_char *s1, u_char *last, u_char *s2, size_t n)
{
    for ( /* void */ ; s1 + n < last; s1++) {
        if (strncasecmp((char *) s1, (char *) s2, n + 1) == 0) {
            return s1;
        }
    }

    return NULL;
}


off_t
ngx_atoof(u_char *line, size_t n)
{
    off_t  value;

    if (n == 0) {
        return NGX_ERROR;
    }

    for (value = 0; n--; line++) {
        if (*line < '0' || *line > '9'
            || value > (INT64_MAX - (*line - '0')) / 10)
        {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
    }

    return value;
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    return ngx_atoof(line, n);
}


/* How many bytes more it takes, without "dst". */

uintptr_t
ngx_escape_json(u_char *dst, u_char *src, size_t size)
{
    int          n;
    char         text[7];
    uintptr_t    more;
    const char  *p;

    static const char  plain[] = "\"\\\n\r\t\b\f";
    static const char  letters[] = "\"\\nrtbf";

    for (more = 0; size--; src++) {

        p = *src ? strchr(plain, *src) : NULL;

        n = snprintf(text, sizeof(text),
                     p ? "\\%c" : *src < ' ' ? "\\u%04X" : "%c",
                     p ? letters[p - plain] : *src);
        more += n - 1;

        if (dst) {
            memcpy(dst, text, n);
            dst += n;
        }
    }

    return dst ? (uintptr_t) dst : more;
}


u_char *
ngx_hex_dump(u_char *dst, u_char *src, size_t len)
{
    char  text[3];

    while (len--) {
        (void) snprintf(text, sizeof(text), "%02x", *src++);
        memcpy(dst, text, 2);
        dst += 2;
    }

    return dst;
}


void
ngx_explicit_memzero(void *buf, size_t n)
{
    ngx_memzero(buf, n);
}


void
ngx_encode_base64url(ngx_str_t *dst, ngx_str_t *src)
{
    u_char    *d, *s;
    size_t     i, n, len;
    uint32_t   bits;

    static const u_char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz0123456789-_";

    d = dst->data;
    s = src->data;

    for (len = src->len; len; len -= n, s += n) {
        n = ngx_min(len, 3);
        bits = 0;

        for (i = 0; i < 3; i++) {
            bits = (bits << 8) | (i < n ? s[i] : 0);
        }

        for (i = 0; i <= n; i++) {
            *d++ = digits[(bits >> (18 - 6 * i)) & 0x3f];
        }
    }

    dst->len = d - dst->data;
}


/* As nginx's for NGX_ESCAPE_URI_COMPONENT, which is what is asked for. */

uintptr_t
ngx_escape_uri(u_char *dst, u_char *src, size_t size, ngx_uint_t type)
{
    uintptr_t  n;

    static const u_char  hex[] = "0123456789ABCDEF";

    for (n = 0; size; size--, src++) {

        if ((*src >= '0' && *src <= '9') || (*src >= 'A' && *src <= 'Z')
            || (*src >= 'a' && *src <= 'z') || *src == '-' || *src == '.'
            || *src == '_' || *src == '~')
        {
            if (dst) {
                *dst++ = *src;
            }

            continue;
        }

        n++;

        if (dst) {
            *dst++ = '%';
            *dst++ = hex[*src >> 4];
            *dst++ = hex[*src & 0xf];
        }
    }

    return dst ? (uintptr_t) dst : n;
}


/* Who has its own is right. */

__attribute__((weak)) void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


__attribute__((weak)) void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}
