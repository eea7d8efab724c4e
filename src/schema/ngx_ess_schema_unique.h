/*
 * "uniqueItems": has an array two elements that say the same?
 */


#ifndef _NGX_ESS_SCHEMA_UNIQUE_H_INCLUDED_
#define _NGX_ESS_SCHEMA_UNIQUE_H_INCLUDED_


#include "ngx_ess_json_read.h"


/* "n" are its elements.  NGX_OK: it has not; NGX_DECLINED: it has; NGX_ERROR:
   no memory, logged. */
ngx_int_t ngx_ess_schema_unique(const ngx_ess_json_value_t *array,
    ngx_uint_t n, ngx_log_t *log);


#endif /* _NGX_ESS_SCHEMA_UNIQUE_H_INCLUDED_ */
