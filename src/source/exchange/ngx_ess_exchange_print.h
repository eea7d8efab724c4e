/*
 * The fingerprint of a delivery, by which it is recognised when it comes
 * again.  Private to source/exchange/.
 */


#ifndef _NGX_ESS_EXCHANGE_PRINT_H_INCLUDED_
#define _NGX_ESS_EXCHANGE_PRINT_H_INCLUDED_


#include "ngx_ess.h"


/*
 * Of routing key, properties as received, and body; never 0.  With "quorum" the
 * headers count in any order, and those by which a quorum queue counts
 * deliveries do not: an event without headers has the print that it has when
 * the queue has added some.
 */
uint64_t ngx_ess_exchange_print(ngx_str_t *key, ngx_str_t *properties,
    ngx_str_t *body, ngx_uint_t quorum);


#endif /* _NGX_ESS_EXCHANGE_PRINT_H_INCLUDED_ */
