/*
 * What the parts of the HTTP API share: a request's target, and the answers.
 */


#ifndef _NGX_ESS_API_REQUEST_H_INCLUDED_
#define _NGX_ESS_API_REQUEST_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_api.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


/* {id} of a path: the number or the uuid; {sid} */

typedef struct {
    uint64_t                 id;            /* 0: look at uuid */
    u_char                   uuid[NGX_ESS_UUID_LEN];
    uint32_t                 subscriber;    /* its number */
} ngx_ess_api_target_t;


/* route handlers; return what a content handler returns */
ngx_int_t ngx_ess_api_streams_create(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_streams_get(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_streams_delete(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_list(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_subscribers_list(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);
ngx_int_t ngx_ess_api_subscribers_close(ngx_http_request_t *r,
    ngx_ess_api_target_t *target);

/* The stream of a target.  Takes the mutex.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_api_find(ngx_http_request_t *r, ngx_ess_api_target_t *target,
    ngx_ess_stream_info_t *info);

/* ?limit=, from 1, and ?after=, left alone without.  NGX_OK; NGX_ERROR: one
   is no such number. */
ngx_int_t ngx_ess_api_page(ngx_http_request_t *r, uint64_t *limit,
    uint64_t *after);

/*
 * Answers, sent at once and never replaced by nginx's error pages.  They
 * discard a body that was not read, and return what is to be given to
 * ngx_http_finalize_request().
 */

/* Status and JSON; json NULL: without a body. */
ngx_int_t ngx_ess_api_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);

/* The same of another type; text NULL: without a body. */
ngx_int_t ngx_ess_api_output(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text);

/* Header fields of an answer; content_length -1: not known. */
ngx_int_t ngx_ess_api_send_header(ngx_http_request_t *r, ngx_uint_t status,
    off_t content_length);

/* RFC 9457; fmt as in ngx_sprintf(), cut at 1 KiB. */
ngx_int_t ngx_ess_api_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);

/* Adds Retry-After: seconds. */
ngx_int_t ngx_ess_api_retry_after(ngx_http_request_t *r, ngx_uint_t seconds);

/* To a method that is none of these: what is allowed, and 204 to OPTIONS, 405
   to others. */
ngx_int_t ngx_ess_api_not_allowed(ngx_http_request_t *r, ngx_uint_t methods);

/* 503 when the zone has no process slot for this worker; NGX_DECLINED: it has,
   nothing was answered. */
ngx_int_t ngx_ess_api_slot(ngx_http_request_t *r);

/* 403 to what a web page of another origin would change, counted; NGX_DECLINED:
   it is none, nothing was answered.  For each location that changes something,
   behind ngx_ess_api_slot(). */
ngx_int_t ngx_ess_api_origin(ngx_http_request_t *r);

/* The first "max" bytes of the body that was read, in the request's memory.
   NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_api_input(ngx_http_request_t *r, size_t max,
    ngx_str_t *text);

/* The zone of the request's configuration. */
ngx_ess_zone_t *ngx_ess_api_zone(ngx_http_request_t *r);


typedef enum {
    NGX_ESS_API_STREAM_CREATED = 0,         /* id and location */
    NGX_ESS_API_STREAM_LISTED,              /* and routing key and source */
    NGX_ESS_API_STREAM_ALL                  /* and what is in it now */
} ngx_ess_api_stream_e;


/*
 * A stream as JSON: "id":1,"location":"...","routing_key":"..." without
 * braces.  Room: ngx_ess_api_stream_size().  "url" is the escaped prefix from
 * ngx_ess_api_url().
 */
ngx_int_t ngx_ess_api_url(ngx_http_request_t *r, ngx_str_t *url);
size_t ngx_ess_api_stream_size(ngx_str_t *url);
u_char *ngx_ess_api_stream_json(u_char *p, ngx_str_t *url,
    ngx_ess_stream_info_t *info, ngx_ess_api_stream_e what);


#endif /* _NGX_ESS_API_REQUEST_H_INCLUDED_ */
