/*
 * Publishing without a broker: straight into the logs.
 */


#ifndef _NGX_ESS_DIRECT_H_INCLUDED_
#define _NGX_ESS_DIRECT_H_INCLUDED_


#include "ngx_ess_source.h"


/* Of the seam; a cancellation only takes pub->timer away. */
void ngx_ess_direct_publish(ngx_ess_source_publish_t *pub);


#endif /* _NGX_ESS_DIRECT_H_INCLUDED_ */
