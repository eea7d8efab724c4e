
/*
 * To be written.
 */


#include "ngx_ess_rpc_publisher.h"
