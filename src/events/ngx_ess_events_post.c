
/*
 * Putting events in, in a worker: the body is decoded, taken apart and checked,
 * a slice in each turn of the event loop, and what is valid goes into the log
 * at once.  Who has begun to store an insert may not be told to forget it, so
 * all of this is a pool's of its own: it goes with the request, or, when that
 * has gone before, with the insert.
 */


#include "ngx_ess_event_log_figures.h"
#include "ngx_ess_decode.h"
#include "ngx_ess_events_answer.h"
#include "ngx_ess_events_body.h"
#include "ngx_ess_events_check.h"
#include "ngx_ess_events_post.h"
#include "ngx_ess_events_result.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_turn.h"
#include "ngx_ess_wait.h"


/* in a turn: bytes of the body, and the rest of the event there; and work: of
   each element, and more of an event that is checked */
#define NGX_ESS_EVENTS_POST_SLICE  (4 * 1024)
#define NGX_ESS_EVENTS_POST_WORK   1024
#define NGX_ESS_EVENTS_POST_COUNT  1
#define NGX_ESS_EVENTS_POST_CHECK  16

#define NGX_ESS_EVENTS_POST_POOL   4096

/* bytes of what is said of one element */
#define NGX_ESS_EVENTS_POST_OTHER                                             \
    (sizeof("\"Input should be a valid dictionary found in ('body', )\",")    \
     + NGX_INT_T_LEN)


typedef struct {
    ngx_pool_t                 *pool;       /* all of this is in it */
    ngx_http_request_t         *request;    /* NULL: it has gone */
    ngx_ess_events_conf_t      *conf;
    ngx_ess_decode_t            decode;
    ngx_event_t                 event;      /* of the next turn */
    ngx_ess_events_body_t       body;
    int64_t                     now;        /* ms since 1970: of arrival */
    ngx_uint_t                  work;       /* in this turn */

    ngx_uint_t                  n;          /* events, of which the first ones
                                               are in these: */
    ngx_array_t                 items;      /* of ngx_ess_events_item_t */
    ngx_array_t                 events;     /* of ngx_ess_event_log_event_t */
    ngx_array_t                 others;     /* of ngx_uint_t: of elements that
                                               are no objects */

    ngx_ess_event_log_insert_t  insert;
    unsigned                    inserting:1;
} ngx_ess_events_post_t;


static ngx_ess_events_post_t *ngx_ess_events_post_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_ess_events_post_begin(ngx_http_request_t *r);
static void ngx_ess_events_post_decoded(ngx_ess_decode_t *decode,
    ngx_int_t rc);
static void ngx_ess_events_post_turn(ngx_event_t *ev);
static void ngx_ess_events_post_finish(ngx_ess_events_post_t *post,
    ngx_int_t rc);
static ngx_int_t ngx_ess_events_post_go_on(ngx_ess_events_post_t *post,
    ngx_int_t rc);
static ngx_int_t ngx_ess_events_post_slice(ngx_ess_events_post_t *post);
static ngx_int_t ngx_ess_events_post_event(ngx_ess_events_post_t *post);
static ngx_int_t ngx_ess_events_post_check(ngx_ess_events_post_t *post,
    ngx_ess_events_item_t *item);
static ngx_int_t ngx_ess_events_post_wrong(ngx_ess_events_post_t *post);
static ngx_int_t ngx_ess_events_post_others(ngx_ess_events_post_t *post);
static ngx_int_t ngx_ess_events_post_insert(ngx_ess_events_post_t *post);
static void ngx_ess_events_post_inserted(ngx_ess_event_log_insert_t *insert);
static ngx_int_t ngx_ess_events_post_answer(ngx_ess_events_post_t *post,
    ngx_uint_t asked, ngx_uint_t stored);
static void ngx_ess_events_post_gone(void *data);


void
ngx_ess_events_post(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_ess_events_post_begin(r);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, ngx_ess_events_answer_rc(r, rc));
    }
}


/* NGX_AGAIN: under way; as all of these functions. */

static ngx_int_t
ngx_ess_events_post_begin(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_ess_events_post_t     *post;
    ngx_http_core_loc_conf_t  *clcf;

    post = ngx_ess_events_post_create(r);
    if (post == NULL) {
        return NGX_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    post->decode.request = r;
    post->decode.pool = post->pool;
    post->decode.handler = ngx_ess_events_post_decoded;
    post->decode.data = post;
    post->decode.sent = NGX_MAX_SIZE_T_VALUE;
    post->decode.max = (size_t) clcf->client_max_body_size;

    rc = ngx_ess_decode(&post->decode);

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_ess_events_post_go_on(post, rc);
}


static ngx_ess_events_post_t *
ngx_ess_events_post_create(ngx_http_request_t *r)
{
    ngx_pool_t             *pool;
    ngx_ess_loc_conf_t     *lcf;
    ngx_ess_events_post_t  *post;

    pool = ngx_create_pool(NGX_ESS_EVENTS_POST_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    post = ngx_pcalloc(pool, sizeof(ngx_ess_events_post_t));

    if (post == NULL
        || ngx_array_init(&post->items, pool, 8,
                          sizeof(ngx_ess_events_item_t))
           != NGX_OK
        || ngx_array_init(&post->events, pool, 8,
                          sizeof(ngx_ess_event_log_event_t))
           != NGX_OK
        || ngx_array_init(&post->others, pool, 1, sizeof(ngx_uint_t))
           != NGX_OK
        || ngx_ess_wait(r, ngx_ess_events_post_gone, post) == NULL)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    post->pool = pool;
    post->request = r;
    post->conf = lcf->events;
    post->now = (int64_t) ngx_ess_now();

    post->event.handler = ngx_ess_events_post_turn;
    post->event.data = post;
    post->event.log = ngx_cycle->log;

    return post;
}


static void
ngx_ess_events_post_decoded(ngx_ess_decode_t *decode, ngx_int_t rc)
{
    ngx_ess_events_post_t *post = decode->data;

    ngx_ess_events_post_finish(post, ngx_ess_events_post_go_on(post, rc));
}


static void
ngx_ess_events_post_turn(ngx_event_t *ev)
{
    ngx_ess_events_post_t *post = ev->data;

    ngx_ess_turn_begin(ev);

    ngx_ess_events_post_finish(post, ngx_ess_events_post_slice(post));
}


static void
ngx_ess_events_post_finish(ngx_ess_events_post_t *post, ngx_int_t rc)
{
    if (rc != NGX_AGAIN) {
        ngx_ess_wait_finish(post->request,
                            ngx_ess_events_answer_rc(post->request, rc));
    }
}


/* The body is there, or "rc" says why not. */

static ngx_int_t
ngx_ess_events_post_go_on(ngx_ess_events_post_t *post, ngx_int_t rc)
{
    if (rc == NGX_ABORT) {
        return ngx_ess_problem_refuse(post->request,
                                      NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                      "the body is, decoded, larger than "
                                      "\"client_max_body_size\" allows here");
    }

    if (rc == NGX_DECLINED) {
        return ngx_ess_decode_broken(&post->decode);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    post->body.list.text = post->decode.text;
    post->body.list.alone = post->conf->strict;
    post->body.max_event = post->conf->log->max_event;

    if (post->conf->id_name.len) {
        post->body.id = &post->conf->log->id;
    }

    return ngx_ess_events_post_slice(post);
}


static ngx_int_t
ngx_ess_events_post_slice(ngx_ess_events_post_t *post)
{
    size_t     stop;
    ngx_int_t  rc;

    stop = post->body.list.pos + NGX_ESS_EVENTS_POST_SLICE;
    post->work = 0;

    do {
        if (post->work >= NGX_ESS_EVENTS_POST_WORK) {
            ngx_ess_turn_next(&post->event);
            return NGX_AGAIN;
        }

        rc = ngx_ess_events_body_next(&post->body, stop);

        switch (rc) {

        case NGX_OK:
            rc = ngx_ess_events_post_event(post);
            break;

        case NGX_AGAIN:
            ngx_ess_turn_next(&post->event);
            return NGX_AGAIN;

        case NGX_DONE:
            return ngx_ess_events_post_insert(post);

        default: /* NGX_DECLINED */
            return ngx_ess_events_post_wrong(post);
        }

    } while (rc == NGX_OK);

    return rc;
}


/* Of more than there may be the number alone counts. */

static ngx_int_t
ngx_ess_events_post_event(ngx_ess_events_post_t *post)
{
    ngx_uint_t             *other;
    ngx_ess_events_item_t  *item;

    post->n++;
    post->work += NGX_ESS_EVENTS_POST_COUNT;

    if (post->body.fault == NGX_ESS_EVENTS_BODY_OTHER
        && post->others.nelts < NGX_ESS_EVENT_LOG_MAX)
    {
        other = ngx_array_push(&post->others);
        if (other == NULL) {
            return NGX_ERROR;
        }

        *other = post->n - 1;
    }

    if (post->n > NGX_ESS_EVENT_LOG_MAX || post->others.nelts) {
        return NGX_OK;
    }

    item = ngx_array_push(&post->items);
    if (item == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(item, sizeof(ngx_ess_events_item_t));

    ngx_ess_events_check_id(item, &post->body.found);

    switch (post->body.fault) {

    case NGX_ESS_EVENTS_BODY_LARGE:
        item->error = "too_large";
        return NGX_OK;

    case NGX_ESS_EVENTS_BODY_FINE:
        return ngx_ess_events_post_check(post, item);

    default: /* NGX_ESS_EVENTS_BODY_INVALID */
        item->error = "invalid_json";
        return NGX_OK;
    }
}


static ngx_int_t
ngx_ess_events_post_check(ngx_ess_events_post_t *post,
    ngx_ess_events_item_t *item)
{
    ngx_int_t                   rc;
    ngx_ess_event_log_event_t  *event;

    event = ngx_array_push(&post->events);
    if (event == NULL) {
        return NGX_ERROR;
    }

    post->work += NGX_ESS_EVENTS_POST_CHECK;

    rc = ngx_ess_events_check(post->conf, post->pool, &post->body.value,
                              &post->body.found, post->now, event, item);

    if (rc == NGX_OK) {
        item->event = post->events.nelts - 1;
        item->name = post->conf->id_name;

    } else {
        post->events.nelts--;
    }

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* The body is no list. */

static ngx_int_t
ngx_ess_events_post_wrong(ngx_ess_events_post_t *post)
{
    u_char              *p;
    size_t               i;
    ngx_uint_t           n;
    ngx_http_request_t  *r;

    r = post->request;

    switch (post->body.reason) {

    case NGX_ESS_EVENTS_BODY_NONE:
        return ngx_ess_events_answer_wrong(r, "Field required found in "
                                           "('body',)");

    case NGX_ESS_EVENTS_BODY_NO_LIST:
        return ngx_ess_events_answer_wrong(r, "Input should be a valid list "
                                           "found in ('body',)");

    default: /* NGX_ESS_EVENTS_BODY_BROKEN */
        break;
    }

    /* its place, in characters */

    p = post->body.list.text.data;

    for (n = 0, i = 0; i < post->body.wrong; i++) {
        n += ((p[i] & 0xc0) != 0x80);
    }

    return ngx_ess_events_answer_wrong(r, "JSON decode error found in "
                                       "('body', %ui)", n);
}


static ngx_int_t
ngx_ess_events_post_others(ngx_ess_events_post_t *post)
{
    u_char      *p;
    ngx_str_t    json;
    ngx_uint_t   i, *other;

    json.data = ngx_pnalloc(post->request->pool, sizeof("{\"detail\":[]}")
                            + post->others.nelts * NGX_ESS_EVENTS_POST_OTHER);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(json.data, "{\"detail\":[", 11);
    other = post->others.elts;

    for (i = 0; i < post->others.nelts; i++) {
        p = ngx_sprintf(p, "%s\"Input should be a valid dictionary found in "
                        "('body', %ui)\"", i ? "," : "", other[i]);
    }

    p = ngx_cpymem(p, "]}", 2);

    json.len = p - json.data;

    return ngx_ess_events_answer(post->request, NGX_HTTP_BAD_REQUEST, &json);
}


/* All of the list was seen. */

static ngx_int_t
ngx_ess_events_post_insert(ngx_ess_events_post_t *post)
{
    u_char                      text[NGX_INT_T_LEN];
    ngx_str_t                   number;
    ngx_ess_event_log_insert_t *insert;

    if (post->others.nelts) {
        return ngx_ess_events_post_others(post);
    }

    if (post->n > NGX_ESS_EVENT_LOG_MAX) {
        number.data = text;
        number.len = ngx_sprintf(text, "%ui", post->n) - text;

        return ngx_ess_events_answer_detail(post->request,
                                            NGX_HTTP_BAD_REQUEST, &number,
                                            "Unable to process event logs, "
                                            "must be less than 1000. "
                                            "Received: ");
    }

    ngx_ess_event_log_figures_invalid(post->conf->log,
                                      post->n - post->events.nelts);

    if (post->events.nelts == 0
        || (post->conf->strict && post->events.nelts < post->n))
    {
        return ngx_ess_events_post_answer(post, 0, 0);
    }

    insert = &post->insert;

    insert->handler = ngx_ess_events_post_inserted;
    insert->data = post;
    insert->events = post->events.elts;
    insert->n = post->events.nelts;
    insert->atomic = post->conf->strict;

    post->inserting = 1;

    ngx_ess_event_log_insert(post->conf->log, insert);

    return NGX_AGAIN;
}


static void
ngx_ess_events_post_inserted(ngx_ess_event_log_insert_t *insert)
{
    ngx_int_t               rc;
    ngx_ess_events_post_t  *post;

    post = insert->data;
    post->inserting = 0;

    if (post->request == NULL) {
        ngx_destroy_pool(post->pool);
        return;
    }

    if (insert->rc == NGX_OK || insert->rc == NGX_DECLINED) {
        rc = ngx_ess_events_post_answer(post, 1, insert->rc == NGX_OK);

    } else {
        rc = ngx_ess_events_answer_retry(post->request,
                                         ngx_ess_event_log_busy(insert->full));
    }

    ngx_ess_wait_finish(post->request,
                        ngx_ess_events_answer_rc(post->request, rc));
}


/* "asked": the log has seen what is valid. */

static ngx_int_t
ngx_ess_events_post_answer(ngx_ess_events_post_t *post, ngx_uint_t asked,
    ngx_uint_t stored)
{
    ngx_str_t   json;
    ngx_uint_t  status;

    if (ngx_ess_events_result(post->request->pool, post->items.elts,
                              post->items.nelts,
                              asked ? post->events.elts : NULL, stored, &json)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    status = (post->conf->strict && post->n && !stored) ? 422 : NGX_HTTP_OK;

    return ngx_ess_events_answer(post->request, status, &json);
}


static void
ngx_ess_events_post_gone(void *data)
{
    ngx_ess_events_post_t *post = data;

    ngx_ess_decode_cancel(&post->decode);
    ngx_ess_wait_clear(&post->event);

    if (post->inserting) {
        post->request = NULL;

    } else {
        ngx_destroy_pool(post->pool);
    }
}
