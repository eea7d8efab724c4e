/*
 * JSON that every reader and every database takes as it is: RFC 8259 has more
 * than that.
 */


#ifndef _NGX_ESS_JSON_PORTABLE_H_INCLUDED_
#define _NGX_ESS_JSON_PORTABLE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * "text" was read (ngx_ess_json_read.h), or begins as JSON does.  NGX_OK.
 * NGX_DECLINED: a string of it has a NUL (\u0000) or half of a surrogate pair,
 * or a number is larger than a double can be.
 */
ngx_int_t ngx_ess_json_portable(const ngx_str_t *text);


#endif /* _NGX_ESS_JSON_PORTABLE_H_INCLUDED_ */
