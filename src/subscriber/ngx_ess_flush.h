/*
 * One send to one subscriber.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FLUSH_H_INCLUDED_
#define _NGX_ESS_FLUSH_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


/*
 * Sends what is due, with one call: the rest of a frame or control frame
 * begun before, control frames, then frames from the cursor on (not in states
 * CLOSING and later), and moves the cursor.
 *
 * NGX_OK: all was sent, or the cursor is at a frame of type CLOSE.
 * NGX_AGAIN: the socket is full.  NGX_BUSY: there is more to send.
 * NGX_ERROR: the connection is broken.
 */
ngx_int_t ngx_ess_flush(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub);

/*
 * Queues a control frame; one that waits unsent is replaced, one that was
 * sent in part is finished first.
 */
void ngx_ess_flush_control(ngx_ess_subscriber_t *sub, u_char *data,
    size_t len);


#endif /* _NGX_ESS_FLUSH_H_INCLUDED_ */
