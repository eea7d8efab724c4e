
/*
 * To be written.
 */


#include "ngx_ess_request.h"
