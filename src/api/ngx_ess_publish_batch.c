
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


static ngx_int_t ngx_ess_publish_batch_token(ngx_ess_publish_batch_t *b,
    u_char *p);
static ngx_int_t ngx_ess_publish_batch_begin(ngx_ess_publish_batch_t *b,
    u_char *p);
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
    u_char     *p, *data;
    ngx_int_t   rc;

    data = b->text.data;
    stop = ngx_min(b->text.len, b->pos + NGX_ESS_PUBLISH_BATCH_SLICE);

    do {
        p = ngx_ess_str_space(data + b->pos, data + stop);
        b->pos = p - data;

        if (b->pos == b->text.len) {
            return (b->state == NGX_ESS_PUBLISH_BATCH_END)
                   ? NGX_OK : ngx_ess_publish_batch_broken(b, p, 0);
        }

        if (b->pos >= stop) {
            return NGX_AGAIN;
        }

        rc = ngx_ess_publish_batch_token(b, p);

    } while (rc == NGX_OK);

    return rc;
}


/* One, which is there at "p". */

static ngx_int_t
ngx_ess_publish_batch_token(ngx_ess_publish_batch_t *b, u_char *p)
{
    switch (b->state) {

    case NGX_ESS_PUBLISH_BATCH_BEGIN:
        return ngx_ess_publish_batch_begin(b, p);

    case NGX_ESS_PUBLISH_BATCH_FIRST:
        if (*p == ']') {
            break;
        }

        /* fall through */

    case NGX_ESS_PUBLISH_BATCH_ELEMENT:
        return ngx_ess_publish_batch_element(b, p);

    case NGX_ESS_PUBLISH_BATCH_NEXT:
        if (*p == ']') {
            break;
        }

        if (*p != ',') {
            return ngx_ess_publish_batch_broken(b, p, 0);
        }

        if (b->events.nelts == b->max) {
            b->large = 0;
            return NGX_ABORT;
        }

        b->state = NGX_ESS_PUBLISH_BATCH_ELEMENT;
        b->pos++;

        return NGX_OK;

    default: /* NGX_ESS_PUBLISH_BATCH_END */
        b->detail = "the body is not JSON: something follows the value";
        return NGX_DECLINED;
    }

    b->state = NGX_ESS_PUBLISH_BATCH_END;
    b->pos++;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_batch_begin(ngx_ess_publish_batch_t *b, u_char *p)
{
    /* a byte order mark is ignored, RFC 8259, 8.1 */

    if (b->pos == 0 && b->text.len >= 3
        && ngx_memcmp(p, "\xef\xbb\xbf", 3) == 0)
    {
        b->pos = 3;
        return NGX_OK;
    }

    if (*p == '[') {
        b->state = NGX_ESS_PUBLISH_BATCH_FIRST;
        b->pos++;

        return ngx_array_init(&b->events, b->pool, 16, sizeof(ngx_str_t));
    }

    if (*p == '\0' || ngx_strchr("{\"-0123456789tfn", *p) == NULL) {
        return ngx_ess_publish_batch_broken(b, p, 0);
    }

    b->detail = "the body is not a JSON array";

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_publish_batch_element(ngx_ess_publish_batch_t *b, u_char *p)
{
    size_t                len, max;
    ngx_int_t             rc;
    ngx_ess_json_read_t   j;

    max = (*p == '"') ? NGX_ESS_PUBLISH_BATCH_STRING(b->max_event)
                      : b->max_event;

    len = b->text.len - b->pos;

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

    b->state = NGX_ESS_PUBLISH_BATCH_NEXT;
    b->pos += len;

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

    last = b->text.data + b->text.len;

    if (p < last && *p < ' ' && ngx_ess_str_space(p, last) == p) {
        control = 1;
    }

    b->detail = control
                ? "the body is not JSON: it contains a control character"
                : "the body is not JSON";

    return NGX_DECLINED;
}
