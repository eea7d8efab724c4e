/*
 * The body of a request, without the coding that its Content-Encoding names.
 */


#ifndef _NGX_ESS_DECODE_H_INCLUDED_
#define _NGX_ESS_DECODE_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_inflate.h"


typedef struct ngx_ess_decode_s  ngx_ess_decode_t;

/* rc: as ngx_ess_decode() returns it, but NGX_AGAIN; never from within
   that. */
typedef void (*ngx_ess_decode_pt)(ngx_ess_decode_t *decode,
    ngx_int_t rc);

struct ngx_ess_decode_s {
    ngx_http_request_t      *request;
    ngx_pool_t              *pool;          /* of the text: the request's, or
                                               one that lives longer */
    ngx_ess_decode_pt        handler;
    void                    *data;
    size_t                   sent;          /* bytes of the body at most */
    size_t                   max;           /* the same, when it is decoded */

    ngx_str_t                text;          /* NGX_OK: the body, in the
                                               pool's memory */
    const char              *detail;        /* NGX_DECLINED: what is wrong */

    /* private to ngx_ess_decode.c */
    ngx_event_t              event;
    ngx_str_t                body;          /* as it was sent */
    ngx_ess_inflate_t       *inflate;
};


/* Refuses a body with an unknown coding, or with several: 415, for nginx.
   NGX_DECLINED: the coding is known, or there is none.  Each location calls it
   before it reads a body. */
ngx_int_t ngx_ess_decode_known(ngx_http_request_t *r);

/*
 * Takes the body that was read, "sent" bytes of it where it has no coding.
 * NGX_OK.  NGX_AGAIN: it takes longer, the handler is called.  NGX_ABORT: there
 * is too much of it.  NGX_DECLINED: it is broken.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_decode(ngx_ess_decode_t *decode);

/* Refuses what is broken: a status, for nginx. */
ngx_int_t ngx_ess_decode_broken(ngx_ess_decode_t *decode);

/* Behind NGX_AGAIN: nobody waits any more.  May be called at any time. */
void ngx_ess_decode_cancel(ngx_ess_decode_t *decode);


#endif /* _NGX_ESS_DECODE_H_INCLUDED_ */
