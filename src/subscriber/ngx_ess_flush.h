/*
 * One send to one subscriber.  Private to subscriber/.
 */


#ifndef _NGX_ESS_FLUSH_H_INCLUDED_
#define _NGX_ESS_FLUSH_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_feed.h"


/* the control frame that is to be sent, and the one after it, which later
   ones replace, so that pings in any number take no memory; from the heap,
   while there is one */

struct ngx_ess_control_s {
    u_char                       len;
    u_char                       sent;
    u_char                       next_len;  /* 0: no other */
    unsigned                     begun:1;   /* it cannot be replaced */
    u_char                       data[NGX_ESS_TRANSPORT_MAX_CONTROL];
    u_char                       next[NGX_ESS_TRANSPORT_MAX_CONTROL];
};


/* of one hand-over to nginx's filters */
#define NGX_ESS_FLUSH_FILTERED_FRAMES  64


/*
 * What was handed to nginx's filters and is not sent yet: HTTP/2, HTTP/3.
 * nginx may keep it for as long as the request's pool, longer than there is a
 * subscriber: so it is in the pool, or is pinned until the pool is destroyed.
 */

struct ngx_ess_filtered_s {
    ngx_chain_t                 *free;
    ngx_chain_t                 *busy;
    ngx_uint_t                   n;         /* frames of busy, pinned */
    ngx_ess_frame_t             *frames[NGX_ESS_FLUSH_FILTERED_FRAMES];
    unsigned                     control:1; /* begins with the control frame */
    u_char                       data[NGX_ESS_TRANSPORT_MAX_CONTROL];
};


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

/* NULL: no memory. */
ngx_ess_filtered_t *ngx_ess_flush_filtered_create(ngx_http_request_t *r);

/* The same by way of nginx's filters. */
ngx_int_t ngx_ess_flush_filtered(ngx_ess_zone_t *zone,
    ngx_ess_subscriber_t *sub);

/*
 * Counts what one send has brought to the client: frames that are complete
 * are events.  "arrival" is that of the first, 0: not known.
 */
void ngx_ess_flush_count(ngx_ess_zone_t *zone, ngx_ess_subscriber_t *sub,
    uint64_t events, uint64_t bytes, ngx_msec_t arrival);

/*
 * Queues a control frame; one that waits unsent is replaced, one that was
 * sent in part is finished first.  NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ess_flush_control(ngx_ess_subscriber_t *sub, u_char *data,
    size_t len);

/* The control frame was sent; on to the next one, if there is one. */
void ngx_ess_flush_control_sent(ngx_ess_subscriber_t *sub);


#endif /* _NGX_ESS_FLUSH_H_INCLUDED_ */
