/*
 * How many clients a worker takes, so that connections are left for all else:
 * the API, health, the broker.  Private to client/, but for the check.
 */


#ifndef _NGX_ESS_CLIENT_MAX_H_INCLUDED_
#define _NGX_ESS_CLIENT_MAX_H_INCLUDED_


#include "ngx_ess.h"


/* When the configuration has been read: warns when it leaves nothing. */
void ngx_ess_client_max_check(ngx_cycle_t *cycle);

void ngx_ess_client_max_init(ngx_cycle_t *cycle);

/* 1: the worker takes no more. */
ngx_uint_t ngx_ess_client_max_reached(void);

/* One more, also one that waits to become a subscriber; one less. */
void ngx_ess_client_max_join(void);
void ngx_ess_client_max_leave(void);


#endif /* _NGX_ESS_CLIENT_MAX_H_INCLUDED_ */
