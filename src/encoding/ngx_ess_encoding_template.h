
/*
 * What a template makes of events: as messages of a WebSocket, and as events of
 * an event stream.
 */


#ifndef _NGX_ESS_ENCODING_TEMPLATE_H_INCLUDED_
#define _NGX_ESS_ENCODING_TEMPLATE_H_INCLUDED_


#include "ngx_ess_template.h"


/* one of the encodings of a template */

typedef struct {
    ngx_ess_encoding_t       encoding;      /* stays the first one */
    const ngx_ess_template_t *template;
} ngx_ess_encoding_templated_t;


/* all of them; of the configuration's pool, where no two have the same text */

typedef struct {
    ngx_str_t                    text;      /* as it was written */
    ngx_ess_template_t           template;
    ngx_ess_encoding_templated_t ws[2];     /* and with permessage-deflate */
    ngx_ess_encoding_templated_t sse[2];    /* and in chunks of HTTP/1.1 */
} ngx_ess_encoding_template_t;


/* As ngx_ess_template_compile(): also the rest. */
ngx_int_t ngx_ess_encoding_template_init(ngx_ess_encoding_template_t *et,
    ngx_pool_t *pool, ngx_str_t *text, ngx_ess_template_error_t *error);


#endif /* _NGX_ESS_ENCODING_TEMPLATE_H_INCLUDED_ */
