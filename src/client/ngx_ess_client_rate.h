/*
 * How much a client may send: a token bucket each for its messages and its
 * bytes, which holds ten seconds' worth.  Pure arithmetic; private to
 * client/.
 */


#ifndef _NGX_ESS_CLIENT_RATE_H_INCLUDED_
#define _NGX_ESS_CLIENT_RATE_H_INCLUDED_


#include "ngx_ess.h"


/* seconds' worth that may come at once */
#define NGX_ESS_CLIENT_RATE_BURST  10

/* ms that nothing is read from a client whose bucket is empty */
#define NGX_ESS_CLIENT_RATE_PAUSE  1000


/* of ess_client_rate; 0: any number */

typedef struct {
    ngx_uint_t               messages;      /* a second */
    size_t                   bytes;         /* a second */
} ngx_ess_client_rate_conf_t;


/* Zeroed are full buckets.  An empty one is full again at that time, in
   microseconds on the clock of ngx_current_msec. */

typedef struct {
    uint64_t                 messages;
    uint64_t                 bytes:63;
    uint64_t                 paused:1;      /* and not half full since then */
} ngx_ess_client_rate_t;


/*
 * The client has sent as much, at "now" (ms).  NGX_OK; NGX_BUSY: a bucket is
 * empty, nothing is to be read for NGX_ESS_CLIENT_RATE_PAUSE ms; NGX_DECLINED:
 * it is empty again, though there was a pause.
 */
ngx_int_t ngx_ess_client_rate(ngx_ess_client_rate_t *rate,
    const ngx_ess_client_rate_conf_t *conf, ngx_uint_t messages, size_t bytes,
    ngx_msec_t now);


#endif /* _NGX_ESS_CLIENT_RATE_H_INCLUDED_ */
