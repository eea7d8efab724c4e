
/*
 * Clients that name their streams in the query string.  Logs that are to follow
 * a stream of the broker's are made to do so first, all at the same time; who
 * cannot have all gets none.  Runs in workers.
 */


#include "ngx_ess_multi_enter_sse.h"
#include "ngx_ess_client_authorize.h"
#include "ngx_ess_client_create.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_client_said.h"
#include "ngx_ess_client_start.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_multi_query.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_source.h"
#include "ngx_ess_sse.h"
#include "ngx_ess_wait.h"


/* a request while it waits for logs; in its pool */

typedef struct {
    ngx_http_request_t       *request;
    ngx_http_cleanup_t       *cleanup;
    ngx_ess_multi_query_t     query;
    ngx_ess_source_attach_t  *attaches;     /* one each; without a handler: it
                                               is not waited for */
    ngx_uint_t                waiting;      /* of them */
} ngx_ess_multi_enter_sse_t;


static ngx_int_t ngx_ess_multi_enter_sse_authorize(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query);
static ngx_int_t ngx_ess_multi_enter_sse_authorized(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_ess_multi_enter_sse_attach(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query);
static void ngx_ess_multi_enter_sse_attached(ngx_ess_source_attach_t *attach,
    ngx_int_t rc, ngx_str_t *text);
static void ngx_ess_multi_enter_sse_gone(void *data);
static ngx_int_t ngx_ess_multi_enter_sse_join(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query);


ngx_int_t
ngx_ess_multi_enter_sse(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_ess_loc_conf_t       *lcf;
    ngx_ess_multi_query_t     query;
    ngx_ess_position_said_t   said;

    rc = ngx_ess_sse_check_body(r);

    if (rc != NGX_OK) {
        return ngx_ess_client_rejected(NGX_ESS_REJECTED_REQUEST, rc);
    }

    ngx_ess_client_said(r, &said);

    rc = ngx_ess_multi_query_read(r, &said, &query);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_ess_drain_active()) {
        return ngx_ess_client_reject_away(r, &ngx_ess_sse);
    }

    if (ngx_ess_client_max_reached()) {
        return ngx_ess_client_reject_full(r);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    return lcf->authorize ? ngx_ess_multi_enter_sse_authorize(r, &query)
                          : ngx_ess_multi_enter_sse_authorized(r, &query);
}


static ngx_int_t
ngx_ess_multi_enter_sse_authorize(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query)
{
    ngx_str_t                   **names;
    ngx_uint_t                    i;
    ngx_ess_stream_info_t         info;
    ngx_ess_multi_query_t        *copy;
    ngx_ess_subscriber_entry_t   *entry;
    ngx_ess_client_authorize_t   *wait;

    copy = ngx_palloc(r->pool, sizeof(ngx_ess_multi_query_t));
    names = ngx_palloc(r->pool, query->n * sizeof(ngx_str_t *));
    wait = ngx_pcalloc(r->pool, sizeof(ngx_ess_client_authorize_t));

    if (copy == NULL || names == NULL || wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *copy = *query;

    wait->request = r;
    wait->transport = &ngx_ess_sse;
    wait->enter = ngx_ess_multi_enter_sse_authorized;
    wait->data = copy;
    wait->names = names;

    if (ngx_ess_client_authorize_begin(wait) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < query->n; i++) {
        entry = &query->entries[i].entry;

        if (ngx_ess_stream_by_id(ngx_ess_client_zone, entry->ref.id, &info)
            != NGX_OK)
        {
            /* it was deleted just now, which is found out when it is joined */
            continue;
        }

        *names++ = &query->streams[i].stream;

        if (ngx_ess_authorize_add(wait->question, &info, entry->keys,
                                  entry->nkeys)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_ess_client_authorize_ask(wait);
}


static ngx_int_t
ngx_ess_multi_enter_sse_authorized(ngx_http_request_t *r, void *data)
{
    ngx_ess_multi_query_t *query = data;

    ngx_uint_t  i;

    for (i = 0; i < query->n; i++) {
        if (query->entries[i].entry.follow) {
            return ngx_ess_multi_enter_sse_attach(r, query);
        }
    }

    return ngx_ess_multi_enter_sse_join(r, query);
}


static ngx_int_t
ngx_ess_multi_enter_sse_attach(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query)
{
    ngx_uint_t                  i;
    ngx_ess_source_attach_t    *attach;
    ngx_ess_multi_enter_sse_t  *wait;

    wait = ngx_pcalloc(r->pool, sizeof(ngx_ess_multi_enter_sse_t));
    if (wait == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->request = r;
    wait->query = *query;

    wait->attaches = ngx_pcalloc(r->pool, query->n
                                          * sizeof(ngx_ess_source_attach_t));
    if (wait->attaches == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    wait->cleanup = ngx_ess_wait(r, ngx_ess_multi_enter_sse_gone, wait);
    if (wait->cleanup == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;
    ngx_ess_client_max_join();

    for (i = 0; i < query->n; i++) {

        if (!query->entries[i].entry.follow) {
            continue;
        }

        attach = &wait->attaches[i];

        attach->handler = ngx_ess_multi_enter_sse_attached;
        attach->data = wait;
        attach->source = query->kinds[i];
        attach->ref = query->entries[i].entry.ref;
        attach->key = query->sources[i];
        attach->log = ngx_cycle->log;

        wait->waiting++;

        ngx_ess_source_attach(ngx_ess_client_zone, attach);
    }

    return NGX_DONE;
}


static void
ngx_ess_multi_enter_sse_gone(void *data)
{
    ngx_ess_multi_enter_sse_t *wait = data;

    ngx_uint_t  i;

    ngx_ess_client_max_leave();

    for (i = 0; i < wait->query.n; i++) {
        if (wait->attaches[i].handler) {
            ngx_ess_source_attach_cancel(&wait->attaches[i]);
        }
    }
}


static void
ngx_ess_multi_enter_sse_attached(ngx_ess_source_attach_t *attach,
    ngx_int_t rc, ngx_str_t *text)
{
    ngx_str_t                  *stream;
    ngx_uint_t                  i;
    ngx_http_request_t         *r;
    ngx_ess_multi_enter_sse_t  *wait;

    wait = attach->data;
    r = wait->request;

    i = attach - wait->attaches;
    stream = &wait->query.streams[i].stream;
    wait->query.entries[i].entry.ref = attach->ref;

    attach->handler = NULL;
    wait->waiting--;

    if (rc == NGX_OK && wait->waiting) {
        return;
    }

    wait->cleanup->handler = NULL;
    ngx_ess_multi_enter_sse_gone(wait);

    if (rc != NGX_OK) {
        (void) ngx_ess_client_rejected(NGX_ESS_REJECTED_SOURCE, rc);
    }

    if (ngx_ess_drain_active()) {
        rc = ngx_ess_client_reject_away(r, &ngx_ess_sse);

    } else if (rc == NGX_OK) {
        rc = ngx_ess_multi_enter_sse_join(r, &wait->query);

    } else {
        rc = ngx_ess_problem_retry(r, "stream \"%V\": %V", stream, text);
    }

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_multi_enter_sse_join(ngx_http_request_t *r,
    ngx_ess_multi_query_t *query)
{
    ngx_int_t          rc;
    ngx_ess_client_t  *client;

    client = ngx_ess_client_create(r, &ngx_ess_sse, 0);
    if (client == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_ess_multi_query_join(client, query);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_set_ctx(r, client, ngx_ess_module);

    return ngx_ess_client_start(client);
}
