/*
 * A stream and its log, for the unit tests of logs.
 */


#include "one_log.h"


ngx_str_t               key = ngx_string("abc");
ngx_ess_zone_t         *zone;
ngx_ess_stream_info_t   stream;
ngx_ess_record_t        records[4096];
u_char                  buf[262144];
uint64_t                print;
ngx_ess_seg_t           reader_last;

static uint64_t         reader_seq;


static int
setup_size(size_t size)
{
    zone = ngx_unit_zone(size);
    print = 100;
    reader_last = 0;

    return (ngx_ess_process_attach(zone, 2, &ngx_unit_log) != NGX_OK
            || ngx_ess_table_reserve(zone, &key,
                                     &ngx_unit_bound, 0, NULL,
                                     &stream) != NGX_OK
            || ngx_ess_table_show(zone, &stream.ref) != NGX_OK);
}


int
one_log_setup(void **state)
{
    return setup_size(1024 * 1024);
}


int
one_log_setup_large(void **state)
{
    return setup_size(8 * 1024 * 1024);
}


int
one_log_teardown(void **state)
{
    ngx_unit_end(zone);

    return 0;
}


ngx_uint_t
append_to(ngx_ess_stream_ref_t **refs, ngx_uint_t nrefs, ngx_str_t *k,
    u_char *data, size_t len)
{
    ngx_uint_t       n;
    ngx_ess_wake_t   wake;
    ngx_ess_event_t  event;

    ngx_memzero(&wake, sizeof(wake));

    ngx_memzero(&event, sizeof(ngx_ess_event_t));

    event.body.data = data;
    event.body.len = len;
    event.streams = refs;
    event.nstreams = nrefs;
    event.timestamp = 1000 + print;

    ngx_ess_zone_lock(zone);
    n = ngx_unit_append_locked(zone, ngx_ess_stream_slot(k), k, &event,
                               print++, 1, &wake);
    assert_int_equal(zone->sh->undo, 0);
    ngx_ess_zone_unlock(zone);

    return n;
}


ngx_uint_t
append(ngx_str_t *k, u_char *data, size_t len)
{
    return append_to(NULL, 0, k, data, len);
}


ngx_int_t
take(uint64_t *seq, size_t size, ngx_uint_t *n, uint64_t *lost, size_t *need)
{
    ngx_int_t           rc;
    ngx_ess_log_lost_t  gone;

    /* goes on where it left off, or is sent elsewhere */

    if (*seq != reader_seq) {
        reader_last = 0;
    }

    rc = ngx_ess_log_read(zone, &stream.ref, seq, &reader_last, buf, size,
                          records, n, &gone, need);
    reader_seq = *seq;
    *lost = gone.records;

    if (*lost) {
        assert_int_equal(gone.after, records[0].after);
    }

    return rc;
}
