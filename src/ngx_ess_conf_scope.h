/*
 * Which location of which server a request is for: the same over a reload, as
 * long as nginx.conf says the same of the two.
 */


#ifndef _NGX_ESS_CONF_SCOPE_H_INCLUDED_
#define _NGX_ESS_CONF_SCOPE_H_INCLUDED_


#include "ngx_ess_conf.h"


struct ngx_ess_conf_scope_s {
    ngx_http_core_srv_conf_t  *server;
    ngx_http_core_loc_conf_t  *location;
    ngx_str_t                  listens;     /* addresses of the server, sorted;
                                               set by _init() */
};


/* The location that is being read, and its server; NULL: no memory. */
ngx_ess_conf_scope_t *ngx_ess_conf_scope(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf);

/* All of "listen" is known.  In the postconfiguration. */
ngx_int_t ngx_ess_conf_scope_init(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf);

/* 1: the location has a regular expression, or is a named one. */
ngx_uint_t ngx_ess_conf_scope_is_regex(ngx_ess_conf_scope_t *scope);


#endif /* _NGX_ESS_CONF_SCOPE_H_INCLUDED_ */
