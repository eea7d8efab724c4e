
/*
 * Parts of a string.  Pure functions; what they find is in the string.
 */


#include "ngx_ess_str.h"


ngx_uint_t
ngx_ess_str_cut(ngx_str_t *text, u_char separator, ngx_str_t *part)
{
    u_char  *end;

    *part = *text;

    end = ngx_strlchr(text->data, text->data + text->len, separator);

    if (end == NULL) {
        text->data += text->len;
        text->len = 0;
        return 0;
    }

    part->len = end - text->data;

    text->data += part->len + 1;
    text->len -= part->len + 1;

    return 1;
}


ngx_uint_t
ngx_ess_str_item(ngx_str_t *list, u_char separator, ngx_str_t *item)
{
    if (list->len == 0) {
        return 0;
    }

    (void) ngx_ess_str_cut(list, separator, item);
    ngx_ess_str_trim(item);

    return 1;
}


void
ngx_ess_str_trim(ngx_str_t *text)
{
    while (text->len && (text->data[0] == ' ' || text->data[0] == '\t')) {
        text->data++;
        text->len--;
    }

    while (text->len && (text->data[text->len - 1] == ' '
                         || text->data[text->len - 1] == '\t'))
    {
        text->len--;
    }
}


ngx_uint_t
ngx_ess_str_is(ngx_str_t *text, const char *name)
{
    return text->len == ngx_strlen(name)
           && ngx_strncasecmp(text->data, (u_char *) name, text->len) == 0;
}


ngx_uint_t
ngx_ess_str_is_token(const ngx_str_t *text)
{
    u_char  ch;
    size_t  i;

    /* a bit for each character of a token */

    static const uint32_t  token[] = {
        0x00000000,
        0x03ff6cfa,     /* "!#$%&'*+-." and digits */
        0xc7fffffe,     /* letters, "^_" */
        0x57ffffff,     /* letters, "`|~" */
        0, 0, 0, 0
    };

    for (i = 0; i < text->len; i++) {
        ch = text->data[i];

        if (!(token[ch >> 5] & (1U << (ch & 0x1f)))) {
            return 0;
        }
    }

    return text->len != 0;
}


ngx_uint_t
ngx_ess_str_equal(const ngx_str_t *one, const ngx_str_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_memcmp(one->data, two->data, one->len) == 0);
}
