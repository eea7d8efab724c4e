/*
 * Renewing a token.  Private to client/.
 */


#ifndef _NGX_ESS_V1_TOKEN_H_INCLUDED_
#define _NGX_ESS_V1_TOKEN_H_INCLUDED_


#include "ngx_ess_v1_session.h"


/* The command v1->cmd, which has one: it is answered, and what the new token
   does not list ends.  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_v1_token(ngx_ess_v1_t *v1);


#endif /* _NGX_ESS_V1_TOKEN_H_INCLUDED_ */
