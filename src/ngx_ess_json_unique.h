
/*
 * Which names has an object already?  A table of the process, without memory
 * of its own for an object, and empty at once for the next one.
 */


#ifndef _NGX_ESS_JSON_UNIQUE_H_INCLUDED_
#define _NGX_ESS_JSON_UNIQUE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* members of a text; more are not looked at */
#define NGX_ESS_JSON_UNIQUE_MAX  8192


/* A text begins, and those before are over. */
void ngx_ess_json_unique_begin(void);

/* What names an object of the text in the table. */
uint32_t ngx_ess_json_unique_object(void);

/*
 * The name, which lies between quotes in a text up to "last", is the object's,
 * too: NGX_OK.  NGX_DECLINED: it was already, perhaps with other escapes.
 */
ngx_int_t ngx_ess_json_unique_add(uint32_t object, const u_char *name,
    size_t len, const u_char *last, ngx_uint_t escaped);


#endif /* _NGX_ESS_JSON_UNIQUE_H_INCLUDED_ */
