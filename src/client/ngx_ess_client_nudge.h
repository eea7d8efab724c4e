/*
 * A nudge: a frame that means nothing, twice after a client's history.  Some
 * libraries leave what came together with the response to the handshake unread
 * until more comes.  Private to client/.
 *
 *     history is written        nudge                             nudge
 *            ├───── 100 ms ───────┼───────────── 900 ms ─────────────┤
 */


#ifndef _NGX_ESS_CLIENT_NUDGE_H_INCLUDED_
#define _NGX_ESS_CLIENT_NUDGE_H_INCLUDED_


#include "ngx_ess_client.h"


/* Nudges a client, which may end it. */
typedef void (*ngx_ess_client_nudge_pt)(ngx_ess_client_t *client);


/* In a worker. */
void ngx_ess_client_nudge_init(ngx_ess_client_nudge_pt handler,
    ngx_log_t *log);

/*
 * For a client that has client->nudge, with its first bytes of a stream: it is
 * nudged when it has just connected.  Without memory it is not.
 */
void ngx_ess_client_nudge_start(ngx_ess_client_t *client);

/* For one that has client->nudged, and ends. */
void ngx_ess_client_nudge_stop(ngx_ess_client_t *client);


#endif /* _NGX_ESS_CLIENT_NUDGE_H_INCLUDED_ */
