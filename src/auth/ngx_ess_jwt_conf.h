/*
 * What ess_jwt says.  Private to auth/.
 */


#ifndef _NGX_ESS_JWT_CONF_H_INCLUDED_
#define _NGX_ESS_JWT_CONF_H_INCLUDED_


#include "ngx_ess_jwt_token.h"
#include "ngx_ess_param.h"


typedef struct {
    ngx_flag_t               used;
    ngx_array_t              secrets;       /* of ngx_str_t; their files */
} ngx_ess_jwt_main_conf_t;


typedef struct ngx_ess_jwt_conf_s {
    ngx_flag_t               enable;
    ngx_ess_jwt_policy_t     policy;
    ngx_uint_t               algs;          /* bits */
    ngx_str_t                key;           /* files' names */
    ngx_str_t                jwks;
    ngx_uint_t               header;        /* 1: tokens are looked for there */
    ngx_uint_t               protocol;
    ngx_str_t                arg;           /* its name; data NULL: not there */
    ngx_str_t                cookie;
    ngx_str_t                streams;       /* claim; data NULL: any stream */
    ngx_uint_t               keep;          /* 1: grants have the claims */
} ngx_ess_jwt_conf_t;


/* For the module: its configurations, and the directive. */
void *ngx_ess_jwt_conf_create_main(ngx_conf_t *cf);
void *ngx_ess_jwt_conf_create_loc(ngx_conf_t *cf);
char *ngx_ess_jwt_conf_merge_loc(ngx_conf_t *cf, void *parent, void *child);
extern ngx_ess_param_directive_t  ngx_ess_jwt_conf_directive;
char *ngx_ess_jwt_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* _NGX_ESS_JWT_CONF_H_INCLUDED_ */
