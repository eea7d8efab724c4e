/*
 * Publishes to the exchange, on a session of its own: during an alarm RabbitMQ
 * stops reading a connection that has published, acknowledgements included.
 * The session is opened with the first event, and given up while there is
 * none and no connection.  One per worker.
 */


#ifndef _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_exchange_slot.h"
#include "ngx_ess_source.h"


/* names the only stream that gets an event, by its uuid */
#define NGX_ESS_EXCHANGE_UUID_HEADER  "ess_uuid"


/* publisher.c */
void ngx_ess_exchange_publisher_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_publisher_exit(void);

/* The exchange has been looked up, made, or refused: what waits for it is
   sent, or answered. */
void ngx_ess_exchange_publish_exchange(void);

/* ngx_ess_exchange_restore() has come to an end; off its list. */
void ngx_ess_exchange_publish_restored(ngx_ess_source_publish_t *pub,
    ngx_int_t rc, ngx_str_t *text);

/* Of the seam. */
void ngx_ess_exchange_publish_events(ngx_ess_source_publish_t *pub);
void ngx_ess_exchange_publish_cancel(ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_EXCHANGE_PUBLISH_H_INCLUDED_ */
