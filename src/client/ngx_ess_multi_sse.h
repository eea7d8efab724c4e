/*
 * Several streams on one event stream: a client's own lines, with its place in
 * each of them, before what all clients share.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_SSE_H_INCLUDED_
#define _NGX_ESS_MULTI_SSE_H_INCLUDED_


#include "ngx_ess_multi.h"


/* one of them, as the client named it */

typedef struct {
    ngx_str_t                label;         /* empty: none */
    ngx_str_t                stream;
    uint64_t                 id;
} ngx_ess_multi_sse_stream_t;


/*
 * In place of one subscription the client gets several: those "n" streams, each
 * once, whose texts are copied, in the order of their places.  NGX_ERROR: no
 * memory; the client is to be ended as any.
 */
ngx_int_t ngx_ess_multi_sse_create(ngx_ess_client_t *client,
    ngx_ess_multi_sse_stream_t *streams, ngx_uint_t n);

/* Where the client is in the one with that number, before its first event. */
void ngx_ess_multi_sse_place(ngx_ess_client_t *client, ngx_uint_t number,
    ngx_ess_event_id_t *place);


#endif /* _NGX_ESS_MULTI_SSE_H_INCLUDED_ */
