/*
 * A request of the HTTP API: whether it may, what it is about.
 */


#ifndef _NGX_ESS_API_REQUEST_H_INCLUDED_
#define _NGX_ESS_API_REQUEST_H_INCLUDED_


#include "ngx_ess_conf.h"
#include "ngx_ess_api_answer.h"
#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


/* {id} of a path: the number, the uuid or the name; {sid} */

typedef struct {
    uint64_t                 id;            /* 0: look at name */
    ngx_str_t                name;          /* empty: look at uuid */
    u_char                   uuid[NGX_ESS_UUID_LEN];
    uint32_t                 subscriber;    /* its number */
} ngx_ess_api_target_t;


/* The zone of the request's configuration; NULL: ess_metrics and ess_health
   need none beside ess_consume and ess_rpc. */
ngx_ess_zone_t *ngx_ess_api_zone(ngx_http_request_t *r);

/* 503 when the zone has no process slot for this worker; NGX_DECLINED: it has,
   nothing was answered. */
ngx_int_t ngx_ess_api_slot(ngx_http_request_t *r);

/* 403 to what a web page of another origin would change, counted; NGX_DECLINED:
   it is none, nothing was answered.  For each location that changes something,
   behind ngx_ess_api_slot(). */
ngx_int_t ngx_ess_api_origin(ngx_http_request_t *r);

/* NGX_DECLINED: GET or HEAD, with a process slot; else it is answered. */
ngx_int_t ngx_ess_api_get(ngx_http_request_t *r);

/* The stream of a target.  Takes the mutex.  NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_api_find(ngx_http_request_t *r, ngx_ess_api_target_t *target,
    ngx_ess_stream_info_t *info);

/* ?limit=, from 1, and ?after=, left alone without.  NGX_OK; NGX_ERROR: one
   is no such number. */
ngx_int_t ngx_ess_api_page(ngx_http_request_t *r, uint64_t *limit,
    uint64_t *after);

/* An argument that is 0 or 1, left alone without.  NGX_OK, or NGX_ERROR: it is
   neither. */
ngx_int_t ngx_ess_api_flag(ngx_http_request_t *r, const char *name,
    ngx_uint_t *flag);

/* A whole number, below 2^63: ids are in the store's signed numbers.  NGX_OK
   or NGX_ERROR. */
ngx_int_t ngx_ess_api_number(ngx_str_t *text, uint64_t *number);


#endif /* _NGX_ESS_API_REQUEST_H_INCLUDED_ */
