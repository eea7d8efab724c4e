/*
 * What "format" asserts of strings.  Pure functions.
 */


#ifndef _NGX_ESS_SCHEMA_FORMAT_H_INCLUDED_
#define _NGX_ESS_SCHEMA_FORMAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the names that there are, for messages */
#define NGX_ESS_SCHEMA_FORMATS                                                \
    "date-time, date, email, uuid, uri, ipv4, ipv6"


/* 1: the text, without escapes, has that format. */
typedef ngx_uint_t (*ngx_ess_schema_format_pt)(const ngx_str_t *text);

/* NULL: there is none of that name. */
ngx_ess_schema_format_pt ngx_ess_schema_format(const ngx_str_t *name);


#endif /* _NGX_ESS_SCHEMA_FORMAT_H_INCLUDED_ */
