
/*
 * JSON pointers (RFC 6901): a value's place in a text.
 */


#ifndef _NGX_ESS_JSON_POINTER_H_INCLUDED_
#define _NGX_ESS_JSON_POINTER_H_INCLUDED_


#include "ngx_ess_json_read.h"


typedef struct {
    ngx_ess_json_step_t     *steps;
    ngx_uint_t               nsteps;
} ngx_ess_json_pointer_t;


/*
 * Takes the pointer apart, into the pool; its text need not stay.  The empty
 * text is the whole value.  NGX_OK.  NGX_DECLINED, with *detail: it is none,
 * static text.  NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_json_pointer_compile(ngx_ess_json_pointer_t *pointer,
    ngx_pool_t *pool, const ngx_str_t *text, const char **detail);

/*
 * Reads all of the text, as ngx_ess_json_read(), and finds the value in the
 * same pass.  NGX_OK.  NGX_DONE: there is no such value.  NGX_DECLINED: the
 * text is not JSON.
 */
ngx_int_t ngx_ess_json_pointer_find(const ngx_str_t *text,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *value);

/*
 * The same of a value that has been read, without reading what is behind; but
 * with NGX_DONE "value" is any on the way, and of members that are there twice,
 * where the reader did not refuse them, it is the first, not the last.
 */
ngx_int_t ngx_ess_json_pointer_walk(const ngx_ess_json_value_t *from,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *value);


#endif /* _NGX_ESS_JSON_POINTER_H_INCLUDED_ */
