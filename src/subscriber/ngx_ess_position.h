/*
 * Where in a stream a client wants to begin: what its query string or its
 * Last-Event-ID says.  No I/O, no memory.  Private to subscriber/.
 */


#ifndef _NGX_ESS_POSITION_H_INCLUDED_
#define _NGX_ESS_POSITION_H_INCLUDED_


#include "ngx_ess.h"


/* the text of an event's name: epoch in hex, "-", ordinal in decimal */
#define NGX_ESS_POSITION_EVENT_LEN   (16 + 1 + NGX_INT64_LEN)


typedef enum {
    NGX_ESS_POSITION_NEW = 0,               /* nothing was asked for: what
                                               comes from now on */
    NGX_ESS_POSITION_EVENT,                 /* after this event of this epoch */
    NGX_ESS_POSITION_ORDINAL,               /* after this ordinal */
    NGX_ESS_POSITION_TIMESTAMP              /* the first event at or after */
} ngx_ess_position_type_e;


typedef struct {
    ngx_ess_position_type_e  type;
    uint64_t                 epoch;
    uint64_t                 ordinal;       /* at most 2^63 - 2 */
    uint64_t                 timestamp;     /* ms since 1970 */
} ngx_ess_position_t;


/*
 * Reads from=, stream_from_ordinal=, stream_from_timestamp= (ms) or
 * stream_from_datetime= (ISO 8601, UTC where it has no zone) of a query
 * string as it stands in the request, percent-encoded ("+" is not a space: it
 * may be the sign of a zone).  Parameters of other names are ignored.  NGX_OK
 * (also without any).  NGX_DECLINED: the value is malformed, out of range, or
 * there are two; "reason" says which and what would be right, in at most 123
 * bytes of static text.
 */
ngx_int_t ngx_ess_position_parse(ngx_str_t *args, ngx_ess_position_t *pos,
    ngx_str_t *reason);

/*
 * The value of a Last-Event-ID, which is an event's name.  NGX_DECLINED: it is
 * none of ours, and the position is one of an epoch that no log has: an
 * EventSource that is refused never comes back.
 */
ngx_int_t ngx_ess_position_event(ngx_str_t *value, ngx_ess_position_t *pos);


#endif /* _NGX_ESS_POSITION_H_INCLUDED_ */
