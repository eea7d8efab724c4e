/*
 * The patterns of a topic exchange.
 */


#ifndef _NGX_ESS_EXCHANGE_PATTERN_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_PATTERN_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Reads the patterns that there are, of own slots, and of all when events are
   published.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_exchange_pattern_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_pattern_exit(ngx_ess_exchange_worker_t *w);

/*
 * Names the streams of the slot whose patterns match the key, or one of
 * event->keys, in the event, until the next call.  NGX_ERROR: no memory for new
 * patterns, some may be missing.
 */
ngx_int_t ngx_ess_exchange_pattern_match(ngx_ess_exchange_slot_t *slot,
    ngx_str_t *key, ngx_ess_event_t *event);

/* The event was appended: forgets those of its streams that are no more. */
void ngx_ess_exchange_pattern_appended(ngx_ess_exchange_slot_t *slot,
    ngx_ess_event_t *event);


#endif /* _NGX_ESS_EXCHANGE_PATTERN_H_INCLUDED_ */
