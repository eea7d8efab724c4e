
/*
 * The logs, for those who read them: records from a position on.  Runs in
 * workers; all data is in the zone and belongs to whoever holds its mutex.
 */


#include "ngx_ess_log_read.h"
#include "ngx_ess_log_search.h"
#include "ngx_ess_lookup.h"
#include "ngx_ess_stream.h"
#include "ngx_ess_zone_layout.h"


ngx_int_t
ngx_ess_log_read(ngx_ess_zone_t *zone, ngx_ess_stream_ref_t *ref,
    uint64_t *seq, ngx_ess_seg_t *last, u_char *buf, size_t size,
    ngx_ess_record_t *records, ngx_uint_t *n, ngx_ess_log_lost_t *lost,
    size_t *need)
{
    size_t                  used, head;
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
        ngx_ess_zone_unlock(zone);
        return NGX_DECLINED;
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

        if (r->len > size - used && *n == 0) {
            *need = r->len;
            ngx_ess_zone_unlock(zone);
            return NGX_BUSY;
        }

        if (r->len > size - used || *n == max) {
            break;
        }

        records[*n].type = ngx_ess_zone_record_type(r);
        records[*n].seq = ngx_ess_zone_seq(s, r);
        records[*n].ordinal = r->ordinal;
        records[*n].after = ngx_ess_zone_after(r);
        records[*n].timestamp = ngx_ess_zone_timestamp(r);
        records[*n].arrival = ngx_ess_zone_arrival(zone->sh, r);
        ngx_str_null(&records[*n].key);
        records[*n].body.len = r->len;
        records[*n].body.data = buf + used;

        head = ngx_ess_zone_record_head(r);

        (void) ngx_ess_zone_get_locked(sh, r->body + head,
                                       sizeof(r->body) - head, r->link,
                                       buf + used, r->len);

        used += r->len;
        *seq = records[*n].seq + 1;
        *last = i;
        (*n)++;
    }

    rc = i ? NGX_AGAIN : (s->state == NGX_ESS_STREAM_CLOSED) ? NGX_DONE
                                                             : NGX_OK;
    ngx_ess_zone_unlock(zone);

    return rc;
}
