/*
 * What a stream may be called, and what a rule for keys looks like.  Pure
 * functions.
 */


#ifndef _NGX_ESS_NAME_H_INCLUDED_
#define _NGX_ESS_NAME_H_INCLUDED_


#include "ngx_ess.h"


/* NULL: a stream may have that name.  Else static text, what a name must be,
   to be put behind "must be". */
const char *ngx_ess_name_wrong(ngx_str_t *name);

/* The same of a rule for keys; "none" is one, too. */
const char *ngx_ess_name_rule_wrong(ngx_str_t *rule);

/* 1: the rule is that there is none. */
ngx_uint_t ngx_ess_name_rule_none(ngx_str_t *rule);


#endif /* _NGX_ESS_NAME_H_INCLUDED_ */
