/*
 * ess_publish: a POST body becomes an event, or several.
 */


#ifndef _NGX_ESS_PUBLISH_H_INCLUDED_
#define _NGX_ESS_PUBLISH_H_INCLUDED_


#include "ngx_ess.h"


/* Content handler of ess_publish. */
ngx_int_t ngx_ess_publish_handler(ngx_http_request_t *r);

#endif /* _NGX_ESS_PUBLISH_H_INCLUDED_ */
