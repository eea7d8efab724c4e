
/*
 * The text of JSON's strings.  "raw" is what is between the quotes of one that
 * has been read (ngx_ess_json_read.h).  Pure functions.
 */


#ifndef _NGX_ESS_JSON_STRING_H_INCLUDED_
#define _NGX_ESS_JSON_STRING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Writes the text to "buf", which has room for raw->len bytes, and may be
 * raw->data; text->data is "buf".  \u0000 becomes a NUL, as it says.  NGX_OK;
 * NGX_DECLINED: it has half of a surrogate pair, which is no character.
 */
ngx_int_t ngx_ess_json_string_text(const ngx_str_t *raw, u_char *buf,
    ngx_str_t *text);

/* 1: it is that text. */
ngx_uint_t ngx_ess_json_string_is(const ngx_str_t *raw,
    const ngx_str_t *text);

/*
 * The next character, one byte of UTF-8 of it after the other: at *p is a
 * character of a string whose end is "last".  Returns how many bytes it wrote
 * to ch, up to four; *p is behind it.  Half of a surrogate pair is written as
 * if it were a character, which no UTF-8 is equal to.
 */
ngx_uint_t ngx_ess_json_string_next(const u_char **p, const u_char *last,
    u_char ch[4]);


#endif /* _NGX_ESS_JSON_STRING_H_INCLUDED_ */
