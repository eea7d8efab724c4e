
/*
 * Messages become requests.
 */


#include "ngx_ess_consume.h"


ngx_int_t
ngx_ess_consume_variables(ngx_conf_t *cf)
{
    return NGX_OK;
}
