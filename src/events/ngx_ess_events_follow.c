
/*
 * Followers of an event log, in a worker: what is wanted of a GET is seen here,
 * and all else is done as at a location of ess_subscribe, whose settings this
 * one has: "name=" is that of the log's stream, and "create=" makes it.
 */


#include "ngx_ess_accept.h"
#include "ngx_ess_client_enter.h"
#include "ngx_ess_events_answer.h"
#include "ngx_ess_events_args.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_events_follow.h"
#include "ngx_ess_header.h"


/* nginx has no name for it */
#define NGX_ESS_EVENTS_FOLLOW_NOT_ACCEPTABLE  406


static ngx_uint_t ngx_ess_events_follow_wanted(ngx_http_request_t *r,
    ngx_uint_t upgrade, ngx_uint_t able);
static ngx_int_t ngx_ess_events_follow_unable(ngx_http_request_t *r,
    ngx_uint_t upgrade, const char *name);


ngx_int_t
ngx_ess_events_follow(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              upgrade;
    ngx_ess_loc_conf_t     *lcf;
    ngx_ess_main_conf_t    *mcf;
    ngx_ess_events_args_t   args;

    /* a subrequest has the header of another one's client */

    if (r != r->main || r->http_version < NGX_HTTP_VERSION_10) {
        return NGX_DECLINED;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    upgrade = ngx_ess_header_lists(r, "upgrade", "websocket");

    if (!ngx_ess_events_follow_wanted(r, upgrade, mcf->zone != NULL)) {
        return NGX_DECLINED;
    }

    if (mcf->zone == NULL || lcf->events->no_name) {
        rc = ngx_http_discard_request_body(r);

        return (rc == NGX_OK)
               ? ngx_ess_events_follow_unable(r, upgrade, mcf->zone
                                              ? lcf->events->no_name : NULL)
               : rc;
    }

    if (ngx_ess_events_args_follow(&args, &r->args) != NGX_OK) {
        rc = ngx_http_discard_request_body(r);

        return (rc == NGX_OK) ? ngx_ess_events_answer_args(r, &args) : rc;
    }

    /* who asks what became of the request asks for that of a subscriber */

    r->content_handler = ngx_ess_client_enter_handler;

    return ngx_ess_client_enter_handler(r);
}


/* An event stream has to be named, and to be wanted no less than a page; where
   there are none, who takes pages as well gets one. */

static ngx_uint_t
ngx_ess_events_follow_wanted(ngx_http_request_t *r, ngx_uint_t upgrade,
    ngx_uint_t able)
{
    ngx_uint_t  stream, page;

    if (upgrade) {
        return 1;
    }

    stream = ngx_ess_accept_named(r, "text/event-stream");

    if (stream == 0) {
        return 0;
    }

    page = ngx_ess_accept(r, "application/json");

    return stream >= page && (able || page == 0);
}


/* "name": what the name of a stream must be; NULL: there is no zone. */

static ngx_int_t
ngx_ess_events_follow_unable(ngx_http_request_t *r, ngx_uint_t upgrade,
    const char *name)
{
    ngx_str_t   text;
    ngx_uint_t  status;

    status = upgrade ? NGX_HTTP_NOT_IMPLEMENTED
                     : NGX_ESS_EVENTS_FOLLOW_NOT_ACCEPTABLE;

    if (name == NULL) {
        return ngx_ess_events_answer_detail(r, status, NULL,
                                            "this event log has no followers: "
                                            "the server has no \"ess_zone\" "
                                            "for their stream");
    }

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);

    return ngx_ess_events_answer_detail(r, status, &text,
                                        "this event log has no followers: no "
                                        "stream can have its name, declare "
                                        "one with \"ess_stream\"; a name must "
                                        "be ");
}
