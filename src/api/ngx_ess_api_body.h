/*
 * The body of the request that creates a stream: bytes in, a routing key, a
 * source and attributes, or what is wrong with them out.  No I/O.
 */


#ifndef _NGX_ESS_API_BODY_H_INCLUDED_
#define _NGX_ESS_API_BODY_H_INCLUDED_


#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


/* a larger body is refused before it is parsed */
#define NGX_ESS_API_MAX_BODY  65536


typedef struct {
    ngx_uint_t                status;       /* of the answer, when refused */
    u_char                    detail[512];  /* when refused; null terminated */
    ngx_ess_source_entry_t   *source;
    ngx_uint_t                declare;      /* 1: what the options say */
    ngx_ess_source_options_t  options;
    size_t                    key_len;      /* 1 .. NGX_ESS_MAX_KEY */
    u_char                    key[NGX_ESS_MAX_KEY];
    ngx_ess_stream_attr_t     attr;         /* its texts are the next two */
    u_char                    name[NGX_ESS_MAX_NAME];
    u_char                    rule[NGX_ESS_MAX_RULE];
} ngx_ess_api_body_t;


/*
 * Parses {"routing_key": "...", "source": "exchange"|"stream", "name": "...",
 * "key": RULE, "log": {...}}, and with "declare": true the options of the
 * source; "number" is that of the source that counts without.  Another member,
 * or one that is there twice, is refused.  "data" is changed: it must be the
 * caller's own.  NGX_OK: all but status and
 * detail are set.  NGX_DECLINED: status and detail are set.
 */
ngx_int_t ngx_ess_api_body_parse(u_char *data, size_t len,
    ngx_array_t *sources, ngx_uint_t number, ngx_ess_api_body_t *body);


#endif /* _NGX_ESS_API_BODY_H_INCLUDED_ */
