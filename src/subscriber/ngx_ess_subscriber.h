/*
 * Subscribers: client connections of this worker, and for each stream that
 * has some, the frames that they read with a cursor each.
 */


#ifndef _NGX_ESS_SUBSCRIBER_H_INCLUDED_
#define _NGX_ESS_SUBSCRIBER_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_mailbox.h"
#include "ngx_ess_shm.h"


/* what the access log may ask of a request; 0 when it is no subscriber */

typedef struct {
    uint64_t                 stream_id;
    uint64_t                 events_sent;
    uint64_t                 bytes_sent;    /* events' bytes as encoded, after
                                               the response header */
} ngx_ess_subscriber_stats_t;


/* In a worker, after notify. */
ngx_int_t ngx_ess_subscriber_init_process(ngx_cycle_t *cycle,
    ngx_ess_zone_t *zone);
void ngx_ess_subscriber_exit_process(void);

/* The content handler of ess_subscribe. */
ngx_int_t ngx_ess_subscriber_handler(ngx_http_request_t *r);

/* NGX_OK, or NGX_DECLINED when r never became a subscriber. */
ngx_int_t ngx_ess_subscriber_stats(ngx_http_request_t *r,
    ngx_ess_subscriber_stats_t *stats);

/* From notify: the stream changed; ref->id 0: any may have. */
void ngx_ess_subscriber_changed(ngx_ess_stream_ref_t *ref);

/* Those below the number are to be closed, or are being closed: see
   ngx_ess_notify_handlers_t. */
void ngx_ess_subscriber_replaced(ngx_ess_stream_ref_t *ref, uint64_t first);

/* For the mailbox: see ngx_ess_mailbox_answer_pt. */
ngx_uint_t ngx_ess_subscriber_answer(ngx_ess_mail_type_e type,
    ngx_ess_stream_ref_t *ref, uint32_t number,
    ngx_ess_mail_subscriber_t *subs);

/* Closes all subscribers with the code (1001 or 1012), spread over "drain"
   ms; new ones are refused with 503. */
void ngx_ess_subscriber_drain(ngx_uint_t code, ngx_msec_t drain);


#endif /* _NGX_ESS_SUBSCRIBER_H_INCLUDED_ */
