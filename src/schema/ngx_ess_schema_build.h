/*
 * From a schema's text to its nodes.
 */


#ifndef _NGX_ESS_SCHEMA_BUILD_H_INCLUDED_
#define _NGX_ESS_SCHEMA_BUILD_H_INCLUDED_


#include "ngx_ess_schema_node.h"


/* schemas in a file */
#define NGX_ESS_SCHEMA_BUILD_MAX  10000


/* "text" lies as long as the nodes, which are the pool's.  NULL: "wrong", which
   the caller zeroed, says where, and what would be right. */
ngx_ess_schema_node_t *ngx_ess_schema_build(ngx_pool_t *pool, ngx_log_t *log,
    const ngx_str_t *text, ngx_ess_schema_wrong_t *wrong);


#endif /* _NGX_ESS_SCHEMA_BUILD_H_INCLUDED_ */
