
/*
 * To be written.
 */


#include "ngx_ess_consume_queue.h"
