
/*
 * Names of streams.  A name stands in paths beside ids, uuids and fixed parts
 * of them, and is none of these.
 */


#include "ngx_ess_name.h"
#include "ngx_ess_str.h"


/* hex digits of a uuid, and the same with four dashes */
#define NGX_ESS_NAME_DASHED  36


/* parts of paths; "." and ".." are taken out of a path */

static ngx_str_t  ngx_ess_name_reserved[] = {
    ngx_string("version"),
    ngx_string("subscribers"),
    ngx_string("socketio"),
    ngx_string("."),
    ngx_string("..")
};


const char *
ngx_ess_name_wrong(ngx_str_t *name)
{
    u_char      c;
    size_t      i;
    ngx_uint_t  n, digits;

    if (name->len == 0 || name->len > NGX_ESS_MAX_NAME) {
        return "1 to 128 bytes of letters, digits and \"._~@-\"";
    }

    digits = 0;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c >= '0' && c <= '9') {
            digits++;

        } else if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                     || c == '.' || c == '_' || c == '~' || c == '@'
                     || c == '-'))
        {
            return "of letters, digits and \"._~@-\" only";
        }
    }

    if (digits == name->len) {
        return "more than digits, for an id is digits";
    }

    if (ngx_ess_name_is_uuid(name)) {
        return "of another form than a uuid";
    }

    n = sizeof(ngx_ess_name_reserved) / sizeof(ngx_str_t);

    for (i = 0; i < n; i++) {
        if (ngx_ess_str_equal(name, &ngx_ess_name_reserved[i])) {
            return "another one than \"version\", \"subscribers\", "
                   "\"socketio\", \".\" and \"..\", which are parts of paths";
        }
    }

    return NULL;
}


ngx_uint_t
ngx_ess_name_is_uuid(ngx_str_t *name)
{
    u_char  c;
    size_t  i, dashes;

    if (name->len != NGX_ESS_UUID_TEXT && name->len != NGX_ESS_NAME_DASHED) {
        return 0;
    }

    dashes = 0;

    for (i = 0; i < name->len; i++) {
        c = name->data[i] | 0x20;

        if (name->data[i] == '-'
            && (i == 8 || i == 13 || i == 18 || i == 23))
        {
            dashes++;

        } else if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return 0;
        }
    }

    return name->len == NGX_ESS_UUID_TEXT + dashes;
}
