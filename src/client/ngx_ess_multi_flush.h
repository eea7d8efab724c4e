/*
 * From the subscriptions of a client to its socket.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_FLUSH_H_INCLUDED_
#define _NGX_ESS_MULTI_FLUSH_H_INCLUDED_


#include "ngx_ess_multi.h"


/* of one subscription, before others have their turn */
#define NGX_ESS_MULTI_FLUSH_FRAMES  16

/* what is taken for one send, and so of one subscription in a turn, bytes */
#define NGX_ESS_MULTI_FLUSH_BYTES   65536


/* As ngx_ess_flush(), ngx_ess_flush_collect(), _account(), _more(). */
ngx_int_t ngx_ess_multi_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client);
ngx_uint_t ngx_ess_multi_flush_collect(ngx_ess_client_t *client,
    struct iovec *iovs);
void ngx_ess_multi_flush_account(ngx_ess_zone_t *zone,
    ngx_ess_client_t *client, size_t sent);
ngx_uint_t ngx_ess_multi_flush_more(ngx_ess_client_t *client);

/*
 * For kinds: a piece of what is to be sent, whose block is taken over.  "frame"
 * is the event, or the notice, that ends with it; NULL: none.  "behind": it
 * belongs to the one before, so that nothing comes between them, nor an end.
 */
void ngx_ess_multi_flush_piece(u_char *data, size_t len,
    ngx_ess_frame_t *frame, ngx_uint_t behind);

/* Nothing more is said, but the rest of a piece that was begun. */
void ngx_ess_multi_flush_cut(ngx_ess_multi_t *multi);

/* Nor that. */
void ngx_ess_multi_flush_drop(ngx_ess_multi_t *multi);


#endif /* _NGX_ESS_MULTI_FLUSH_H_INCLUDED_ */
