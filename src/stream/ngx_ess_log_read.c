
/*
 * The logs, for those who read them: records from a position on.  Runs in
 * workers; all data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_log_read.h"
#include "ngx_ess_log_key.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


static size_t ngx_ess_log_read_copy_locked(ngx_ess_zone_t *zone,
    ngx_ess_stream_t *s, ngx_ess_zone_record_t *r, ngx_ess_record_t *record,
    u_char *buf);


ngx_int_t
ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need)
{
    size_t                  used, len;
    uint64_t                first;
    ngx_int_t               rc;
    ngx_uint_t              max;
    ngx_ess_seg_t           i;
    ngx_ess_stream_t       *s;
    ngx_ess_zone_sh_t      *sh;
    ngx_ess_zone_record_t  *r;

    sh = zone->sh;
    max = *n;

    *n = 0;
    lost->records = 0;
    *need = 0;
    used = 0;

    ngx_ess_zone_lock(zone);

    i = ngx_ess_lookup_ref_locked(sh, ref->id, ref->epoch);
    if (i == 0) {
        rc = ngx_ess_lookup_id_locked(sh, ref->id) ? NGX_ABORT : NGX_DECLINED;
        ngx_ess_zone_unlock(zone);

        return rc;
    }

    s = ngx_ess_zone_stream(sh, i);

    first = s->next_seq - s->count;

    if (*seq < first) {
        lost->records = first - *seq;
        lost->after = ngx_ess_zone_begin(sh, s);
        *seq = first;
    }

    /* a record stays where it is for as long as its number is in the log */

    i = (*last && *seq > first)
        ? ngx_ess_zone_record(sh, *last)->next
        : ngx_ess_log_search_seq_locked(sh, s, *seq);

    for ( /* void */ ; i; i = r->next) {
        r = ngx_ess_zone_record(sh, i);

        len = r->len + ngx_ess_zone_record_key_len(r);

        if (len > size - used && *n == 0) {
            *need = len;
            ngx_ess_zone_unlock(zone);
            return NGX_BUSY;
        }

        if (len > size - used || *n == max) {
            break;
        }

        used += ngx_ess_log_read_copy_locked(zone, s, r, &records[*n],
                                             buf + used);

        *seq = records[*n].seq + 1;
        *last = i;
        (*n)++;
    }

    rc = i ? NGX_AGAIN : (s->state == NGX_ESS_STREAM_CLOSED) ? NGX_DONE
                                                             : NGX_OK;
    ngx_ess_zone_unlock(zone);

    return rc;
}


/* Returns how many bytes of the buffer it took. */

static size_t
ngx_ess_log_read_copy_locked(ngx_ess_zone_t *zone, ngx_ess_stream_t *s,
    ngx_ess_zone_record_t *r, ngx_ess_record_t *record, u_char *buf)
{
    record->type = ngx_ess_zone_record_type(r);
    record->seq = ngx_ess_zone_seq(s, r);
    record->ordinal = r->ordinal;
    record->after = ngx_ess_zone_after(r);
    record->timestamp = ngx_ess_zone_timestamp(r);
    record->arrival = ngx_ess_zone_arrival(zone->sh, r);
    record->body.len = r->len;
    record->body.data = buf;
    record->key.data = buf + r->len;

    ngx_ess_log_key_get_locked(zone->sh, r, &record->key, &record->body);

    return r->len + record->key.len;
}
