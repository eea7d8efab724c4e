/*
 * A zone with very many streams, for unit tests of who is told of them.
 */


#include "many_streams.h"


ngx_ess_zone_t         *zone;
ngx_ess_stream_info_t   streams[STREAMS];


ngx_str_t *
key_of(ngx_uint_t i)
{
    static u_char     text[16];
    static ngx_str_t  k;

    k.data = text;
    k.len = snprintf((char *) text, sizeof(text), "k%d", (int) i);

    return &k;
}


int
many_streams_setup(void **state)
{
    ngx_uint_t  i;

    zone = ngx_unit_zone(2 * 1024 * 1024);

    if (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK) {
        return 1;
    }

    for (i = 0; i < STREAMS; i++) {
        if (ngx_ess_table_reserve(zone, key_of(i),
                                  &ngx_unit_bound, 0, NULL,
                                  &streams[i]) != NGX_OK
            || ngx_ess_table_show(zone, &streams[i].ref) != NGX_OK)
        {
            return 1;
        }
    }

    return 0;
}


int
many_streams_teardown(void **state)
{
    ngx_unit_end(zone);

    return 0;
}


void
append(ngx_uint_t i, ngx_ess_wake_t *wake)
{
    ngx_ess_event_t  event;

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    ngx_str_set(&event.body, "x");
    event.timestamp = 1;

    ngx_ess_zone_lock(zone);
    assert_int_equal(
        ngx_unit_append_locked(zone, ngx_ess_stream_slot(key_of(i)),
                               key_of(i), &event, 1, 0, wake), 1);
    ngx_ess_zone_unlock(zone);
}
