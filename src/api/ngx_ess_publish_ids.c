
/*
 * Ids as few bytes.  Pure functions, in a worker, but for their memory.
 */


#include "ngx_ess_publish_ids.h"
#include "ngx_ess_source.h"


typedef struct {
    u_char                  *pos;
    u_char                  *last;
    ngx_uint_t               failed;        /* 1: no room, or none left */
} ngx_ess_publish_ids_t;


static ngx_uint_t ngx_ess_publish_ids_streams(ngx_ess_event_id_t *ids,
    ngx_uint_t n);
static void ngx_ess_publish_ids_runs(ngx_ess_publish_ids_t *out,
    ngx_ess_event_id_t *ids, ngx_uint_t streams, ngx_uint_t events);
static void ngx_ess_publish_ids_ordinals(ngx_ess_publish_ids_t *in,
    ngx_ess_event_id_t *ids, ngx_uint_t streams, ngx_uint_t events);
static void ngx_ess_publish_ids_put(ngx_ess_publish_ids_t *out, uint64_t n);
static uint64_t ngx_ess_publish_ids_get(ngx_ess_publish_ids_t *in);


size_t
ngx_ess_publish_ids_pack(u_char *buf, size_t room, ngx_ess_event_id_t *ids,
    ngx_uint_t n)
{
    ngx_uint_t             i, streams;
    ngx_ess_publish_ids_t  out;

    streams = ngx_ess_publish_ids_streams(ids, n);

    if (streams == 0 || streams > 255 || room < 1) {
        return 0;
    }

    out.pos = buf;
    out.last = buf + room;
    out.failed = 0;

    *out.pos++ = (u_char) streams;
    ngx_ess_publish_ids_put(&out, n / streams);

    if ((size_t) (out.last - out.pos) < streams * sizeof(uint64_t)) {
        return 0;
    }

    for (i = 0; i < streams; i++) {
        out.pos = ngx_cpymem(out.pos, &ids[i].epoch, sizeof(uint64_t));
    }

    for (i = 0; i < streams; i++) {
        ngx_ess_publish_ids_runs(&out, &ids[i], streams, n / streams);
    }

    return out.failed ? 0 : (size_t) (out.pos - buf);
}


/* That each event went to; 0: they were not the same. */

static ngx_uint_t
ngx_ess_publish_ids_streams(ngx_ess_event_id_t *ids, ngx_uint_t n)
{
    ngx_uint_t  i, streams;

    if (n == 0) {
        return 0;
    }

    for (streams = 1; streams < n; streams++) {
        if (ids[streams].epoch == ids[0].epoch) {
            break;
        }
    }

    for (i = streams; i < n; i++) {
        if (ids[i].epoch != ids[i - streams].epoch) {
            return 0;
        }
    }

    return (n % streams == 0) ? streams : 0;
}


static void
ngx_ess_publish_ids_runs(ngx_ess_publish_ids_t *out, ngx_ess_event_id_t *ids,
    ngx_uint_t streams, ngx_uint_t events)
{
    uint64_t    first, next;
    ngx_uint_t  i, len;

    next = 0;

    for (i = 0; i < events && !out->failed; i += len) {
        first = ids[i * streams].ordinal;

        for (len = 1;
             i + len < events
             && ids[(i + len) * streams].ordinal == first + len;
             len++)
        {
            /* void */
        }

        ngx_ess_publish_ids_put(out, first - next);
        ngx_ess_publish_ids_put(out, len);

        next = first + len;
    }
}


ngx_int_t
ngx_ess_publish_ids_unpack(ngx_pool_t *pool, u_char *buf, size_t len,
    ngx_ess_event_id_t **ids, ngx_uint_t *n)
{
    uint64_t                events, epoch;
    ngx_uint_t              i, k, streams;
    ngx_ess_publish_ids_t   in;

    in.pos = buf;
    in.last = buf + len;
    in.failed = (len == 0);

    streams = in.failed ? 0 : *in.pos++;
    events = ngx_ess_publish_ids_get(&in);

    if (in.failed || streams == 0 || events == 0
        || events > NGX_ESS_SOURCE_PUBLISH_IDS
        || events * streams > NGX_ESS_SOURCE_PUBLISH_IDS
        || (size_t) (in.last - in.pos) < streams * sizeof(uint64_t))
    {
        return NGX_DECLINED;
    }

    *n = (ngx_uint_t) events * streams;

    *ids = ngx_palloc(pool, *n * sizeof(ngx_ess_event_id_t));
    if (*ids == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < streams; i++) {
        ngx_memcpy(&epoch, in.pos, sizeof(uint64_t));
        in.pos += sizeof(uint64_t);

        for (k = i; k < *n; k += streams) {
            (*ids)[k].epoch = epoch;
        }
    }

    for (i = 0; i < streams; i++) {
        ngx_ess_publish_ids_ordinals(&in, &(*ids)[i], streams,
                                     (ngx_uint_t) events);
    }

    return (in.failed || in.pos != in.last) ? NGX_DECLINED : NGX_OK;
}


static void
ngx_ess_publish_ids_ordinals(ngx_ess_publish_ids_t *in,
    ngx_ess_event_id_t *ids, ngx_uint_t streams, ngx_uint_t events)
{
    uint64_t    next, len;
    ngx_uint_t  i;

    next = 0;

    for (i = 0; i < events && !in->failed; /* void */ ) {
        next += ngx_ess_publish_ids_get(in);
        len = ngx_ess_publish_ids_get(in);

        if (len == 0 || len > events - i) {
            in->failed = 1;
        }

        for ( /* void */ ; len && !in->failed; len--, i++) {
            ids[i * streams].ordinal = next++;
        }
    }
}


/* Seven bits a byte, the lowest first; of all but the last one bit 7 is set. */

static void
ngx_ess_publish_ids_put(ngx_ess_publish_ids_t *out, uint64_t n)
{
    do {
        if (out->pos == out->last) {
            out->failed = 1;
            return;
        }

        *out->pos++ = (u_char) ((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
        n >>= 7;

    } while (n);
}


static uint64_t
ngx_ess_publish_ids_get(ngx_ess_publish_ids_t *in)
{
    u_char      ch;
    uint64_t    n;
    ngx_uint_t  shift;

    n = 0;

    for (shift = 0; shift < 64; shift += 7) {

        if (in->failed || in->pos == in->last) {
            break;
        }

        ch = *in->pos++;
        n |= (uint64_t) (ch & 0x7f) << shift;

        if (ch < 0x80) {
            return n;
        }
    }

    in->failed = 1;

    return 0;
}
