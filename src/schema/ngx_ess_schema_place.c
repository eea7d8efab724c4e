
/*
 * Messages about a schema.  Owns nothing.  Runs where the configuration is
 * read.
 */


#include "ngx_ess_schema_place.h"


static u_char *ngx_ess_schema_place_write(u_char *p, u_char *last,
    const ngx_ess_schema_place_t *place);


ngx_int_t
ngx_ess_schema_place_wrong(ngx_ess_schema_wrong_t *wrong,
    const ngx_ess_schema_place_t *place, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    if (wrong->detail.data) {
        return NGX_ERROR;
    }

    p = ngx_ess_schema_place_write(wrong->buf,
                                   wrong->buf + NGX_ESS_SCHEMA_PLACE_LEN - 1,
                                   place);
    *p = '\0';

    wrong->place.data = wrong->buf;
    wrong->place.len = p - wrong->buf;

    va_start(args, fmt);
    p = ngx_vslprintf(wrong->text,
                      wrong->text + NGX_ESS_SCHEMA_DETAIL_LEN - 1, fmt, args);
    va_end(args);

    *p = '\0';

    wrong->detail.data = wrong->text;
    wrong->detail.len = p - wrong->text;

    return NGX_ERROR;
}


static u_char *
ngx_ess_schema_place_write(u_char *p, u_char *last,
    const ngx_ess_schema_place_t *place)
{
    size_t  i;

    if (place->above == NULL) {
        return ngx_slprintf(p, last, "#");
    }

    p = ngx_ess_schema_place_write(p, last, place->above);

    if (place->index != NGX_ESS_SCHEMA_NO_INDEX) {
        return ngx_slprintf(p, last, "/%ui", place->index);
    }

    p = ngx_slprintf(p, last, "/");

    for (i = 0; i < place->name.len; i++) {

        switch (place->name.data[i]) {

        case '~':
            p = ngx_slprintf(p, last, "~0");
            break;

        case '/':
            p = ngx_slprintf(p, last, "~1");
            break;

        default:
            p = ngx_slprintf(p, last, "%c", place->name.data[i]);
            break;
        }
    }

    return p;
}
