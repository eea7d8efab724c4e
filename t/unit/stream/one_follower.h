/*
 * A stream that follows another log, and two workers, for the unit tests of
 * who does.
 */


#ifndef _ONE_FOLLOWER_H_INCLUDED_
#define _ONE_FOLLOWER_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_unit.h"
#include "ngx_ess_follow.h"


#define EPOCH  0x1234567890abcdefULL


extern ngx_str_t               key;         /* the stream's */
extern ngx_ess_zone_t         *zone;        /* of the follower, slot 2 */
extern ngx_ess_zone_t         *other;       /* of another worker, slot 3 */
extern ngx_ess_stream_info_t   stream;
extern ngx_ess_wake_t          wake;


int one_follower_setup(void **state);
int one_follower_teardown(void **state);

#define one_follower_test(name)                                               \
    cmocka_unit_test_setup_teardown(name, one_follower_setup,                 \
                                    one_follower_teardown)


#endif /* _ONE_FOLLOWER_H_INCLUDED_ */
