/*
 * The zone of a point in time.  No I/O, no memory.  Private to
 * ngx_ess_datetime*.c.
 */


#ifndef _NGX_ESS_DATETIME_ZONE_H_INCLUDED_
#define _NGX_ESS_DATETIME_ZONE_H_INCLUDED_


#include "ngx_ess_datetime_token.h"


/* zeroed: UTC */

typedef struct {
    int                      offset;        /* s east of UTC */
    unsigned                 shifted:1;     /* it was said */
    unsigned                 named:1;       /* one is, */
    unsigned                 unknown:1;     /* by a name that nobody knows */
    unsigned                 sign:1;        /* of the offset that follows is the
                                               other one */
} ngx_ess_datetime_zone_t;


/*
 * Token *i may be a name in capitals, perhaps with an offset behind it, or an
 * offset; *i becomes the last one of it.  NGX_AGAIN: it is neither.
 * NGX_DECLINED: it is no zone.
 */
ngx_int_t ngx_ess_datetime_zone(ngx_ess_datetime_zone_t *z,
    ngx_ess_datetime_tokens_t *d, ngx_uint_t *i);


#endif /* _NGX_ESS_DATETIME_ZONE_H_INCLUDED_ */
