
/*
 * JSON that others sent, and that is said.  Pure functions; cJSON's trees are
 * their callers'.
 */


#include "ngx_ess_json.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_json_scan(u_char *p, u_char *last, ngx_uint_t mark);


cJSON *
ngx_ess_json_parse(u_char *data, size_t len, ngx_uint_t mark,
    const char **detail)
{
    cJSON       *root;
    u_char      *last;
    const char  *end;

    last = data + len;

    if (ngx_ess_json_scan(data, last, mark) != NGX_OK) {
        *detail = "the body is not JSON: it contains a control character";
        return NULL;
    }

    root = cJSON_ParseWithLengthOpts((char *) data, len, &end, 0);

    if (root == NULL) {
        *detail = "the body is not JSON";
        return NULL;
    }

    if (ngx_ess_str_space((u_char *) end, last) < last) {
        *detail = "the body is not JSON: something follows the value";
        cJSON_Delete(root);
        return NULL;
    }

    return root;
}


/* Control characters where JSON allows none are an error. */

static ngx_int_t
ngx_ess_json_scan(u_char *p, u_char *last, ngx_uint_t mark)
{
    ngx_uint_t  quoted;

    quoted = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p < 0x20
            && (quoted || (*p != '\t' && *p != CR && *p != LF)))
        {
            return NGX_ERROR;
        }

        if (*p == '"') {
            quoted = !quoted;

        } else if (*p == '\\' && quoted) {

            if (mark && last - p >= 6 && ngx_memcmp(p + 1, "u0000", 5) == 0) {
                ngx_memset(p, NGX_ESS_JSON_NUL, 6);
                p += 5;

            } else if (last - p >= 2 && p[1] >= 0x20) {
                p++;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_ess_json_text(ngx_pool_t *pool, ngx_str_t *head, ngx_str_t *text,
    ngx_str_t *json)
{
    u_char  *p;

    json->data = ngx_pnalloc(pool, head->len + text->len
                             + ngx_escape_json(NULL, text->data, text->len)
                             + sizeof("\"}"));
    if (json->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(json->data, head->data, head->len);
    p = (u_char *) ngx_escape_json(p, text->data, text->len);
    *p++ = '"';
    *p++ = '}';

    json->len = p - json->data;

    return NGX_OK;
}
