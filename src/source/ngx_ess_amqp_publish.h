/*
 * Publishes to the exchange, on a session of its own: during an alarm RabbitMQ
 * stops reading a connection that has published, acknowledgements included.
 * The session is opened with the first event, and given up while there is
 * none and no connection.  One per worker.
 */


#ifndef _NGX_ESS_AMQP_PUBLISH_H_INCLUDED_
#define _NGX_ESS_AMQP_PUBLISH_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_amqp_conf.h"
#include "ngx_ess_source.h"


/* names the only stream that gets an event, by its uuid */
#define NGX_ESS_AMQP_UUID_HEADER  "ess_uuid"


/* "conf" must live as long as the worker. */
void ngx_ess_amqp_publish_init(ngx_ess_amqp_conf_t *conf,
    ngx_ess_zone_t *zone, ngx_log_t *log);
void ngx_ess_amqp_publish_exit(void);

/* The exchange has been looked up, or made: what waits for it is sent. */
void ngx_ess_amqp_publish_exchange(void);

/* Of the seam. */
void ngx_ess_amqp_publish_events(ngx_ess_source_publish_t *pub);
void ngx_ess_amqp_publish_cancel(ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_AMQP_PUBLISH_H_INCLUDED_ */
