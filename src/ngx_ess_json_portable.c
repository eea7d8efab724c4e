
/*
 * What of RFC 8259 some readers refuse: one pass over a text whose grammar was
 * checked.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_json_number.h"
#include "ngx_ess_json_portable.h"


static const u_char *ngx_ess_json_portable_string(const u_char *p,
    const u_char *last);
static const u_char *ngx_ess_json_portable_escape(const u_char *p,
    const u_char *last);
static const u_char *ngx_ess_json_portable_number(const u_char *p,
    const u_char *last);


ngx_int_t
ngx_ess_json_portable(const ngx_str_t *text)
{
    const u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    while (p && p < last) {

        if (*p == '"') {
            p = ngx_ess_json_portable_string(p + 1, last);

        } else if (*p >= '0' && *p <= '9') {
            p = ngx_ess_json_portable_number(p, last);

        } else {
            p++;
        }
    }

    return p ? NGX_OK : NGX_DECLINED;
}


/* Each of the following returns what is behind; NULL: it is not portable. */

static const u_char *
ngx_ess_json_portable_string(const u_char *p, const u_char *last)
{
    while (p && p < last && *p != '"') {
        p = (*p == '\\') ? ngx_ess_json_portable_escape(p + 1, last) : p + 1;
    }

    return (p && p < last) ? p + 1 : p;
}


static const u_char *
ngx_ess_json_portable_escape(const u_char *p, const u_char *last)
{
    ngx_int_t  ch, low;

    if (last - p < 5 || *p != 'u') {
        return (p < last) ? p + 1 : p;
    }

    ch = ngx_hextoi((u_char *) p + 1, 4);
    p += 5;

    if (ch == 0 || (ch >= 0xdc00 && ch <= 0xdfff)) {
        return NULL;
    }

    if (ch < 0xd800 || ch > 0xdbff) {
        return p;
    }

    if (last - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return NULL;
    }

    low = ngx_hextoi((u_char *) p + 2, 4);

    return (low >= 0xdc00 && low <= 0xdfff) ? p + 6 : NULL;
}


/* Behind its sign, which does not matter. */

static const u_char *
ngx_ess_json_portable_number(const u_char *p, const u_char *last)
{
    ngx_str_t              text;
    ngx_ess_json_number_t  number;

    text.data = (u_char *) p;

    while (p < last
           && ((*p >= '0' && *p <= '9') || *p == '.' || *p == 'e' || *p == 'E'
               || *p == '-' || *p == '+'))
    {
        p++;
    }

    text.len = p - text.data;

    ngx_ess_json_number_read(&text, &number);

    return ngx_ess_json_number_double(&number) ? p : NULL;
}
