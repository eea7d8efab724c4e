
/*
 * JSON that others sent, over cJSON, which hands strings out null terminated
 * and is lax about control characters, and UTF-8: see ngx_ess_utf8.h; and what
 * is said in JSON.
 */


#ifndef _NGX_ESS_JSON_H_INCLUDED_
#define _NGX_ESS_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <cjson/cJSON.h>


/* no byte of UTF-8 */
#define NGX_ESS_JSON_NUL  0xff


/*
 * A value, and nothing but white space around it.  With "mark" bytes of
 * NGX_ESS_JSON_NUL stand in place of each \u0000, at which strings would end
 * unnoticed; the text is changed then.  NULL, with *detail, static text.
 */
cJSON *ngx_ess_json_parse(u_char *data, size_t len, ngx_uint_t mark,
    const char **detail);

/* In the pool: "head", up to the quote before its last text, and that text,
   escaped.  NGX_OK, or NGX_ERROR: no memory. */
ngx_int_t ngx_ess_json_text(ngx_pool_t *pool, ngx_str_t *head,
    ngx_str_t *text, ngx_str_t *json);


#endif /* _NGX_ESS_JSON_H_INCLUDED_ */
