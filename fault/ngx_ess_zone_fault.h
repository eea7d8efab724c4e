/*
 * A test build dies here on demand: ESS_FAULT_FILE names a file of 8 bytes, a
 * counter; whoever counts it down to 0 kills itself.  It also keeps the CPU
 * time of each hold of the mutex, by caller, in the file that ESS_HOLDS_FILE
 * names, and what was looked at under it, each record and stream, as a time
 * that is the same on any machine.
 */


#ifndef _NGX_ESS_ZONE_FAULT_H_INCLUDED_
#define _NGX_ESS_ZONE_FAULT_H_INCLUDED_


#include "ngx_ess.h"


#define NGX_ESS_ZONE_FAULT_HOLDS  256

typedef struct {
    uint64_t                 where;         /* in the module, of the caller */
    uint64_t                 n;
    uint64_t                 sum;           /* ns */
    uint64_t                 most;          /* ns */
    uint32_t                 spread[256];   /* four to a power of two of ns */
} ngx_ess_zone_fault_hold_t;

typedef struct {
    uint64_t                 now;           /* in this hold */
    uint64_t                 most;          /* in one hold */
    uint64_t                 all;
} ngx_ess_zone_looks_t;

extern ngx_ess_zone_looks_t  ngx_ess_zone_looks;

void ngx_ess_zone_fault_init(ngx_log_t *log);
void ngx_ess_zone_fault_write(void);
void ngx_ess_zone_fault_held_locked(void *caller);
void ngx_ess_zone_fault_released_locked(void);

#define ngx_ess_zone_fault()      ngx_ess_zone_fault_write()
#define ngx_ess_zone_look()       (ngx_ess_zone_looks.now++)


#endif /* _NGX_ESS_ZONE_FAULT_H_INCLUDED_ */
