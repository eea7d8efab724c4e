/*
 * The reply to a call as the response to a request.
 */


#ifndef _NGX_ESS_CALL_ANSWER_H_INCLUDED_
#define _NGX_ESS_CALL_ANSWER_H_INCLUDED_


#include "ngx_ess_amqp.h"
#include "ngx_ess_call_conf.h"
#include "ngx_ess_inflate.h"


typedef struct ngx_ess_call_answer_s  ngx_ess_call_answer_t;

/* rc: as ngx_ess_call_answer() returns it, but NGX_AGAIN; never from within
   that. */
typedef void (*ngx_ess_call_answer_pt)(ngx_ess_call_answer_t *answer,
    ngx_int_t rc);

struct ngx_ess_call_answer_s {
    ngx_http_request_t      *request;
    ngx_ess_call_conf_t     *conf;
    ngx_ess_call_answer_pt   handler;
    void                    *data;

    ngx_uint_t               status;        /* NGX_OK */
    const char              *detail;        /* NGX_DECLINED: what is wrong */

    /* private */
    ngx_str_t                type;
    ngx_str_t                coding;
    ngx_str_t                body;
    ngx_event_t              event;
    ngx_ess_inflate_t       *inflate;
};


/*
 * Takes what is needed of the reply.  NGX_OK: ngx_ess_call_answer_send() may
 * be called.  NGX_AGAIN: it takes longer, the handler is called.  NGX_DECLINED:
 * it cannot be passed on.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_call_answer(ngx_ess_call_answer_t *answer,
    ngx_ess_amqp_delivery_t *d);

/* Returns what is to be given to ngx_http_finalize_request(). */
ngx_int_t ngx_ess_call_answer_send(ngx_ess_call_answer_t *answer);

/* Nobody waits any more.  May be called at any time. */
void ngx_ess_call_answer_cancel(ngx_ess_call_answer_t *answer);


#endif /* _NGX_ESS_CALL_ANSWER_H_INCLUDED_ */
