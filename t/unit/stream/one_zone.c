/*
 * A zone and what is created in it, for the unit tests of the stream table.
 */


#include "one_zone.h"


ngx_ess_zone_t *
make(size_t size)
{
    ngx_ess_zone_t  *zone;

    zone = ngx_unit_zone(size);

    ngx_ess_zone_new_generation(zone);
    assert_int_equal(ngx_ess_process_attach(zone, 3, &ngx_unit_log), NGX_OK);

    return zone;
}


void
done(ngx_ess_zone_t *zone)
{
    ngx_unit_end(zone);
}


void
create(ngx_ess_zone_t *zone, ngx_str_t *k, ngx_ess_stream_info_t *info)
{
    assert_int_equal(ngx_ess_table_reserve(zone, k,
                                           &ngx_unit_bound, 0, NULL,
                                           info), NGX_OK);
    assert_int_equal(ngx_ess_table_show(zone, &info->ref), NGX_OK);
}
