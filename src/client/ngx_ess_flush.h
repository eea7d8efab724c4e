/*
 * One send to one subscriber.  Private to client/.
 */


#ifndef _NGX_ESS_FLUSH_H_INCLUDED_
#define _NGX_ESS_FLUSH_H_INCLUDED_


#include "ngx_ess_client.h"


/* control frames that are to be sent, one behind the other; from the heap,
   while there are any */

struct ngx_ess_control_s {
    ngx_ess_control_t           *next;      /* those that follow; only while
                                               these are being sent */
    uint32_t                     len;
    uint32_t                     sent;      /* then they stay as they are */
    u_char                       data[1];   /* "len" bytes */
};


/* bytes of control frames of one client that wait behind others, or for a full
   socket: so that pings in any number take little memory */
#define NGX_ESS_FLUSH_CONTROL  2048


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

/* To the connection, with one call: bytes that it took, or NGX_ERROR. */
ssize_t ngx_ess_flush_write(ngx_connection_t *c, struct iovec *iovs,
    ngx_uint_t n);

/* Of so many bytes those are the control frame's; returns what is left. */
size_t ngx_ess_flush_account_control(ngx_ess_client_t *client, size_t sent);

/* Counts what was sent: events that ended, the first of which had come at
   "arrival" (as ngx_current_msec; 0: not known). */
void ngx_ess_flush_count(ngx_ess_zone_t *zone, ngx_ess_client_t *client,
    uint64_t events, uint64_t bytes, ngx_msec_t arrival);

/* 1: there is more to be sent. */
ngx_uint_t ngx_ess_flush_more(ngx_ess_client_t *client);

/*
 * Queues control frames, behind those that wait.  When these become too many,
 * the last one alone, of "last" bytes, takes the place of all that are not
 * being sent.  NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t ngx_ess_flush_control(ngx_ess_client_t *client, u_char *data,
    size_t len, size_t last);

/* Frees those that wait, when the client ends. */
void ngx_ess_flush_control_drop(ngx_ess_client_t *client);


#endif /* _NGX_ESS_FLUSH_H_INCLUDED_ */
