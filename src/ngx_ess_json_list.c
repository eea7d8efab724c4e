
/*
 * A JSON array, taken apart.  What is in the elements is not looked at, but for
 * the end of those that nobody reads.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_json_list.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_json_list_begin(ngx_ess_json_list_t *list,
    u_char *p);
static ngx_int_t ngx_ess_json_list_skipped(ngx_ess_json_list_t *list,
    size_t stop);
static ngx_uint_t ngx_ess_json_list_over(ngx_ess_json_list_t *list, u_char *p);


ngx_int_t
ngx_ess_json_list_next(ngx_ess_json_list_t *list, size_t stop)
{
    u_char     *p;
    ngx_int_t   rc;

    stop = ngx_min(stop, list->text.len);

    for ( ;; ) {

        if (list->state == NGX_ESS_JSON_LIST_SKIP) {
            rc = ngx_ess_json_list_skipped(list, stop);
            if (rc != NGX_OK) {
                return rc;
            }
        }

        p = ngx_ess_str_space(list->text.data + list->pos,
                              list->text.data + stop);
        list->pos = p - list->text.data;

        if (list->pos == list->text.len) {
            return (list->state == NGX_ESS_JSON_LIST_END) ? NGX_DONE
                                                          : NGX_DECLINED;
        }

        if (list->pos >= stop) {
            return NGX_AGAIN;
        }

        switch (list->state) {

        case NGX_ESS_JSON_LIST_BEGIN:
            rc = ngx_ess_json_list_begin(list, p);
            if (rc != NGX_AGAIN) {
                return rc;
            }

            continue;

        case NGX_ESS_JSON_LIST_FIRST:
            if (*p != ']') {
                list->state = NGX_ESS_JSON_LIST_ELEMENT;
                return NGX_OK;
            }

            list->state = NGX_ESS_JSON_LIST_END;
            break;

        case NGX_ESS_JSON_LIST_NEXT:
            if (*p != ']' && *p != ',') {
                return NGX_DECLINED;
            }

            list->state = (*p == ',') ? NGX_ESS_JSON_LIST_ELEMENT
                                      : NGX_ESS_JSON_LIST_END;
            break;

        case NGX_ESS_JSON_LIST_END:
            return NGX_DECLINED;

        default: /* NGX_ESS_JSON_LIST_ELEMENT */
            return NGX_OK;
        }

        list->pos++;
    }
}


/* NGX_AGAIN: there is something behind it. */

static ngx_int_t
ngx_ess_json_list_begin(ngx_ess_json_list_t *list, u_char *p)
{
    /* a byte order mark is ignored, RFC 8259, 8.1 */

    if (list->pos == 0 && list->text.len >= 3
        && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0)
    {
        list->pos = 3;
        return NGX_AGAIN;
    }

    if (*p == '[') {
        list->state = NGX_ESS_JSON_LIST_FIRST;
        list->pos++;

        return NGX_AGAIN;
    }

    if (*p == '{' && list->alone) {
        list->state = NGX_ESS_JSON_LIST_ELEMENT;
        list->single = 1;

        return NGX_OK;
    }

    return (*p == '\0' || ngx_strchr("{\"-0123456789tfn", *p) == NULL)
           ? NGX_DECLINED : NGX_ABORT;
}


void
ngx_ess_json_list_behind(ngx_ess_json_list_t *list, size_t len)
{
    list->pos += len;
    list->state = list->single ? NGX_ESS_JSON_LIST_END
                               : NGX_ESS_JSON_LIST_NEXT;
}


void
ngx_ess_json_list_skip(ngx_ess_json_list_t *list)
{
    list->state = NGX_ESS_JSON_LIST_SKIP;
    list->quoted = 0;
    list->depth = 0;
}


/* NGX_OK: the element is over. */

static ngx_int_t
ngx_ess_json_list_skipped(ngx_ess_json_list_t *list, size_t stop)
{
    u_char  *p, *last, *end;

    p = list->text.data + list->pos;
    last = list->text.data + stop;
    end = list->text.data + list->text.len;

    while (p < last) {

        if (!list->quoted && list->depth == 0
            && ngx_ess_json_list_over(list, p))
        {
            list->pos = p - list->text.data;
            ngx_ess_json_list_behind(list, 0);

            return NGX_OK;
        }

        switch (*p) {

        case '"':
            list->quoted = !list->quoted;
            break;

        case '\\':
            if (list->quoted && p + 1 < end) {
                p++;
            }

            break;

        case '[':
        case '{':
            list->depth += !list->quoted;
            break;

        case ']':
        case '}':
            list->depth -= (!list->quoted && list->depth);
            break;

        default:
            break;
        }

        p++;
    }

    list->pos = p - list->text.data;

    if (list->pos < list->text.len) {
        return NGX_AGAIN;
    }

    /* a single object ends with the text */

    if (list->single && !list->quoted && list->depth == 0) {
        ngx_ess_json_list_behind(list, 0);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* Outside of brackets and strings: is it behind the element? */

static ngx_uint_t
ngx_ess_json_list_over(ngx_ess_json_list_t *list, u_char *p)
{
    return *p == ',' || *p == ']' || *p == '}'
           || ngx_ess_str_space(p, p + 1) != p;
}
