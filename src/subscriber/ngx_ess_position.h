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


/* headers that say what parameters of the query do */
#define NGX_ESS_POSITION_HEADERS     3


/* what a request says of it */

typedef struct {
    ngx_str_t                args;          /* its query string */
    ngx_str_t                headers[NGX_ESS_POSITION_HEADERS];
                                            /* in the order of the names; empty:
                                               it has none */
    ngx_uint_t               many;          /* one of them has several lines */
    ngx_str_t               *places;        /* of several streams: where from=
                                               goes, as it stands in the query
                                               string; NULL: of one */
    time_t                   now;           /* s since 1970 */
} ngx_ess_position_said_t;


/* in lower case */
extern const char *const
    ngx_ess_position_headers[NGX_ESS_POSITION_HEADERS];


/*
 * Reads from=, stream_from_ordinal=, stream_from_timestamp= (ms) or
 * stream_from_datetime= (ISO 8601, or what ngx_ess_datetime.h reads; UTC where
 * it has no zone) of a query string as it stands in the request,
 * percent-encoded ("+" is a space only where it cannot be the sign of a zone),
 * or one of the headers that say the same.  Parameters of other names are
 * ignored.  NGX_OK (also without any).  NGX_DECLINED: the value is malformed,
 * out of range, or there are two; "reason" says which and what would be right,
 * in at most 123 bytes of static text.  With said->places it is not read what
 * from= has: the position is NGX_ESS_POSITION_EVENT then, and nothing else.
 */
ngx_int_t ngx_ess_position_parse(ngx_ess_position_said_t *said,
    ngx_ess_position_t *pos, ngx_str_t *reason);

/*
 * The value of a Last-Event-ID, which is an event's name.  NGX_DECLINED: it is
 * none of ours, and the position is one of an epoch that no log has: an
 * EventSource that is refused never comes back.
 */
ngx_int_t ngx_ess_position_event(ngx_str_t *value, ngx_ess_position_t *pos);


#endif /* _NGX_ESS_POSITION_H_INCLUDED_ */
