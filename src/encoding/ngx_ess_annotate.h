/*
 * What an event's body gains when clients are to learn its ordinal and its
 * timestamp from it.  No I/O, no memory.  Private to encoding/.
 */


#ifndef _NGX_ESS_ANNOTATE_H_INCLUDED_
#define _NGX_ESS_ANNOTATE_H_INCLUDED_


#include "ngx_ess_encoding.h"


#define NGX_ESS_ANNOTATE_LEN                                                  \
    (sizeof(",\"ess_ordinal\":,\"ess_timestamp\":") - 1 + 2 * NGX_INT64_LEN)


/* the text "data" goes into the body at the offset "at" */

typedef struct {
    size_t                   at;
    size_t                   len;           /* 0: the body stays as it is */
    unsigned                 invalid:1;     /* for it begins as an object, but
                                               is none */
    u_char                   data[NGX_ESS_ANNOTATE_LEN];
} ngx_ess_annotate_t;


/*
 * The body is valid UTF-8.  A JSON object (RFC 8259), whose members have each
 * another name, gains two members before its last brace, any other text a
 * suffix.
 */
void ngx_ess_annotate(ngx_ess_annotate_t *a, ngx_ess_encoding_event_t *event);


#endif /* _NGX_ESS_ANNOTATE_H_INCLUDED_ */
