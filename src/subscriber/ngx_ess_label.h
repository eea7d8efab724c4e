/*
 * Labels: what clients with several subscriptions know a stream by, one for
 * each stream of which this worker has feeds that need it.  Private to
 * subscriber/.
 */


#ifndef _NGX_ESS_LABEL_H_INCLUDED_
#define _NGX_ESS_LABEL_H_INCLUDED_


#include "ngx_ess_zone.h"
#include "ngx_ess_encoding.h"


/* In a worker, before the first one. */
void ngx_ess_label_init(ngx_ess_zone_t *zone);

/* That of the stream, with one reference more.  NULL: no memory, or no random
   bits. */
ngx_ess_label_t *ngx_ess_label_get(uint64_t stream_id, ngx_log_t *log);

/* One less: it goes with the last one.  NULL: nothing happens. */
void ngx_ess_label_release(ngx_ess_label_t *label);


#endif /* _NGX_ESS_LABEL_H_INCLUDED_ */
