/*
 * The connection of a request without a client.
 */


#ifndef _NGX_ESS_REQUEST_CONNECTION_H_INCLUDED_
#define _NGX_ESS_REQUEST_CONNECTION_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Ready for ngx_http_create_request(), from the address "unix:", but without a
 * send_chain.  "own" becomes its log, and its data are a ngx_http_log_ctx_t or
 * begin with one.  NULL: no memory or no connection, which "log" is told of.
 */
ngx_connection_t *ngx_ess_request_connection_create(ngx_log_t *own,
    ngx_http_conf_ctx_t *conf, ngx_log_t *log);

/* From the address of another one, which is copied.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_ess_request_connection_client(ngx_connection_t *own,
    ngx_connection_t *c);

/* The handler for that log, as nginx's own, which is static. */
u_char *ngx_ess_request_connection_log_error(ngx_log_t *log, u_char *buf,
    size_t len);


#endif /* _NGX_ESS_REQUEST_CONNECTION_H_INCLUDED_ */
