/*
 * A JSON array that others sent, taken apart element by element, a slice at a
 * time: where each begins, and whether what is around them is an array.  No
 * I/O, and no memory.
 */


#ifndef _NGX_ESS_JSON_LIST_H_INCLUDED_
#define _NGX_ESS_JSON_LIST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_ESS_JSON_LIST_BEGIN = 0,
    NGX_ESS_JSON_LIST_FIRST,                /* behind the bracket */
    NGX_ESS_JSON_LIST_ELEMENT,              /* behind a comma */
    NGX_ESS_JSON_LIST_SKIP,                 /* in an element that is not read */
    NGX_ESS_JSON_LIST_NEXT,                 /* behind an element */
    NGX_ESS_JSON_LIST_END
} ngx_ess_json_list_e;


/* zeroed but for what the caller sets */

typedef struct {
    ngx_str_t                text;
    unsigned                 alone:1;       /* an object without brackets around
                                               it is a list of one */

    size_t                   pos;           /* bytes that are done */

    /* private to ngx_ess_json_list.c, but for a look */
    ngx_ess_json_list_e      state;
    unsigned                 single:1;      /* it is such an object */
    unsigned                 quoted:1;      /* of what is skipped */
    ngx_uint_t               depth;
} ngx_ess_json_list_t;


/*
 * Goes on, up to "stop" bytes of the text.  NGX_OK: an element begins at "pos",
 * if anything does; who calls goes behind it with one of the next functions.
 * NGX_AGAIN: there is more to look at.  NGX_DONE: that was all.  NGX_ABORT: a
 * value of another type begins at "pos".  NGX_DECLINED: "pos" is at what JSON
 * has not there.
 */
ngx_int_t ngx_ess_json_list_next(ngx_ess_json_list_t *list, size_t stop);

/* The element was read, and has so many bytes. */
void ngx_ess_json_list_behind(ngx_ess_json_list_t *list, size_t len);

/* It is not read: the next call looks for its end, by brackets and quotes
   alone. */
void ngx_ess_json_list_skip(ngx_ess_json_list_t *list);


#endif /* _NGX_ESS_JSON_LIST_H_INCLUDED_ */
