/*
 * The session that publishes, one of its own: during an alarm RabbitMQ stops
 * reading a connection that has published, acknowledgements included.  It is
 * opened with the first event, and given up while there is none and no
 * connection.  One per worker.
 */


#ifndef _NGX_ESS_EXCHANGE_PUBLISHER_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_PUBLISHER_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


void ngx_ess_exchange_publisher_init(ngx_ess_exchange_worker_t *w);
void ngx_ess_exchange_publisher_exit(void);

/* Of the seam. */
void ngx_ess_exchange_publisher_publish(ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_EXCHANGE_PUBLISHER_H_INCLUDED_ */
