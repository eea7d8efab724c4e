/*
 * Percent-encoding, of RFC 3986, 2.1.  A codec without I/O.
 */


#ifndef _NGX_ESS_PERCENT_H_INCLUDED_
#define _NGX_ESS_PERCENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Decodes "text" into "buf", which has room for so many bytes; "value" is what
 * lies there then.  With "form" a plus sign is a blank, as forms write them in
 * a query string.  NGX_DECLINED: a percent sign is not followed by two digits,
 * or there is no room.
 */
ngx_int_t ngx_ess_percent_decode(ngx_str_t *value, u_char *buf, size_t room,
    const ngx_str_t *text, ngx_uint_t form);

/* 1: a directive's argument has variables of the query string, which nginx
   hands out as they were sent. */
ngx_uint_t ngx_ess_percent_is_query(ngx_str_t *argument);

/* 1: a directive's argument is one variable and nothing else. */
ngx_uint_t ngx_ess_percent_is_alone(ngx_str_t *argument);


#endif /* _NGX_ESS_PERCENT_H_INCLUDED_ */
