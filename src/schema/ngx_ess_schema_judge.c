
/*
 * What a validation has found, and how much work it may still do.  Owns
 * nothing.  Runs in workers.
 */


#include "ngx_ess_schema_judge.h"


/* bytes that are gone through in a step */
#define NGX_ESS_SCHEMA_JUDGE_BYTES  64


ngx_int_t
ngx_ess_schema_judge_wrong(ngx_ess_schema_judge_t *v,
    const ngx_str_t *name, ngx_uint_t missing)
{
    v->error.name = *name;
    v->error.missing = missing;
    v->error_level = v->level + missing;

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_schema_judge_charge(ngx_ess_schema_judge_t *v, ngx_uint_t steps,
    const ngx_ess_json_value_t *value, const ngx_str_t *name)
{
    if (value) {
        steps += value->span.len / NGX_ESS_SCHEMA_JUDGE_BYTES;
    }

    if (steps > v->steps) {
        v->steps = 0;
        (void) ngx_ess_schema_judge_wrong(v, name, 0);

        return NGX_ABORT;
    }

    v->steps -= steps;

    return NGX_OK;
}
