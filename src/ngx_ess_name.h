/*
 * What a stream may be called.  Pure functions.
 */


#ifndef _NGX_ESS_NAME_H_INCLUDED_
#define _NGX_ESS_NAME_H_INCLUDED_


#include "ngx_ess.h"


/* NULL: a stream may have that name.  Else static text, what a name must be,
   to be put behind "must be". */
const char *ngx_ess_name_wrong(ngx_str_t *name);

/* Whether it is of a uuid's form, with hyphens or without, in either case. */
ngx_uint_t ngx_ess_name_is_uuid(ngx_str_t *name);


#endif /* _NGX_ESS_NAME_H_INCLUDED_ */
