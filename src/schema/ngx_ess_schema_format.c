
/*
 * Formats of strings, character by character, and none of them by a pattern.
 * Owns nothing.  Runs in workers.
 */


#include "ngx_ess_schema_format.h"
#include "ngx_ess_date.h"
#include "ngx_ess_str.h"


/* RFC 5321, 4.5.3.1 */
#define NGX_ESS_SCHEMA_FORMAT_LOCAL   64
#define NGX_ESS_SCHEMA_FORMAT_DOMAIN  255
#define NGX_ESS_SCHEMA_FORMAT_LABEL   63

#define ngx_ess_schema_format_alpha(ch)                                       \
    (((ch) | 0x20) >= 'a' && ((ch) | 0x20) <= 'z')

#define ngx_ess_schema_format_digit(ch)  ((ch) >= '0' && (ch) <= '9')

#define ngx_ess_schema_format_hex(ch)                                         \
    (ngx_ess_schema_format_digit(ch)                                          \
     || (((ch) | 0x20) >= 'a' && ((ch) | 0x20) <= 'f'))

#define ngx_ess_schema_format_among(ch, set)                                  \
    ((ch) != '\0' && ngx_strchr(set, ch) != NULL)


typedef struct {
    ngx_str_t                  name;
    ngx_ess_schema_format_pt   is;
} ngx_ess_schema_format_row_t;


static ngx_uint_t ngx_ess_schema_format_date_time(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_date(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_email(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_local(const u_char *p,
    const u_char *last);
static ngx_uint_t ngx_ess_schema_format_quoted(const u_char *p,
    const u_char *last);
static ngx_uint_t ngx_ess_schema_format_domain(const u_char *p,
    const u_char *last);
static ngx_uint_t ngx_ess_schema_format_uuid(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_uri(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_authority(const u_char *p,
    const u_char *last);
static ngx_uint_t ngx_ess_schema_format_plain(const u_char *p,
    const u_char *last, const char *set);
static ngx_uint_t ngx_ess_schema_format_ipv4(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_ipv6(const ngx_str_t *text);
static ngx_uint_t ngx_ess_schema_format_address(int family,
    const u_char *p, size_t len);


static const ngx_ess_schema_format_row_t  ngx_ess_schema_format_rows[] = {
    { ngx_string("date-time"), ngx_ess_schema_format_date_time },
    { ngx_string("date"), ngx_ess_schema_format_date },
    { ngx_string("email"), ngx_ess_schema_format_email },
    { ngx_string("uuid"), ngx_ess_schema_format_uuid },
    { ngx_string("uri"), ngx_ess_schema_format_uri },
    { ngx_string("ipv4"), ngx_ess_schema_format_ipv4 },
    { ngx_string("ipv6"), ngx_ess_schema_format_ipv6 },
    { ngx_null_string, NULL }
};


ngx_ess_schema_format_pt
ngx_ess_schema_format(const ngx_str_t *name)
{
    const ngx_ess_schema_format_row_t  *row;

    for (row = ngx_ess_schema_format_rows; row->is; row++) {
        if (ngx_ess_str_equal(&row->name, name)) {
            return row->is;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_ess_schema_format_date_time(const ngx_str_t *text)
{
    int64_t  ms;

    return ngx_ess_date_parse(text->data, text->len, &ms) == NGX_OK;
}


static ngx_uint_t
ngx_ess_schema_format_date(const ngx_str_t *text)
{
    return ngx_ess_date_day(text->data, text->len) == NGX_OK;
}


/* A mailbox of RFC 5321: a@example.com, "a b"@[192.0.2.1] */

static ngx_uint_t
ngx_ess_schema_format_email(const ngx_str_t *text)
{
    size_t         n;
    const u_char  *p, *last, *at;

    p = text->data;
    last = p + text->len;

    /* the last one: what is quoted may have others */

    for (at = last; at > p && at[-1] != '@'; at--) {
        /* void */
    }

    if (at == p) {
        return 0;
    }

    at--;

    if (at == p || at - p > NGX_ESS_SCHEMA_FORMAT_LOCAL
        || !(*p == '"' ? ngx_ess_schema_format_quoted(p, at)
                       : ngx_ess_schema_format_local(p, at)))
    {
        return 0;
    }

    p = at + 1;
    n = last - p;

    if (n < 2 || *p != '[' || last[-1] != ']') {
        return ngx_ess_schema_format_domain(p, last);
    }

    if (n > 7 && ngx_strncasecmp((u_char *) p, (u_char *) "[IPv6:", 6) == 0) {
        return ngx_ess_schema_format_address(AF_INET6, p + 6, n - 7);
    }

    return ngx_ess_schema_format_address(AF_INET, p + 1, n - 2);
}


/* Words of an address, with single dots between them. */

static ngx_uint_t
ngx_ess_schema_format_local(const u_char *p, const u_char *last)
{
    const u_char  *start;

    start = p;

    for ( /* void */ ; p < last; p++) {

        if (*p == '.') {
            if (p == start || p + 1 == last || p[1] == '.') {
                return 0;
            }

        } else if (!ngx_ess_schema_format_alpha(*p)
                   && !ngx_ess_schema_format_digit(*p)
                   && !ngx_ess_schema_format_among(*p, "!#$%&'*+-/=?^_`{|}~"))
        {
            return 0;
        }
    }

    return p > start;
}


static ngx_uint_t
ngx_ess_schema_format_quoted(const u_char *p, const u_char *last)
{
    if (last - p < 2 || last[-1] != '"') {
        return 0;
    }

    for (p++, last--; p < last; p++) {

        if (*p == '\\') {
            p++;

        } else if (*p == '"') {
            return 0;
        }

        if (p == last || *p < ' ' || *p > '~') {
            return 0;
        }
    }

    return 1;
}


/* Labels of letters, digits and hyphens within. */

static ngx_uint_t
ngx_ess_schema_format_domain(const u_char *p, const u_char *last)
{
    const u_char  *start;

    if (p == last || last - p > NGX_ESS_SCHEMA_FORMAT_DOMAIN) {
        return 0;
    }

    for (start = p; p <= last; p++) {

        if (p == last || *p == '.') {
            if (p == start || p - start > NGX_ESS_SCHEMA_FORMAT_LABEL
                || *start == '-' || p[-1] == '-')
            {
                return 0;
            }

            start = p + 1;

        } else if (!ngx_ess_schema_format_alpha(*p)
                   && !ngx_ess_schema_format_digit(*p) && *p != '-')
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_ess_schema_format_uuid(const ngx_str_t *text)
{
    size_t   i;
    u_char   ch;

    if (text->len != 36) {
        return 0;
    }

    for (i = 0; i < 36; i++) {
        ch = text->data[i];

        if ((i == 8 || i == 13 || i == 18 || i == 23)
            ? ch != '-' : !ngx_ess_schema_format_hex(ch))
        {
            return 0;
        }
    }

    return 1;
}


/* RFC 3986: a scheme, then what is allowed in the rest. */

static ngx_uint_t
ngx_ess_schema_format_uri(const ngx_str_t *text)
{
    const u_char  *p, *last, *end;

    p = text->data;
    last = p + text->len;

    if (p == last || !ngx_ess_schema_format_alpha(*p)) {
        return 0;
    }

    while (p < last && *p != ':') {
        if (!ngx_ess_schema_format_alpha(*p) && !ngx_ess_schema_format_digit(*p)
            && !ngx_ess_schema_format_among(*p, "+-."))
        {
            return 0;
        }

        p++;
    }

    if (p == last) {
        return 0;
    }

    p++;

    if (last - p >= 2 && p[0] == '/' && p[1] == '/') {

        for (end = p + 2; end < last; end++) {
            if (ngx_ess_schema_format_among(*end, "/?#")) {
                break;
            }
        }

        if (!ngx_ess_schema_format_authority(p + 2, end)) {
            return 0;
        }

        p = end;
    }

    end = memchr(p, '#', last - p);

    if (end == NULL) {
        end = last;

    } else if (!ngx_ess_schema_format_plain(end + 1, last,
                                            "-._~!$&'()*+,;=:@/?"))
    {
        return 0;
    }

    return ngx_ess_schema_format_plain(p, end, "-._~!$&'()*+,;=:@/?");
}


/* user@host:port, where the host may be an address in brackets. */

static ngx_uint_t
ngx_ess_schema_format_authority(const u_char *p, const u_char *last)
{
    const u_char  *q, *end;

    q = memchr(p, '@', last - p);

    if (q) {
        if (!ngx_ess_schema_format_plain(p, q, "-._~!$&'()*+,;=:")) {
            return 0;
        }

        p = q + 1;
    }

    for (q = last; q > p && ngx_ess_schema_format_digit(q[-1]); q--) {
        /* void */
    }

    end = (q > p && q[-1] == ':') ? q - 1 : last;

    if (p == end || *p != '[') {
        return ngx_ess_schema_format_plain(p, end, "-._~!$&'()*+,;=");
    }

    if (end - p < 3 || end[-1] != ']') {
        return 0;
    }

    p++;
    end--;

    return (*p == 'v' || *p == 'V')
           ? ngx_ess_schema_format_plain(p, end, "-._~!$&'()*+,;=:")
           : ngx_ess_schema_format_address(AF_INET6, p, end - p);
}


/* Letters, digits, what is percent-encoded, and those of the set. */

static ngx_uint_t
ngx_ess_schema_format_plain(const u_char *p, const u_char *last,
    const char *set)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '%') {
            if (last - p < 3 || !ngx_ess_schema_format_hex(p[1])
                || !ngx_ess_schema_format_hex(p[2]))
            {
                return 0;
            }

        } else if (!ngx_ess_schema_format_alpha(*p)
                   && !ngx_ess_schema_format_digit(*p)
                   && !ngx_ess_schema_format_among(*p, set))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_ess_schema_format_ipv4(const ngx_str_t *text)
{
    return ngx_ess_schema_format_address(AF_INET, text->data, text->len);
}


static ngx_uint_t
ngx_ess_schema_format_ipv6(const ngx_str_t *text)
{
    return ngx_ess_schema_format_address(AF_INET6, text->data, text->len);
}


static ngx_uint_t
ngx_ess_schema_format_address(int family, const u_char *p, size_t len)
{
    char    buf[INET6_ADDRSTRLEN + 1];
    u_char  address[16];

    if (len > INET6_ADDRSTRLEN || memchr(p, '\0', len) != NULL) {
        return 0;
    }

    ngx_memcpy(buf, p, len);
    buf[len] = '\0';

    return inet_pton(family, buf, address) == 1;
}
