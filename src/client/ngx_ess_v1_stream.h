/*
 * One stream of a subscribe or an unsubscribe.  Private to client/.
 */


#ifndef _NGX_ESS_V1_STREAM_H_INCLUDED_
#define _NGX_ESS_V1_STREAM_H_INCLUDED_


#include "ngx_ess_v1_session.h"


/*
 * The next streams of the command v1->cmd, as many as v1->room has, and what is
 * to be done behind the last one.  NGX_OK: there is more to be done; NGX_AGAIN:
 * a source is waited for, v1->event is posted then; NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_v1_stream(ngx_ess_v1_t *v1);


#endif /* _NGX_ESS_V1_STREAM_H_INCLUDED_ */
