/*
 * How a subscriber ends: for a reason of ours, the client's, or in time.
 * Private to subscriber/.
 */


#ifndef _NGX_ESS_CLIENT_CLOSE_H_INCLUDED_
#define _NGX_ESS_CLIENT_CLOSE_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


/* In the following NGX_DONE means: the subscriber has ended and must not be
   touched any more; NGX_OK: it has not. */

/* Our close; "reason" is static text. */
ngx_int_t ngx_ess_client_close(ngx_ess_subscriber_t *sub, ngx_uint_t code,
    const char *reason);

/*
 * From here on only the rest of a frame that was begun is sent, then "data",
 * if there is any; the frames behind are let go.
 */
ngx_int_t ngx_ess_client_close_with(ngx_ess_subscriber_t *sub, u_char *data,
    size_t len);

/* All that was to be sent in state CLOSING or CLOSED was sent. */
ngx_int_t ngx_ess_client_close_sent(ngx_ess_subscriber_t *sub);

/* With sub->code and sub->reason, when it has what is there, or at once. */
void ngx_ess_client_close_drain(ngx_ess_subscriber_t *sub, ngx_uint_t code);
void ngx_ess_client_close_late(ngx_ess_subscriber_t *sub);
ngx_int_t ngx_ess_client_close_now(ngx_ess_subscriber_t *sub);

/* rc: NGX_OK: in good order, NGX_ERROR: not.  The subscriber has ended. */
void ngx_ess_client_close_end(ngx_ess_subscriber_t *sub, ngx_int_t rc);


#endif /* _NGX_ESS_CLIENT_CLOSE_H_INCLUDED_ */
