/*
 * How a client enters a stream, and what is known of it afterwards.
 */


#ifndef _NGX_ESS_CLIENT_ENTER_H_INCLUDED_
#define _NGX_ESS_CLIENT_ENTER_H_INCLUDED_


#include "ngx_ess.h"


/* what the access log may ask of a request; 0 when it is no subscriber */

typedef struct {
    uint64_t                 stream_id;
    uint64_t                 events_sent;
    uint64_t                 bytes_sent;    /* events' bytes as encoded, after
                                               the response header */
} ngx_ess_client_stats_t;


/* The content handler of ess_subscribe. */
ngx_int_t ngx_ess_client_enter_handler(ngx_http_request_t *r);

/* NGX_OK, or NGX_DECLINED when r never became a subscriber. */
ngx_int_t ngx_ess_client_enter_stats(ngx_http_request_t *r,
    ngx_ess_client_stats_t *stats);


#endif /* _NGX_ESS_CLIENT_ENTER_H_INCLUDED_ */
