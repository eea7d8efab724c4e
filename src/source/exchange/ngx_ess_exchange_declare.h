/*
 * The exchange, and the queues of slots: each is looked up first, made when it
 * is not there, and used as it is when it differs.
 */


#ifndef _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_


#include "ngx_ess_exchange_worker.h"


/* Makes sure that it is there, unless that is under way, or was done. */
void ngx_ess_exchange_declare(ngx_ess_exchange_declared_t *d);


#endif /* _NGX_ESS_EXCHANGE_DECLARE_H_INCLUDED_ */
