/*
 * Attributes of a stream in the body that creates it.
 */


#ifndef _NGX_ESS_API_BODY_ATTR_H_INCLUDED_
#define _NGX_ESS_API_BODY_ATTR_H_INCLUDED_


#include "ngx_ess_api_body.h"
#include "ngx_ess_json.h"


/* "name", "key" and "log" of the object, as far as they are there.  NGX_OK:
   body->attr is set.  NGX_DECLINED: status and detail are. */
ngx_int_t ngx_ess_api_body_attr(cJSON *root, ngx_ess_api_body_t *body);


#endif /* _NGX_ESS_API_BODY_ATTR_H_INCLUDED_ */
