/*
 * A zone with very many streams, for unit tests of who is told of them.
 */


#ifndef _MANY_STREAMS_H_INCLUDED_
#define _MANY_STREAMS_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


#define STREAMS  600


extern ngx_ess_zone_t         *zone;
extern ngx_ess_stream_info_t   streams[STREAMS];


int many_streams_setup(void **state);
int many_streams_teardown(void **state);

/* The routing key of the i'th; valid until the next call. */
ngx_str_t *key_of(ngx_uint_t i);

/* An event to the i'th. */
void append(ngx_uint_t i, ngx_ess_wake_t *wake);


#endif /* _MANY_STREAMS_H_INCLUDED_ */
