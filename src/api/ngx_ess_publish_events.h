/*
 * The events of a batch, and a fingerprint of it, while others have their turn.
 */


#ifndef _NGX_ESS_PUBLISH_EVENTS_H_INCLUDED_
#define _NGX_ESS_PUBLISH_EVENTS_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_publish_batch.h"
#include <openssl/evp.h>


typedef struct ngx_ess_publish_events_s  ngx_ess_publish_events_t;

/* rc: as ngx_ess_publish_events() returns it, but NGX_AGAIN; never from within
   that. */
typedef void (*ngx_ess_publish_events_pt)(ngx_ess_publish_events_t *events,
    ngx_int_t rc);

struct ngx_ess_publish_events_s {
    ngx_ess_publish_batch_t      batch;
    ngx_uint_t                   print;     /* 1: with a fingerprint */
    ngx_ess_publish_events_pt    handler;
    void                        *data;

    ngx_str_t                    digest;    /* NGX_OK: of all of the text; empty
                                               without "print" */

    /* private to ngx_ess_publish_events.c */
    ngx_event_t                  event;
    EVP_MD_CTX                  *md;
    u_char                       digest_data[EVP_MAX_MD_SIZE];
};


/* As ngx_ess_publish_batch_step(), but that with NGX_AGAIN the handler is
   called when it is done. */
ngx_int_t ngx_ess_publish_events(ngx_ess_publish_events_t *events);

/* Behind NGX_AGAIN: nobody waits any more.  May be called at any time. */
void ngx_ess_publish_events_cancel(ngx_ess_publish_events_t *events);


#endif /* _NGX_ESS_PUBLISH_EVENTS_H_INCLUDED_ */
