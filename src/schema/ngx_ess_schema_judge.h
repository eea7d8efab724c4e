/*
 * A validation: its limits, and the failure that it tells of.
 */


#ifndef _NGX_ESS_SCHEMA_JUDGE_H_INCLUDED_
#define _NGX_ESS_SCHEMA_JUDGE_H_INCLUDED_


#include "ngx_ess_schema.h"


/* on the stack of ngx_ess_schema_validate_root() */

typedef struct {
    int64_t                  now;           /* ms since 1970 */
    ngx_log_t               *log;
    ngx_uint_t               steps;         /* that are left */
    ngx_uint_t               depth;         /* schemas within each other */
    ngx_uint_t               level;         /* members and elements within
                                               each other */
    ngx_ess_schema_error_t   error;
    ngx_uint_t               error_level;
} ngx_ess_schema_judge_t;


/* What is wrong is the member, or is in it, or, with "missing", it is not
   there.  Returns NGX_DECLINED. */
ngx_int_t ngx_ess_schema_judge_wrong(ngx_ess_schema_judge_t *v,
    const ngx_str_t *name, ngx_uint_t missing);

/* Counts steps, and those of the value's bytes, unless it is NULL.  NGX_OK.
   NGX_ABORT, with v->error: there are not so many left. */
ngx_int_t ngx_ess_schema_judge_charge(ngx_ess_schema_judge_t *v,
    ngx_uint_t steps, const ngx_ess_json_value_t *value,
    const ngx_str_t *name);


#endif /* _NGX_ESS_SCHEMA_JUDGE_H_INCLUDED_ */
