/*
 * Regular expressions of "pattern" and "patternProperties", whose work is
 * bounded by the length of what they are held against, and whose memory by 16
 * MiB of a worker's heap, or, with PCRE1, some 2 MiB of its stack.
 */


#ifndef _NGX_ESS_SCHEMA_PATTERN_H_INCLUDED_
#define _NGX_ESS_SCHEMA_PATTERN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_ess_schema_pattern_s  ngx_ess_schema_pattern_t;


/* When the configuration is read; "text" is without escapes of JSON.  NULL: it
   is none, or there is no memory; "detail" says why, in the pool. */
ngx_ess_schema_pattern_t *ngx_ess_schema_pattern_compile(ngx_pool_t *pool,
    const ngx_str_t *text, ngx_str_t *detail);

/* NGX_OK: a part of the text matches.  NGX_DECLINED.  NGX_ABORT: it would have
   been too much work, or memory. */
ngx_int_t ngx_ess_schema_pattern_match(ngx_ess_schema_pattern_t *pattern,
    const ngx_str_t *text);

/* Steps of the validation that a match may cost. */
ngx_uint_t ngx_ess_schema_pattern_cost(const ngx_str_t *text);


#endif /* _NGX_ESS_SCHEMA_PATTERN_H_INCLUDED_ */
