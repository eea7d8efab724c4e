/*
 * Reading a log: records from a number on.
 */


#ifndef _NGX_ESS_LOG_READ_H_INCLUDED_
#define _NGX_ESS_LOG_READ_H_INCLUDED_


#include "ngx_ess_log.h"


/* records that were evicted before they could be read */

typedef struct {
    uint64_t                 records;       /* how many, 0: none */
    uint64_t                 after;         /* of the first one that is there,
                                               or of the log's end: see
                                               ngx_ess_gap.h */
} ngx_ess_log_lost_t;


/*
 * Copies up to *n records from position *seq on into buf (bodies) and records
 * (whose body points into buf), sets *n to how many and *seq to what comes
 * next, *lost to what is gone.
 * *last is where the record before *seq is: 0 (not known), or what the call
 * that set *seq left there; without it, it is searched.  Takes the mutex.
 *
 * NGX_OK: the reader is at the end.  NGX_AGAIN: more is there.  NGX_DONE: at
 * the end of a stream that was deleted.  NGX_DECLINED: no such stream.
 * NGX_ABORT: it has another epoch, and so other events.  NGX_BUSY: the next
 * body does not fit into an empty buf, *n is 0 and *need says how much it
 * takes.
 */
ngx_int_t ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need);


#endif /* _NGX_ESS_LOG_READ_H_INCLUDED_ */
