/*
 * The streams that a query string asks for:
 *
 *     stream=[label:]<uuid or name>&key=…&key=…&stream=…
 *
 * A key belongs to the stream before it; parameters of other names are
 * ignored.  A codec without I/O and memory.
 */


#ifndef _NGX_ESS_QUERY_H_INCLUDED_
#define _NGX_ESS_QUERY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of each at most */
#define NGX_ESS_QUERY_LABEL   64
#define NGX_ESS_QUERY_STREAM  128
#define NGX_ESS_QUERY_KEY     255


/* one of them */

typedef struct {
    ngx_str_t                label;         /* empty: it has none */
    ngx_str_t                stream;        /* A-Za-z0-9._~@- as the label */
    ngx_str_t                keys;          /* of the query string; for
                                               ngx_ess_query_key() */
    ngx_uint_t               nkeys;         /* 0: all of the stream */

    u_char                   buf[NGX_ESS_QUERY_LABEL + 1
                                 + NGX_ESS_QUERY_STREAM];
                                            /* of label and stream */
} ngx_ess_query_stream_t;


/*
 * Cuts the next stream, with its keys, off the query string.  NGX_OK,
 * NGX_DONE: there is none any more, or NGX_DECLINED: it is malformed; "reason"
 * says how, and what would be right, in static text.
 */
ngx_int_t ngx_ess_query_next(ngx_str_t *args, ngx_ess_query_stream_t *stream,
    ngx_str_t *reason);

/* Cuts the next one off a stream's keys, decoded into NGX_ESS_QUERY_KEY bytes;
   0: there is none any more. */
ngx_uint_t ngx_ess_query_key(ngx_str_t *keys, u_char *buf, ngx_str_t *key);


#endif /* _NGX_ESS_QUERY_H_INCLUDED_ */
