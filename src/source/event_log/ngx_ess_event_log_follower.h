/*
 * Makes the log of a stream follow an event log: seeks its end, then reads what
 * is behind it.  Private to source/event_log/.
 */


#ifndef _NGX_ESS_EVENT_LOG_FOLLOWER_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_FOLLOWER_H_INCLUDED_


#include "ngx_ess_event_log_reader.h"
#include "ngx_ess_follower.h"


/* those of a worker */

typedef struct {
    ngx_ess_followers_t          followers; /* first */
    ngx_array_t                 *logs;      /* of the configuration */
} ngx_ess_event_log_followers_t;


extern const ngx_ess_follower_type_t  ngx_ess_event_log_follower;


/* Something was stored, by some worker. */
void ngx_ess_event_log_follower_look(ngx_ess_event_log_followers_t *s);


#endif /* _NGX_ESS_EVENT_LOG_FOLLOWER_H_INCLUDED_ */
