/*
 * How a client of several streams over Server-Sent Events enters: all of them
 * can be had, or the request is refused.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_QUERY_H_INCLUDED_
#define _NGX_ESS_MULTI_QUERY_H_INCLUDED_


#include "ngx_ess_multi_join.h"
#include "ngx_ess_multi_sse.h"


/* what a request asks for; in its pool */

typedef struct {
    ngx_uint_t                   n;
    ngx_ess_multi_sse_stream_t  *streams;   /* "n" */
    ngx_ess_multi_entry_t       *entries;   /* "n" */
    ngx_str_t                   *sources;   /* "n": routing keys; empty: its log
                                               follows nothing */
    ngx_uint_t                  *kinds;     /* "n": whose they are */
} ngx_ess_multi_query_t;


/*
 * Reads what the request asks for, "said" what it says of positions, and checks
 * that its client may have that.  NGX_OK, or else what the content handler is
 * to return: the request is refused, and why is kept with it.
 */
ngx_int_t ngx_ess_multi_query_read(ngx_http_request_t *r,
    ngx_ess_position_said_t *said, ngx_ess_multi_query_t *wanted);

/*
 * The client, which was made, is subscribed to all of that.  NGX_OK, or what
 * the content handler is to return, as above, and to nothing.
 */
ngx_int_t ngx_ess_multi_query_join(ngx_ess_client_t *client,
    ngx_ess_multi_query_t *wanted);


#endif /* _NGX_ESS_MULTI_QUERY_H_INCLUDED_ */
