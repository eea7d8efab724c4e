
/*
 * Reading an event log, in a worker.  A query may outlive its request, so it is
 * memory of its own: the request's cleanup lets go of it, and the query's
 * handler frees what nobody waits for any more.  What was found is copied into
 * the answer and freed at once.
 */


#include "ngx_ess_events_answer.h"
#include "ngx_ess_events_args.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_events_get.h"
#include "ngx_ess_events_page.h"
#include "ngx_ess_utf8.h"
#include "ngx_ess_wait.h"


typedef struct {
    ngx_ess_event_log_query_t  query;
    ngx_ess_events_args_t      args;        /* of a page */
    ngx_http_request_t        *request;     /* NULL: nobody waits */
    ngx_ess_event_log_t       *log;
    unsigned                   busy:1;      /* the handler is to come */
    u_char                     id[NGX_ESS_EVENT_LOG_ID];
} ngx_ess_events_get_t;


static void ngx_ess_events_get_fill(ngx_ess_event_log_query_t *query,
    ngx_ess_events_args_t *args);
static ngx_ess_events_get_t *ngx_ess_events_get_create(ngx_http_request_t *r);
static ngx_int_t ngx_ess_events_get_begin(ngx_ess_events_get_t *get);
static void ngx_ess_events_get_handler(ngx_ess_event_log_query_t *query);
static ngx_int_t ngx_ess_events_get_answer(ngx_ess_events_get_t *get);
static ngx_int_t ngx_ess_events_get_unknown(ngx_http_request_t *r,
    ngx_str_t *id);
static ngx_int_t ngx_ess_events_get_full(ngx_http_request_t *r);
static void ngx_ess_events_get_gone(void *data);


ngx_int_t
ngx_ess_events_get_page(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_ess_events_get_t  *get;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_ess_events_page_is_full()) {
        return ngx_ess_events_get_full(r);
    }

    get = ngx_ess_events_get_create(r);
    if (get == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_events_args_read(&get->args, &r->args) != NGX_OK) {
        return ngx_ess_events_answer_args(r, &get->args);
    }

    ngx_ess_events_get_fill(&get->query, &get->args);

    return ngx_ess_events_get_begin(get);
}


static void
ngx_ess_events_get_fill(ngx_ess_event_log_query_t *query,
    ngx_ess_events_args_t *args)
{
    ngx_ess_events_args_value_t  *v;

    v = args->values;

    query->size = args->size;
    query->from = args->from;
    query->type = v[NGX_ESS_EVENTS_ARGS_OF_TYPE].text;
    query->since = args->since;
    query->until = args->until;
    query->after_seq = args->after.seq;
    query->after_time = args->after.time;
    query->has_since = (v[NGX_ESS_EVENTS_ARGS_OF_SINCE].text.data != NULL);
    query->has_until = (v[NGX_ESS_EVENTS_ARGS_OF_UNTIL].text.data != NULL);
    query->has_after = (v[NGX_ESS_EVENTS_ARGS_OF_AFTER].text.data != NULL);
    query->desc = args->desc;
    query->has_total = (args->total
                        || v[NGX_ESS_EVENTS_ARGS_OF_FROM].text.data);
}


ngx_int_t
ngx_ess_events_get_one(ngx_http_request_t *r, ngx_str_t *id)
{
    ngx_int_t              rc;
    ngx_ess_events_get_t  *get;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (id->len > NGX_ESS_EVENT_LOG_ID
        || memchr(id->data, '\0', id->len)
        || !ngx_ess_utf8_valid(id->data, id->len))
    {
        return ngx_ess_events_get_unknown(r, id);
    }

    get = ngx_ess_events_get_create(r);
    if (get == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(get->id, id->data, id->len);

    get->query.id.data = get->id;
    get->query.id.len = id->len;
    get->query.size = 1;

    return ngx_ess_events_get_begin(get);
}


/* The request's cleanup, or the handler, frees it. */

static ngx_ess_events_get_t *
ngx_ess_events_get_create(ngx_http_request_t *r)
{
    ngx_http_cleanup_t    *cln;
    ngx_ess_events_get_t  *get;

    get = ngx_calloc(sizeof(ngx_ess_events_get_t), r->connection->log);
    if (get == NULL) {
        return NULL;
    }

    cln = ngx_ess_wait(r, ngx_ess_events_get_gone, get);
    if (cln == NULL) {
        ngx_free(get);
        return NULL;
    }

    get->request = r;
    get->query.handler = ngx_ess_events_get_handler;
    get->query.data = get;

    return get;
}


static ngx_int_t
ngx_ess_events_get_begin(ngx_ess_events_get_t *get)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(get->request, ngx_ess_module);

    get->busy = 1;
    get->log = lcf->events->log;
    get->request->main->count++;

    ngx_ess_event_log_query(get->log, &get->query);

    return NGX_DONE;
}


static void
ngx_ess_events_get_handler(ngx_ess_event_log_query_t *query)
{
    ngx_int_t              rc;
    ngx_http_request_t    *r;
    ngx_ess_events_get_t  *get;

    get = query->data;
    r = get->request;

    get->busy = 0;

    if (r == NULL) {
        ngx_ess_event_log_query_done(query);
        ngx_free(get);

        return;
    }

    rc = ngx_ess_events_get_answer(get);

    ngx_ess_wait_finish(r, ngx_ess_events_answer_rc(r, rc));
}


static ngx_int_t
ngx_ess_events_get_answer(ngx_ess_events_get_t *get)
{
    ngx_int_t                   rc;
    ngx_str_t                   id, json;
    ngx_http_request_t         *r;
    ngx_ess_event_log_query_t  *query;

    r = get->request;
    query = &get->query;
    id = query->id;

    if (query->rc != NGX_OK) {
        ngx_ess_event_log_query_done(query);
        return ngx_ess_events_answer_retry(r,
                                          ngx_ess_event_log_busy(query->full));
    }

    if (id.data && query->nrows == 0) {
        ngx_ess_event_log_query_done(query);
        return ngx_ess_events_get_unknown(r, &id);
    }

    if (ngx_ess_events_page_is_full()) {
        ngx_ess_event_log_query_done(query);
        return ngx_ess_events_get_full(r);
    }

    rc = ngx_ess_events_page(r, query, id.data ? NULL : &get->args, &json);

    ngx_ess_event_log_query_done(query);

    return (rc == NGX_OK) ? ngx_ess_events_answer(r, NGX_HTTP_OK, &json)
                          : NGX_ERROR;
}


static ngx_int_t
ngx_ess_events_get_unknown(ngx_http_request_t *r, ngx_str_t *id)
{
    return ngx_ess_events_answer_detail(r, NGX_HTTP_NOT_FOUND, id,
                                        "Unable to find event log with ");
}


static ngx_int_t
ngx_ess_events_get_full(ngx_http_request_t *r)
{
    return ngx_ess_events_answer_retry(r, "this worker has too many pages "
                                       "under way");
}


static void
ngx_ess_events_get_gone(void *data)
{
    ngx_ess_events_get_t *get = data;

    if (get->busy
        && ngx_ess_event_log_query_cancel(get->log, &get->query) != NGX_OK)
    {
        get->request = NULL;
        return;
    }

    ngx_free(get);
}
