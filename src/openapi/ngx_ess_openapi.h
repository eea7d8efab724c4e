/*
 * ess_openapi and ess_docs: what a server's locations serve, as an OpenAPI
 * document, and a page that shows one.  Both are made when the configuration
 * has been read, and stay as they are.
 */


#ifndef _NGX_ESS_OPENAPI_H_INCLUDED_
#define _NGX_ESS_OPENAPI_H_INCLUDED_


#include "ngx_ess_conf.h"


/* what a location of either answers */

typedef struct ngx_ess_openapi_s {
    ngx_http_core_srv_conf_t *server;
    ngx_http_core_loc_conf_t *location;
    ngx_str_t                document;      /* of ess_docs: its path; empty: of
                                               ess_openapi */
    ngx_str_t                text;
    ngx_str_t                policy;        /* of a page's content */
    ngx_str_t                file;          /* where the directive stands */
    ngx_uint_t               line;
} ngx_ess_openapi_t;


/* The directives. */
char *ngx_ess_openapi_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_ess_openapi_conf_docs(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* After the configuration has been read: makes the texts, and warns. */
ngx_int_t ngx_ess_openapi_init(ngx_conf_t *cf);


#endif /* _NGX_ESS_OPENAPI_H_INCLUDED_ */
