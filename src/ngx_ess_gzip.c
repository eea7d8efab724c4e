
/*
 * To be written.
 */


#include "ngx_ess_gzip.h"
