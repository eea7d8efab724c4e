/*
 * Two handles of one zone, and a stream in it.
 */


#include "one_follower.h"


ngx_str_t               key = ngx_string("abc");
ngx_ess_zone_t         *zone;
ngx_ess_zone_t         *other;
ngx_ess_stream_info_t   stream;
ngx_ess_wake_t          wake;


int
one_follower_setup(void **state)
{
    zone = ngx_unit_zone(1024 * 1024);
    other = ngx_unit_reload(zone);

    ngx_memzero(&wake, sizeof(wake));

    zone->generation = 1;
    other->generation = 1;

    return (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK
            || ngx_ess_process_attach(other, 3, &ngx_unit_log) != NGX_OK
            || ngx_ess_table_reserve(zone, &key,
                                     &ngx_unit_follows, EPOCH, NULL, &stream)
               != NGX_OK
            || ngx_ess_table_show(zone, &stream.ref) != NGX_OK);
}


int
one_follower_teardown(void **state)
{
    ngx_uint_t  faults;

    faults = ngx_ess_zone_check(zone, &ngx_unit_log);
    ngx_unit_free_handle(other);
    ngx_unit_free(zone);

    return faults != 0;
}
