/*
 * "ess_authorize" for clients of "ess.v1": what a message subscribes to is
 * asked about at once, before the first of it is subscribed to.  Private to
 * client/.
 */


#ifndef _NGX_ESS_V1_AUTHORIZE_H_INCLUDED_
#define _NGX_ESS_V1_AUTHORIZE_H_INCLUDED_


#include "ngx_ess_authorize.h"
#include "ngx_ess_v1_session.h"


/* behind the session of a client of a location that asks; zeroed */

typedef struct {
    ngx_http_conf_ctx_t     *ctx;           /* of the server that it is a client
                                               of */
    ngx_str_t                query;         /* of its request; in the heap */
    ngx_ess_authorize_t     *question;      /* NULL: none */
    ngx_uint_t               n;             /* subscriptions that it is about */
    ngx_uint_t               at;            /* the next one of them */
    ngx_uint_t               waits;         /* 1: for the answer */
} ngx_ess_v1_authorize_t;


/* NULL: the location does not ask */

#define ngx_ess_v1_authorize_own(v1)                                          \
    ((v1)->multi->client->conf->authorize                                     \
     ? (ngx_ess_v1_authorize_t *) ((v1) + 1) : NULL)


/* In a location that asks.  NGX_ERROR: no memory. */
ngx_int_t ngx_ess_v1_authorize_init(ngx_ess_v1_t *v1, ngx_http_request_t *r);

/* Before the next stream of the command v1->cmd.  NGX_OK; NGX_AGAIN: the answer
   is waited for, v1->event is posted then; NGX_ERROR: no memory. */
ngx_int_t ngx_ess_v1_authorize_ask(ngx_ess_v1_t *v1);

/* The next stream of a subscribe was read. */
void ngx_ess_v1_authorize_next(ngx_ess_v1_t *v1);

/* That stream, which was found.  NGX_OK, or NGX_DECLINED: *error says why it
   cannot be had; its text stays until the next question. */
ngx_int_t ngx_ess_v1_authorize_admit(ngx_ess_v1_t *v1,
    ngx_ess_stream_info_t *info, ngx_ess_command_error_t *error);

void ngx_ess_v1_authorize_done(ngx_ess_v1_t *v1);


#endif /* _NGX_ESS_V1_AUTHORIZE_H_INCLUDED_ */
