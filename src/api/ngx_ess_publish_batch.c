
/*
 * A JSON array, taken apart: each element is checked and cut out of the text,
 * for there may be many values in one.  Runs in a worker.
 */


#include "ngx_ess_publish_batch.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


#define NGX_ESS_PUBLISH_BATCH_SLICE  (256 * 1024)

/* of a string whose characters are all escaped, \u0061, and its quotes */
#define NGX_ESS_PUBLISH_BATCH_STRING(n)  (6 * (n) + 2)

/* what the reader must see behind an element, to know what is wrong with it */
#define NGX_ESS_PUBLISH_BATCH_MARGIN  8


static ngx_int_t ngx_ess_publish_batch_element(ngx_ess_publish_batch_t *b,
    u_char *p);
static ngx_int_t ngx_ess_publish_batch_push(ngx_ess_publish_batch_t *b,
    u_char *p, size_t len);
static ngx_int_t ngx_ess_publish_batch_string(ngx_ess_publish_batch_t *b,
    ngx_str_t *event);
static ngx_int_t ngx_ess_publish_batch_broken(ngx_ess_publish_batch_t *b,
    u_char *p, ngx_uint_t control);


ngx_int_t
ngx_ess_publish_batch_step(ngx_ess_publish_batch_t *b)
{
    size_t      stop;
    u_char     *p;
    ngx_int_t   rc;

    if (b->events.elts == NULL
        && ngx_array_init(&b->events, b->pool, 16, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    stop = b->list.pos + NGX_ESS_PUBLISH_BATCH_SLICE;

    do {
        rc = ngx_ess_json_list_next(&b->list, stop);
        p = b->list.text.data + b->list.pos;

        if (rc == NGX_OK) {
            rc = ngx_ess_publish_batch_element(b, p);
            continue;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc == NGX_DONE) {
            return NGX_OK;
        }

        if (rc == NGX_ABORT) {
            b->detail = "the body is not a JSON array";
            return NGX_DECLINED;
        }

        return ngx_ess_publish_batch_broken(b, p, 0);

    } while (rc == NGX_OK);

    return rc;
}


static ngx_int_t
ngx_ess_publish_batch_element(ngx_ess_publish_batch_t *b, u_char *p)
{
    size_t                len, max;
    ngx_int_t             rc;
    ngx_ess_json_read_t   j;

    if (b->events.nelts == b->max) {
        b->large = 0;
        return NGX_ABORT;
    }

    max = (*p == '"') ? NGX_ESS_PUBLISH_BATCH_STRING(b->max_event)
                      : b->max_event;

    len = b->list.text.len - b->list.pos;

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.p = p;
    j.last = p + ngx_min(len, max + NGX_ESS_PUBLISH_BATCH_MARGIN);
    j.max_depth = NGX_ESS_JSON_BODY_DEPTH;

    rc = ngx_ess_json_read_value(&j);
    len = j.p - p;

    if (len > max) {
        b->large = 1;
        return NGX_ABORT;
    }

    if (rc != NGX_OK) {
        return ngx_ess_publish_batch_broken(b, j.p, j.control);
    }

    if (!ngx_ess_utf8_valid(p, len)) {
        b->detail = "the body is not valid UTF-8";
        return NGX_DECLINED;
    }

    return ngx_ess_publish_batch_push(b, p, len);
}


static ngx_int_t
ngx_ess_publish_batch_push(ngx_ess_publish_batch_t *b, u_char *p, size_t len)
{
    ngx_int_t   rc;
    ngx_str_t  *event;

    event = ngx_array_push(&b->events);
    if (event == NULL) {
        return NGX_ERROR;
    }

    event->data = p;
    event->len = len;

    if (*p == '"') {
        rc = ngx_ess_publish_batch_string(b, event);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (event->len > b->max_event) {
        b->large = 1;
        return NGX_ABORT;
    }

    ngx_ess_json_list_behind(&b->list, len);

    return NGX_OK;
}


/* Its text, in place of its JSON. */

static ngx_int_t
ngx_ess_publish_batch_string(ngx_ess_publish_batch_t *b, ngx_str_t *event)
{
    u_char  *p;

    event->data++;
    event->len -= 2;

    if (memchr(event->data, '\\', event->len) == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(b->pool, event->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* half of a surrogate pair is no character */

    if (ngx_ess_json_string_text(event, p, event) != NGX_OK) {
        b->detail = "the body is not JSON";
        return NGX_DECLINED;
    }

    if (memchr(event->data, '\0', event->len)) {
        b->detail = "a string contains a NUL character; publish it by itself";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* It is not JSON, which is seen at "p". */

static ngx_int_t
ngx_ess_publish_batch_broken(ngx_ess_publish_batch_t *b, u_char *p,
    ngx_uint_t control)
{
    u_char  *last;

    if (b->list.state == NGX_ESS_JSON_LIST_END) {
        b->detail = "the body is not JSON: something follows the value";
        return NGX_DECLINED;
    }

    last = b->list.text.data + b->list.text.len;

    if (p < last && *p < ' ' && ngx_ess_str_space(p, last) == p) {
        control = 1;
    }

    b->detail = control
                ? "the body is not JSON: it contains a control character"
                : "the body is not JSON";

    return NGX_DECLINED;
}
