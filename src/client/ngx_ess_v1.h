/*
 * Clients of the subprotocol "ess.v1": their commands, carried out.  Private to
 * client/.
 */


#ifndef _NGX_ESS_V1_H_INCLUDED_
#define _NGX_ESS_V1_H_INCLUDED_


#include "ngx_ess_multi.h"
#include "ngx_ess_stream.h"


/* what the location lets it name, with "name=", "key=" or "multi" */

typedef struct {
    ngx_ess_stream_info_t       *info;      /* the one stream that it begins
                                               with; NULL: none */
    ngx_str_t                    key;       /* and the one key; empty: all */
    ngx_ess_position_t           pos;
    unsigned                     named:1;   /* by its name */
    unsigned                     only:1;    /* it may have no others */
} ngx_ess_v1_begin_t;


/*
 * In place of one subscription: the client, which was made, gets several, and
 * the one that it begins with.  Returns as ngx_ess_subscriber_enter(); whatever
 * that is, the client is to be ended as any.
 */
ngx_int_t ngx_ess_v1_create(ngx_ess_client_t *client,
    ngx_ess_v1_begin_t *begin);

/* A ngx_ess_transport_message_pt. */
void ngx_ess_v1_message(void *data, ngx_str_t *message, ngx_uint_t text);


#endif /* _NGX_ESS_V1_H_INCLUDED_ */
