
/*
 * The lines "Accept" of a request.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_accept.h"
#include "ngx_ess_header.h"
#include "ngx_ess_str.h"


/* how specific a range is */

typedef enum {
    NGX_ESS_ACCEPT_ALL = 0,                 /* any type */
    NGX_ESS_ACCEPT_GROUP,                   /* "text", and whatever of it */
    NGX_ESS_ACCEPT_TYPE,                    /* the type itself */
    NGX_ESS_ACCEPT_RANGES
} ngx_ess_accept_range_e;


/* of each kind of range the largest weight; -1: there is none */

typedef struct {
    ngx_int_t                weights[NGX_ESS_ACCEPT_RANGES];
    ngx_uint_t               lines;
} ngx_ess_accept_t;


static void ngx_ess_accept_read(ngx_http_request_t *r, const char *type,
    ngx_ess_accept_t *accept);
static void ngx_ess_accept_line(ngx_str_t *line, const char *type,
    ngx_ess_accept_t *accept);
static ngx_int_t ngx_ess_accept_range(ngx_str_t *range, const char *type);
static ngx_int_t ngx_ess_accept_weight(ngx_str_t *params);


ngx_uint_t
ngx_ess_accept(ngx_http_request_t *r, const char *type)
{
    ngx_int_t         i;
    ngx_ess_accept_t  accept;

    ngx_ess_accept_read(r, type, &accept);

    if (accept.lines == 0) {
        return NGX_ESS_ACCEPT_MOST;
    }

    for (i = NGX_ESS_ACCEPT_TYPE; i >= NGX_ESS_ACCEPT_ALL; i--) {
        if (accept.weights[i] != -1) {
            return accept.weights[i];
        }
    }

    return 0;
}


ngx_uint_t
ngx_ess_accept_named(ngx_http_request_t *r, const char *type)
{
    ngx_ess_accept_t  accept;

    ngx_ess_accept_read(r, type, &accept);

    return ngx_max(accept.weights[NGX_ESS_ACCEPT_TYPE], 0);
}


static void
ngx_ess_accept_read(ngx_http_request_t *r, const char *type,
    ngx_ess_accept_t *accept)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;

    for (i = 0; i < NGX_ESS_ACCEPT_RANGES; i++) {
        accept->weights[i] = -1;
    }

    accept->lines = 0;
    h = NULL;

    while ((h = ngx_ess_header_find(r, "accept", h)) != NULL) {
        ngx_ess_accept_line(&h->value, type, accept);
        accept->lines++;
    }
}


static void
ngx_ess_accept_line(ngx_str_t *line, const char *type,
    ngx_ess_accept_t *accept)
{
    ngx_int_t  kind, weight;
    ngx_str_t  rest, params, range;

    rest = *line;

    while (ngx_ess_str_item(&rest, ',', &params)) {
        (void) ngx_ess_str_cut(&params, ';', &range);
        ngx_ess_str_trim(&range);

        kind = ngx_ess_accept_range(&range, type);

        if (kind != NGX_DECLINED) {
            weight = ngx_ess_accept_weight(&params);
            accept->weights[kind] = ngx_max(accept->weights[kind], weight);
        }
    }
}


/* NGX_DECLINED: the type is not in it. */

static ngx_int_t
ngx_ess_accept_range(ngx_str_t *range, const char *type)
{
    size_t  group;

    if (ngx_ess_str_is(range, type)) {
        return NGX_ESS_ACCEPT_TYPE;
    }

    if (ngx_ess_str_is(range, "*/*")) {
        return NGX_ESS_ACCEPT_ALL;
    }

    /* up to the slash */

    group = ngx_strchr(type, '/') + 1 - type;

    return (range->len == group + 1
            && range->data[group] == '*'
            && ngx_strncasecmp(range->data, (u_char *) type, group) == 0)
           ? NGX_ESS_ACCEPT_GROUP : NGX_DECLINED;
}


/* Of what cannot be read it is the default one. */

static ngx_int_t
ngx_ess_accept_weight(ngx_str_t *params)
{
    u_char     *p, *last;
    ngx_int_t   weight, scale;
    ngx_str_t   param;

    while (ngx_ess_str_item(params, ';', &param)) {
        p = param.data;
        last = p + param.len;

        if (param.len < 3 || (p[0] | 0x20) != 'q' || p[1] != '=') {
            continue;
        }

        if (p[2] != '0') {
            break;
        }

        p += 3;
        weight = 0;

        if (p < last && *p == '.') {
            p++;
        }

        for (scale = 100; p < last && *p >= '0' && *p <= '9'; p++) {
            weight += (*p - '0') * scale;
            scale /= 10;
        }

        return weight;
    }

    return NGX_ESS_ACCEPT_MOST;
}
