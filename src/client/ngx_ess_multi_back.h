/*
 * Subscriptions that go back to the log.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_BACK_H_INCLUDED_
#define _NGX_ESS_MULTI_BACK_H_INCLUDED_


#include "ngx_ess_multi.h"


/*
 * The subscription, which has frames, lets them go, and reads them again from
 * the log when the client takes more.  NGX_DECLINED: it cannot; NGX_ERROR: no
 * memory.
 */
ngx_int_t ngx_ess_multi_back(ngx_ess_multi_t *multi,
    ngx_ess_multi_cell_t *cell);


#endif /* _NGX_ESS_MULTI_BACK_H_INCLUDED_ */
