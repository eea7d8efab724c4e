/*
 * What is said of one path: an item of a document's part, without what is not
 * there at its location.
 */


#ifndef _NGX_ESS_OPENAPI_ITEM_H_INCLUDED_
#define _NGX_ESS_OPENAPI_ITEM_H_INCLUDED_


#include "ngx_ess_conf.h"
#include "ngx_ess_json_read.h"


/*
 * The doors (ngx_ess_openapi_location.h) of the item's methods that somebody
 * may use at that location, together; NGX_ESS_OPENAPI_CLOSED: there is none.
 */
ngx_uint_t ngx_ess_openapi_item_doors(ngx_conf_t *cf,
    const ngx_ess_conf_served_t *served, const ngx_ess_json_value_t *item);

/*
 * Appends the item: without methods that nobody may use, and without each
 * object whose first member is "%if", and says what does not hold here, some of
 * several words:
 *
 *     follow    an event log has followers
 *     alone     it has none
 *     strict    its events are stored together
 *     401, 403  the location's rules answer so
 *
 * "%S" becomes "schema".  NGX_OK, or NGX_ERROR: no memory.
 */
ngx_int_t ngx_ess_openapi_item(ngx_conf_t *cf, ngx_array_t *out,
    const ngx_ess_conf_served_t *served, const ngx_ess_json_value_t *item,
    const ngx_str_t *schema);


#endif /* _NGX_ESS_OPENAPI_ITEM_H_INCLUDED_ */
