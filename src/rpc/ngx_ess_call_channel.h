/*
 * Calls on their way: a channel of the publishing session for each exchange,
 * on which a call is published and its reply comes (RabbitMQ's direct
 * reply-to).  One set per worker; what is wrong with one exchange is no matter
 * of the others.
 *
 *   IDLE ──► DECLARING ──► SELECTING ──► CONSUMING ──► READY
 *    ▲  (is there such an   (confirms)     (replies)     │
 *    │       exchange?)         │              │         │ the broker closed
 *    └─ REFUSED ◄─┴─────────────┴──────────────┘         ▼ the channel
 *       again, with a backoff                          DECLARING
 */


#ifndef _NGX_ESS_CALL_CHANNEL_H_INCLUDED_
#define _NGX_ESS_CALL_CHANNEL_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_call_message.h"
#include "ngx_ess_rpc_conf.h"


/* The worker's; before the session.  NGX_OK or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_call_channel_init(ngx_ess_rpc_conf_t *conf, ngx_log_t *log);

/* Behind the session's end. */
void ngx_ess_call_channel_exit(void);

/* Its handler is called, unless it is taken back by
   ngx_ess_call_flight_cancel(). */
void ngx_ess_call_channel_publish(ngx_ess_call_message_t *m);

/* Of the publishing session: its handlers. */
void ngx_ess_call_channel_open(ngx_ess_amqp_session_t *s);
void ngx_ess_call_channel_close(void);
void ngx_ess_call_channel_writable(void);
void ngx_ess_call_channel_failed(void);
void ngx_ess_call_channel_blocked(ngx_str_t *reason);


#endif /* _NGX_ESS_CALL_CHANNEL_H_INCLUDED_ */
