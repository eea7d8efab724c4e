
/*
 * Bodies with a Content-Encoding, in a worker: a slice in each turn of the
 * event loop, so that one that grows large delays nobody.  All memory is the
 * caller's pool's, but that of the codec.
 */


#include "ngx_ess_body.h"
#include "ngx_ess_decode.h"
#include "ngx_ess_header.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_str.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"


typedef enum {
    NGX_ESS_DECODE_IDENTITY = 0,
    NGX_ESS_DECODE_GZIP,
    NGX_ESS_DECODE_ZLIB,
    NGX_ESS_DECODE_OTHER
} ngx_ess_decode_e;


static ngx_ess_decode_e ngx_ess_decode_coding(ngx_http_request_t *r);
static ngx_int_t ngx_ess_decode_begin(ngx_ess_decode_t *d,
    ngx_uint_t gzip);
static void ngx_ess_decode_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_decode_slice(ngx_ess_decode_t *d);


/* RFC 9110, 8.4.1 */

static const struct {
    const char              *name;
    ngx_ess_decode_e     coding;
} ngx_ess_decode_names[] = {
    { "identity", NGX_ESS_DECODE_IDENTITY },
    { "gzip", NGX_ESS_DECODE_GZIP },
    { "x-gzip", NGX_ESS_DECODE_GZIP },
    { "deflate", NGX_ESS_DECODE_ZLIB }
};


ngx_int_t
ngx_ess_decode_known(ngx_http_request_t *r)
{
    if (ngx_ess_decode_coding(r) != NGX_ESS_DECODE_OTHER) {
        return NGX_DECLINED;
    }

    /* RFC 9110, 15.5.16 */

    if (ngx_ess_header_add(r, "Accept-Encoding", "gzip, deflate",
                           sizeof("gzip, deflate") - 1)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_ess_problem_refuse(r, 415, "the Content-Encoding must be one of "
                                  "gzip, deflate and identity");
}


static ngx_ess_decode_e
ngx_ess_decode_coding(ngx_http_request_t *r)
{
    ngx_str_t              list, item;
    ngx_uint_t             i, n, found;
    ngx_table_elt_t       *h;
    ngx_ess_decode_e   coding;

    n = sizeof(ngx_ess_decode_names) / sizeof(ngx_ess_decode_names[0]);
    coding = NGX_ESS_DECODE_IDENTITY;
    found = 0;
    h = NULL;

    for ( ;; ) {
        h = ngx_ess_header_find(r, "content-encoding", h);
        if (h == NULL) {
            return coding;
        }

        list = h->value;

        while (ngx_ess_str_item(&list, ',', &item)) {

            if (item.len == 0) {
                continue;
            }

            for (i = 0; i < n; i++) {
                if (ngx_ess_str_is(&item, ngx_ess_decode_names[i].name)) {
                    break;
                }
            }

            if (i == n || found++) {
                return NGX_ESS_DECODE_OTHER;
            }

            coding = ngx_ess_decode_names[i].coding;
        }
    }
}


ngx_int_t
ngx_ess_decode(ngx_ess_decode_t *d)
{
    ngx_ess_decode_e  coding;

    coding = ngx_ess_decode_coding(d->request);

    if (coding == NGX_ESS_DECODE_IDENTITY) {
        return ngx_ess_body_read(d->request, d->pool, d->sent, &d->text);
    }

    return ngx_ess_decode_begin(d, coding == NGX_ESS_DECODE_GZIP);
}


static ngx_int_t
ngx_ess_decode_begin(ngx_ess_decode_t *d, ngx_uint_t gzip)
{
    size_t     sent;
    ngx_int_t  rc;

    /* what is cut off would look like a broken body */

    sent = (d->sent == NGX_MAX_SIZE_T_VALUE) ? d->sent : d->sent + 1;

    if (ngx_ess_body_read(d->request, d->pool, sent, &d->body) != NGX_OK) {
        return NGX_ERROR;
    }

    if (d->body.len > d->sent) {
        return NGX_ABORT;
    }

    d->inflate = ngx_ess_inflate_create(&d->body, gzip, d->max);
    if (d->inflate == NULL) {
        return NGX_ERROR;
    }

    d->event.handler = ngx_ess_decode_handler;
    d->event.data = d;
    d->event.log = ngx_cycle->log;

    rc = ngx_ess_decode_slice(d);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(&d->event);
    }

    return rc;
}


static void
ngx_ess_decode_handler(ngx_event_t *ev)
{
    ngx_int_t              rc;
    ngx_ess_decode_t  *d;

    ngx_ess_turn_begin(ev);

    d = ev->data;
    rc = ngx_ess_decode_slice(d);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(ev);

    } else {
        d->handler(d, rc);
    }
}


static ngx_int_t
ngx_ess_decode_slice(ngx_ess_decode_t *d)
{
    ngx_int_t  rc;

    rc = ngx_ess_inflate_step(d->inflate, &d->detail);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_inflate_take(d->inflate, d->pool, &d->text);
    }

    ngx_ess_inflate_destroy(d->inflate);
    d->inflate = NULL;

    return rc;
}


ngx_int_t
ngx_ess_decode_broken(ngx_ess_decode_t *d)
{
    return ngx_ess_problem_refuse(d->request, 400, "the body is not what its "
                                  "Content-Encoding says: %s", d->detail);
}


void
ngx_ess_decode_cancel(ngx_ess_decode_t *d)
{
    if (d->inflate) {
        ngx_ess_wait_clear(&d->event);

        ngx_ess_inflate_destroy(d->inflate);
        d->inflate = NULL;
    }
}
