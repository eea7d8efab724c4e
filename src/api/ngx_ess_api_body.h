/*
 * The body of the request that creates a stream: bytes in, a routing key or
 * what is wrong with them out.  No I/O, no nginx.
 */


#ifndef _NGX_ESS_API_BODY_H_INCLUDED_
#define _NGX_ESS_API_BODY_H_INCLUDED_


#include "ngx_ess.h"
#include "ngx_ess_source.h"


/* a larger body is refused before it is parsed */
#define NGX_ESS_API_MAX_BODY  65536


typedef struct {
    ngx_uint_t               status;        /* of the answer, when refused */
    const char              *detail;        /* static text, when refused */
    ngx_uint_t               has_source;
    ngx_uint_t               source;        /* when there is one */
    ngx_uint_t               declare;       /* 1: what "stream" says */
    ngx_ess_source_stream_t  stream;
    size_t                   key_len;       /* 1 .. NGX_ESS_MAX_KEY */
    u_char                   key[NGX_ESS_MAX_KEY];
} ngx_ess_api_body_t;


/*
 * Parses {"routing_key": "...", "source": "exchange"|"stream"}, and of a stream
 * that is to be declared {"declare": true, "max_length_bytes": n, "max_age":
 * "7D", "stream_max_segment_size_bytes": n}; other members are ignored, of a
 * member given twice the last one counts.  "data" is changed: it must be the
 * caller's own.  NGX_OK: all but status and detail are set.  NGX_DECLINED:
 * status and detail are set.
 */
ngx_int_t ngx_ess_api_body_parse(u_char *data, size_t len,
    ngx_ess_api_body_t *body);

/* May it be JSON?  UTF-8, without control characters but white space outside of
   strings.  NGX_OK or NGX_DECLINED with a static text. */
ngx_int_t ngx_ess_api_body_text(u_char *data, size_t len,
    const char **detail);

/* 1 when the bytes are well-formed UTF-8 (RFC 3629). */
ngx_uint_t ngx_ess_api_body_utf8(const u_char *p, size_t len);


#endif /* _NGX_ESS_API_BODY_H_INCLUDED_ */
