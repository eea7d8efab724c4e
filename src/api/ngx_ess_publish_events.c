
/*
 * A batch, in a worker: a slice in each turn of the event loop, so that a large
 * one delays nobody.  All memory is the request's, but that of the digest.
 */


#include "ngx_ess_publish_events.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"


static void ngx_ess_publish_events_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_publish_events_slice(ngx_ess_publish_events_t *e);
static ngx_int_t ngx_ess_publish_events_digest(ngx_ess_publish_events_t *e);


ngx_int_t
ngx_ess_publish_events(ngx_ess_publish_events_t *e)
{
    ngx_int_t  rc;

    if (e->print) {
        e->md = EVP_MD_CTX_new();

        if (e->md == NULL
            || EVP_DigestInit_ex(e->md, EVP_sha256(), NULL) != 1)
        {
            ngx_ess_publish_events_cancel(e);
            return NGX_ERROR;
        }
    }

    e->event.handler = ngx_ess_publish_events_handler;
    e->event.data = e;
    e->event.log = ngx_cycle->log;

    rc = ngx_ess_publish_events_slice(e);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(&e->event);
    }

    return rc;
}


static void
ngx_ess_publish_events_handler(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_ess_publish_events_t  *e;

    ngx_ess_turn_begin(ev);

    e = ev->data;
    rc = ngx_ess_publish_events_slice(e);

    if (rc == NGX_AGAIN) {
        ngx_ess_turn_next(ev);

    } else {
        e->handler(e, rc);
    }
}


static ngx_int_t
ngx_ess_publish_events_slice(ngx_ess_publish_events_t *e)
{
    size_t     pos;
    ngx_int_t  rc;

    pos = e->batch.list.pos;
    rc = ngx_ess_publish_batch_step(&e->batch);

    if (e->md == NULL) {
        return rc;
    }

    if ((rc == NGX_OK || rc == NGX_AGAIN)
        && EVP_DigestUpdate(e->md, e->batch.list.text.data + pos,
                            e->batch.list.pos - pos)
           != 1)
    {
        rc = NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_events_digest(e);
    }

    if (rc != NGX_AGAIN) {
        EVP_MD_CTX_free(e->md);
        e->md = NULL;
    }

    return rc;
}


static ngx_int_t
ngx_ess_publish_events_digest(ngx_ess_publish_events_t *e)
{
    unsigned int  len;

    if (EVP_DigestFinal_ex(e->md, e->digest_data, &len) != 1) {
        return NGX_ERROR;
    }

    e->digest.data = e->digest_data;
    e->digest.len = len;

    return NGX_OK;
}


void
ngx_ess_publish_events_cancel(ngx_ess_publish_events_t *e)
{
    ngx_ess_wait_clear(&e->event);

    EVP_MD_CTX_free(e->md);
    e->md = NULL;
}
