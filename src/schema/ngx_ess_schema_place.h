/*
 * Where in a schema's text is what is being compiled, and what is wrong there?
 */


#ifndef _NGX_ESS_SCHEMA_PLACE_H_INCLUDED_
#define _NGX_ESS_SCHEMA_PLACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ESS_SCHEMA_PLACE_LEN   512
#define NGX_ESS_SCHEMA_DETAIL_LEN  512

#define NGX_ESS_SCHEMA_NO_INDEX    ((ngx_uint_t) -1)


/* a step from the schema to a value in it; each is on its function's stack */

typedef struct ngx_ess_schema_place_s  ngx_ess_schema_place_t;

struct ngx_ess_schema_place_s {
    const ngx_ess_schema_place_t  *above;   /* NULL: this is the schema */
    ngx_str_t                      name;    /* of a member, with escapes */
    ngx_uint_t                     index;   /* of an element, or
                                               NGX_ESS_SCHEMA_NO_INDEX */
};


/* what is wrong; null terminated */

typedef struct {
    ngx_str_t                place;         /* a JSON pointer, in buf */
    ngx_str_t                detail;        /* in text */
    u_char                   buf[NGX_ESS_SCHEMA_PLACE_LEN];
    u_char                   text[NGX_ESS_SCHEMA_DETAIL_LEN];
} ngx_ess_schema_wrong_t;


/* Keeps the first one.  Returns NGX_ERROR. */
ngx_int_t ngx_ess_schema_place_wrong(ngx_ess_schema_wrong_t *wrong,
    const ngx_ess_schema_place_t *place, const char *fmt, ...);


#endif /* _NGX_ESS_SCHEMA_PLACE_H_INCLUDED_ */
