/*
 * The ids of what was published, as few bytes: what a repeated request is to be
 * told as well.  A codec without I/O.
 *
 *   streams (1), events (varint), epochs (8 each), for each stream its runs:
 *   how far it begins behind the end of the last one (varint), how long it is
 *   (varint), until there are as many ordinals as events
 *
 * So each event must have gone to the same streams, in the same order.
 */


#ifndef _NGX_ESS_PUBLISH_IDS_H_INCLUDED_
#define _NGX_ESS_PUBLISH_IDS_H_INCLUDED_


#include "ngx_ess.h"


/* How many bytes of "room" they take, in "buf"; 0: they do not fit. */
size_t ngx_ess_publish_ids_pack(u_char *buf, size_t room,
    ngx_ess_event_id_t *ids, ngx_uint_t n);

/*
 * Takes what was packed apart: *n ids, in "pool".  NGX_OK.  NGX_DECLINED: it is
 * broken, or has more than NGX_ESS_SOURCE_PUBLISH_IDS.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_ids_unpack(ngx_pool_t *pool, u_char *buf, size_t len,
    ngx_ess_event_id_t **ids, ngx_uint_t *n);


#endif /* _NGX_ESS_PUBLISH_IDS_H_INCLUDED_ */
