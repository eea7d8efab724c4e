/*
 * May a client have a stream that it names?  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_ADMIT_H_INCLUDED_
#define _NGX_ESS_MULTI_ADMIT_H_INCLUDED_


#include "ngx_ess_command.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_jwt.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_subscriber.h"


/*
 * The stream, which is named by its uuid, or where the location lets clients
 * do so by its name, and of it those keys (0: all of it).  "grant" NULL: no
 * token is asked for.  NGX_OK, and all of "info"; or NGX_DECLINED: *error,
 * whose code is a status of HTTP, says why.  Takes the mutex.
 */
ngx_int_t ngx_ess_multi_admit(ngx_ess_loc_conf_t *conf,
    ngx_ess_jwt_grant_t *grant, ngx_str_t *text, ngx_str_t *keys,
    ngx_uint_t nkeys, ngx_ess_stream_info_t *info,
    ngx_ess_command_error_t *error);

/* What a subscription to it begins with, but for position and keys. */
void ngx_ess_multi_admit_entry(ngx_ess_loc_conf_t *conf,
    ngx_ess_stream_info_t *info, ngx_ess_subscriber_entry_t *entry);


#endif /* _NGX_ESS_MULTI_ADMIT_H_INCLUDED_ */
