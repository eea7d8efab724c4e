/*
 * A sound zone, for unit tests that break it and ask the checker.
 */


#include "broken_zone.h"


ngx_ess_zone_t         *zone;
ngx_ess_stream_info_t   streams[BROKEN_STREAMS];
ngx_ess_seg_t           segs[BROKEN_STREAMS];
ngx_ess_seg_t           recs[4];


static void
append(ngx_str_t *key, size_t len)
{
    u_char           body[NGX_ESS_SEGMENT_SIZE];
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));
    ngx_memzero(&event, sizeof(ngx_ess_event_t));
    ngx_memset(body, 'x', sizeof(body));

    event.body.data = body;
    event.body.len = len;
    event.uuid = streams[1].uuid;
    event.timestamp = 1000;

    assert_true(ngx_ess_log_append(zone, key, &event, 1, &wake) > 0);
}


int
broken_zone_setup(void **state)
{
    u_char                 text[NGX_ESS_MAX_KEY];
    uint32_t               number;
    uint64_t               seq, ordinal;
    ngx_str_t              key = ngx_string("abc");
    ngx_str_t              other = { sizeof(text), text };
    ngx_uint_t             i;
    ngx_ess_stream_attr_t  attr;
    ngx_ess_stream_info_t  gone;

    ngx_memzero(&attr, sizeof(ngx_ess_stream_attr_t));
    ngx_str_set(&attr.name, "name");
    attr.rule = other;
    attr.log_age = 1000;

    ngx_memset(text, 'k', sizeof(text));

    zone = ngx_unit_zone(1024 * 1024);

    assert_int_equal(ngx_ess_process_attach(zone, 2, &ngx_unit_log), NGX_OK);

    for (i = 0; i < BROKEN_STREAMS; i++) {
        assert_int_equal(ngx_ess_table_reserve(zone, i ? &key : &other,
                                               &ngx_unit_bound, 0,
                                               (i == 2) ? &attr : NULL,
                                               &streams[i]),
                         NGX_OK);
        segs[i] = ngx_ess_lookup_id_locked(zone->sh, streams[i].ref.id);

        if (i + 1 < BROKEN_STREAMS) {
            assert_int_equal(ngx_ess_table_show(zone, &streams[i].ref),
                             NGX_OK);
        }
    }

    assert_int_equal(ngx_ess_interest_subscribe(zone, &streams[1].ref, NULL,
                                                &seq, &ordinal, &number),
                     NGX_OK);

    for (i = 0; i < 4; i++) {
        append(&key, (i == 2) ? NGX_ESS_SEGMENT_SIZE : 3);
        recs[i] = stream_at(1)->tail;
    }

    assert_int_equal(ngx_ess_table_reserve(zone, &other, &ngx_unit_bound, 0,
                                           NULL, &gone),
                     NGX_OK);
    ngx_ess_table_remove(zone, &gone.ref);

    return ngx_ess_zone_check(zone, &ngx_unit_log) != 0;
}


int
broken_zone_teardown(void **state)
{
    ngx_unit_end(zone);

    return 0;
}


void
broken_zone_told(const char *what)
{
    char        *text, *line, *next;
    size_t       size;
    ngx_uint_t   faults, found, lines;

    ngx_unit_messages = open_memstream(&text, &size);
    faults = ngx_ess_zone_check_locked(zone->sh, &ngx_unit_log);

    (void) fclose(ngx_unit_messages);
    ngx_unit_messages = stderr;

    found = 0;
    lines = 0;

    for (line = strtok_r(text, "\n", &next);
         line;
         line = strtok_r(NULL, "\n", &next))
    {
        found += (strstr(line, what) != NULL);
        lines++;
    }

    free(text);

    if (found == 0) {
        fail_msg("the checker does not tell of \"%s\"", what);
    }

    assert_int_equal(lines, ngx_min(faults, 50));
}
