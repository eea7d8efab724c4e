/*
 * A JSON array as a batch of events, which is taken apart in slices.  No I/O.
 */


#ifndef _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_
#define _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include "ngx_ess_json_list.h"


/* zeroed but for what the caller sets */

typedef struct {
    ngx_pool_t               *pool;
    ngx_ess_json_list_t       list;         /* its "text"; "pos" bytes are
                                               done */
    ngx_uint_t                max;          /* events */
    size_t                    max_event;    /* bytes of one */

    ngx_array_t               events;       /* NGX_OK: ngx_str_t, in "pool" and
                                               in "text" */
    const char               *detail;       /* NGX_DECLINED: what is wrong,
                                               static text */
    ngx_uint_t                large;        /* NGX_ABORT: an event is */
} ngx_ess_publish_batch_t;


/*
 * Takes the array apart, 256 KB of it or the one event that is larger.  A
 * string is an event with that text; anything else is one with its own JSON,
 * byte for byte.  Takes no memory but for strings with escapes, and 16 bytes
 * for each event.
 *
 * NGX_OK: that was all.  NGX_AGAIN: to be called once more.  NGX_ABORT: there
 * are more events than "max", or one is larger than "max_event".  NGX_DECLINED:
 * it is no such array.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_publish_batch_step(ngx_ess_publish_batch_t *b);


#endif /* _NGX_ESS_PUBLISH_BATCH_H_INCLUDED_ */
