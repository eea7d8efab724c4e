
/*
 * JSON that others sent (RFC 8259): is it any?  A pure function that takes no
 * memory.  See ngx_ess_json.h for its values.
 */


#ifndef _NGX_ESS_JSON_SCAN_H_INCLUDED_
#define _NGX_ESS_JSON_SCAN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* objects and arrays in one another; a text with more of them is no JSON */
#define NGX_ESS_JSON_SCAN_DEPTH  512


/* zeroed but for "p" and "last" */

typedef struct {
    u_char                  *p;
    u_char                  *last;
    ngx_uint_t               depth;
    u_char                  *end;           /* brace or bracket that closed the
                                               outermost object or array */
    ngx_uint_t               empty;         /* that has no members */
    ngx_uint_t               control;       /* a string has a control
                                               character */
} ngx_ess_json_scan_t;


/*
 * Goes behind a value, and white space before it.  That it is UTF-8 is the
 * caller's.  NGX_OK.  NGX_DECLINED: there is none; "p" is at what is wrong, or
 * within five bytes before "last" where more text might mend it.
 */
ngx_int_t ngx_ess_json_scan_value(ngx_ess_json_scan_t *j);


#endif /* _NGX_ESS_JSON_SCAN_H_INCLUDED_ */
