/*
 * Where a test build looks at the zone, dies, or measures: fault/ has what is
 * called then.  In any other build these are nothing.
 */


#ifndef _NGX_ESS_ZONE_HOOK_H_INCLUDED_
#define _NGX_ESS_ZONE_HOOK_H_INCLUDED_


#if (NGX_ESS_FAULT)

#include "ngx_ess_zone_check.h"
#include "ngx_ess_zone_fault.h"

#else

#define ngx_ess_zone_check_all(zone, log)
#define ngx_ess_zone_fault_init(log)
#define ngx_ess_zone_fault()
#define ngx_ess_zone_fault_held_locked(caller)
#define ngx_ess_zone_fault_released_locked()
#define ngx_ess_zone_look()

#endif


#endif /* _NGX_ESS_ZONE_HOOK_H_INCLUDED_ */
