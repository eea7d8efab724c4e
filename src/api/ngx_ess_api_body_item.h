/*
 * What the parsers of a body ask of its members.
 */


#ifndef _NGX_ESS_API_BODY_ITEM_H_INCLUDED_
#define _NGX_ESS_API_BODY_ITEM_H_INCLUDED_


#include "ngx_ess_api_body.h"
#include "ngx_ess_json.h"


/* The last one of that name, or NULL. */
cJSON *ngx_ess_api_body_member(cJSON *root, const char *name);

/* Sets status and detail, fmt as in ngx_sprintf().  NGX_DECLINED. */
ngx_int_t ngx_ess_api_body_refuse(ngx_ess_api_body_t *body,
    ngx_uint_t status, const char *fmt, ...);


#endif /* _NGX_ESS_API_BODY_ITEM_H_INCLUDED_ */
