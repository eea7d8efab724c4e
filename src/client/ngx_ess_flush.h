/*
 * One send to one subscriber.  Private to client/.
 */


#ifndef _NGX_ESS_FLUSH_H_INCLUDED_
#define _NGX_ESS_FLUSH_H_INCLUDED_


#include "ngx_ess_client.h"


/* the control frame that is to be sent, and the one after it, which later
   ones replace, so that pings in any number take no memory; from the heap,
   while there is one */

struct ngx_ess_control_s {
    u_char                       len;
    u_char                       sent;      /* then it cannot be replaced */
    u_char                       next_len;  /* 0: no other */
    u_char                       data[NGX_ESS_TRANSPORT_MAX_CONTROL];
    u_char                       next[NGX_ESS_TRANSPORT_MAX_CONTROL];
};


/* as many as nginx takes for one writev() */
#define NGX_ESS_FLUSH_BUFS  64


/*
 * What was handed to nginx's filters: HTTP/2, HTTP/3.  nginx may keep it for
 * as long as the request's pool, longer than there is a subscriber: so it is
 * the pool's.
 */

struct ngx_ess_filtered_s {
    ngx_buf_t                    buf;       /* start NULL: all was sent */
    ngx_chain_t                  link;
};


/*
 * Sends what is due, with one call: the rest of a frame or control frame
 * begun before, control frames, then frames from the cursor on (not in states
 * CLOSING and later), and moves the cursor.  Nothing while the rest of what was
 * begun is to be read again: see ngx_ess_feed_rest_t.
 *
 * NGX_OK: all was sent, or the cursor is at a frame of type CLOSE.
 * NGX_AGAIN: the socket is full.  NGX_BUSY: there is more to send.
 * NGX_ERROR: the connection is broken.
 */
ngx_int_t ngx_ess_flush(ngx_ess_zone_t *zone, ngx_ess_client_t *client);

/* NULL: no memory. */
ngx_ess_filtered_t *ngx_ess_flush_filtered_create(ngx_http_request_t *r);

/* The same by way of nginx's filters, for one that has client->filtered. */
ngx_int_t ngx_ess_flush_filtered(ngx_ess_zone_t *zone,
    ngx_ess_client_t *client);

/*
 * What is to be sent, in order: the rest of a frame that was begun, the control
 * frame, frames.  Returns how many buffers, at most NGX_ESS_FLUSH_BUFS.
 */
ngx_uint_t ngx_ess_flush_collect(ngx_ess_client_t *client,
    struct iovec *iovs);

/* So many bytes of what was collected are the kernel's now, or nginx's: moves
   the cursor and counts. */
void ngx_ess_flush_account(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    size_t sent);

/* 1: there is more to be sent. */
ngx_uint_t ngx_ess_flush_more(ngx_ess_client_t *client);

/*
 * Queues a control frame; one that waits unsent is replaced, one that was
 * sent in part is finished first.  NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ess_flush_control(ngx_ess_client_t *client, u_char *data,
    size_t len);


#endif /* _NGX_ESS_FLUSH_H_INCLUDED_ */
