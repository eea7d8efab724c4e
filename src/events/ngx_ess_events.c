
/*
 * The location of ess_events, in a worker: its own address is the collection,
 * or the stream of all that comes; what is below that is one event, by its id.
 */


#include "ngx_ess_decode.h"
#include "ngx_ess_events.h"
#include "ngx_ess_events_answer.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_events_follow.h"
#include "ngx_ess_events_get.h"
#include "ngx_ess_events_path.h"
#include "ngx_ess_events_post.h"
#include "ngx_ess_header.h"
#include "ngx_ess_origin.h"
#include "ngx_ess_problem.h"


static ngx_int_t ngx_ess_events_serve(ngx_http_request_t *r);
static ngx_int_t ngx_ess_events_get(ngx_http_request_t *r);
static ngx_int_t ngx_ess_events_method(ngx_http_request_t *r,
    ngx_uint_t collection);


ngx_int_t
ngx_ess_events_handler(ngx_http_request_t *r)
{
    return ngx_ess_events_answer_rc(r, ngx_ess_events_serve(r));
}


static ngx_int_t
ngx_ess_events_serve(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_str_t   id;
    ngx_uint_t  collection;

    rc = ngx_ess_events_path(r, &id);

    if (rc == NGX_DECLINED) {
        return ngx_ess_events_answer_detail(r, NGX_HTTP_NOT_FOUND, NULL,
                                            "Not Found");
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    collection = (rc == NGX_DONE);

    if (ngx_ess_origin_is_foreign(r)) {
        return ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                      NGX_ESS_ORIGIN_FOREIGN);
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return collection ? ngx_ess_events_get(r)
                          : ngx_ess_events_get_one(r, &id);
    }

    if (r->method != NGX_HTTP_POST || !collection) {
        return ngx_ess_events_method(r, collection);
    }

    rc = ngx_ess_decode_known(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_read_client_request_body(r, ngx_ess_events_post);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* A HEAD is about the page. */

static ngx_int_t
ngx_ess_events_get(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (ngx_ess_header_add(r, "Vary", "Accept", 6) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = (r->method == NGX_HTTP_GET) ? ngx_ess_events_follow(r)
                                     : NGX_DECLINED;

    return (rc == NGX_DECLINED) ? ngx_ess_events_get_page(r) : rc;
}


static ngx_int_t
ngx_ess_events_method(ngx_http_request_t *r, ngx_uint_t collection)
{
    if (ngx_ess_events_answer_allow(r, collection) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_ess_events_answer(r, NGX_HTTP_NO_CONTENT, NULL);
    }

    return ngx_ess_events_answer_detail(r, NGX_HTTP_NOT_ALLOWED, NULL,
                                        "Method Not Allowed");
}
