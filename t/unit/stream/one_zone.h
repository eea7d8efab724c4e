/*
 * A zone and what is created in it, for the unit tests of the stream table.
 */


#ifndef _ONE_ZONE_H_INCLUDED_
#define _ONE_ZONE_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


/* A new one, to which process slot 3 is attached. */
ngx_ess_zone_t *make(size_t size);

/* It must be sound. */
void done(ngx_ess_zone_t *zone);

/* A stream that is visible. */
void create(ngx_ess_zone_t *zone, ngx_str_t *k, ngx_ess_stream_info_t *info);


#endif /* _ONE_ZONE_H_INCLUDED_ */
