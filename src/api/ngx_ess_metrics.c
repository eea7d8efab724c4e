
/*
 * What an operator's tools ask for: figures, in a worker.  Sums over
 * all process slots; the slots of dead workers keep their counters, so a sum
 * never goes down.  All memory is the request's.
 */


#include "ngx_ess_metrics.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"
#include "ngx_ess_process.h"
#include "ngx_ess_header.h"


/* figures that are no counters come behind them */

typedef enum {
    NGX_ESS_METRICS_STREAMS = NGX_ESS_C_N,
    NGX_ESS_METRICS_ZONE_USED,               /* bytes */
    NGX_ESS_METRICS_ZONE_FREE,
    NGX_ESS_METRICS_N
} ngx_ess_metrics_e;


typedef enum {
    NGX_ESS_METRICS_COUNTER = 0,
    NGX_ESS_METRICS_GAUGE,
    NGX_ESS_METRICS_HISTOGRAM
} ngx_ess_metrics_type_e;


typedef struct {
    ngx_uint_t               figure;        /* ngx_ess_counter_e, or one of
                                               ngx_ess_metrics_e */
    const char              *value;         /* of the label, or NULL */
} ngx_ess_metrics_sample_t;


typedef struct {
    const char                *name;        /* without "ess_" */
    const char                *help;
    ngx_ess_metrics_type_e     type;
    const char                *label;       /* its name, or NULL */
    ngx_ess_metrics_sample_t   samples[NGX_ESS_REJECTED_N + 1];
} ngx_ess_metrics_family_t;


typedef struct {
    const char              *name;
    const char              *help;
    ngx_uint_t               first;         /* counter of the first bucket */
    ngx_uint_t               n;             /* buckets; the sum follows */
    const uint32_t          *bounds;        /* n - 1 of them */
    ngx_uint_t               divisor;       /* to the unit of the name */
} ngx_ess_metrics_histogram_t;


typedef struct {
    u_char                  *p;
    u_char                  *last;
    ngx_uint_t               json;
    ngx_uint_t               n;             /* members so far */
} ngx_ess_metrics_out_t;


static ngx_int_t ngx_ess_metrics_format(ngx_http_request_t *r,
    ngx_uint_t *json);
static void ngx_ess_metrics_figures(ngx_ess_zone_t *zone, uint64_t *figures);
static ngx_int_t ngx_ess_metrics_room(ngx_ess_zone_t *zone, ngx_uint_t nstreams,
    ngx_pool_t *pool, ngx_ess_metrics_out_t *out);
static void ngx_ess_metrics_text(ngx_ess_metrics_out_t *out, const char *fmt,
    ...);
static void ngx_ess_metrics_family(ngx_ess_metrics_out_t *out, const char *name,
    const char *help, ngx_ess_metrics_type_e type);
static void ngx_ess_metrics_table(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_family_t *families, ngx_uint_t n, uint64_t *figures);
static void ngx_ess_metrics_samples(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_family_t *family, uint64_t *figures);
static void ngx_ess_metrics_value(ngx_ess_metrics_out_t *out,
    const char *name, const char *label, const char *text, ngx_uint_t n,
    uint64_t value);
static void ngx_ess_metrics_histogram(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_histogram_t *h, uint64_t *figures);
static void ngx_ess_metrics_workers(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone);
static void ngx_ess_metrics_slots(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone);
static void ngx_ess_metrics_streams(ngx_ess_metrics_out_t *out,
    ngx_ess_stream_info_t *infos, ngx_uint_t n);
static void ngx_ess_metrics_stream(ngx_ess_metrics_out_t *out,
    ngx_ess_stream_info_t *info, const char *name, ngx_uint_t n,
    uint64_t value);


static const ngx_ess_param_t  ngx_ess_metrics_params[] = {

    { ngx_string("streams"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, metrics_streams), 1, 1000,
      "a number from 1 to 1000", NULL },

    ngx_ess_null_param
};


/* "streams=": so many have series of their own */

ngx_ess_param_directive_t  ngx_ess_metrics_directive = {
    ngx_ess_metrics_params, 0, "\"streams=\" and a number from 1 to 1000", 0
};


static const ngx_ess_metrics_family_t  ngx_ess_metrics_families[] = {

    { "streams", "Streams that exist.", NGX_ESS_METRICS_GAUGE, NULL,
      { { NGX_ESS_METRICS_STREAMS, NULL } } },

    { "subscribers", "Clients that are connected.", NGX_ESS_METRICS_GAUGE,
      "transport",
      { { NGX_ESS_C_SUBSCRIBERS, "websocket" },
        { NGX_ESS_C_SUBSCRIBERS + 1, "sse" } } },

    { "received_events_total", "Events appended to logs, once per stream.",
      NGX_ESS_METRICS_COUNTER, NULL, { { NGX_ESS_C_EVENTS_IN, NULL } } },

    { "received_bytes_total", "Bytes of their bodies.",
      NGX_ESS_METRICS_COUNTER, NULL, { { NGX_ESS_C_BYTES_IN, NULL } } },

    { "sent_events_total", "Events sent to clients.",
      NGX_ESS_METRICS_COUNTER, "transport",
      { { NGX_ESS_C_EVENTS_SENT, "websocket" },
        { NGX_ESS_C_EVENTS_SENT + 1, "sse" } } },

    { "sent_bytes_total", "Bytes sent to clients, as framed for them.",
      NGX_ESS_METRICS_COUNTER, "transport",
      { { NGX_ESS_C_BYTES_SENT, "websocket" },
        { NGX_ESS_C_BYTES_SENT + 1, "sse" } } },

    { "unrouted_events_total", "Events that no stream wanted.",
      NGX_ESS_METRICS_COUNTER, NULL, { { NGX_ESS_C_EVENTS_UNROUTED, NULL } } },

    { "too_large_events_total", "Events over ess_max_event, dropped.",
      NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_EVENTS_TOO_LARGE, NULL } } },

    { "unannotated_events_total", "Events that look like JSON objects, but "
      "are none, and so were not annotated.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_UNANNOTATED, NULL } } },

    { "evicted_events_total", "Events that left a log.",
      NGX_ESS_METRICS_COUNTER, NULL, { { NGX_ESS_C_EVICTED, NULL } } },

    { "evicted_early_events_total", "Those of them that left for want of "
      "room in the zone.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_EVICTED_EARLY, NULL } } },

    { "lost_events_total", "Events that were evicted before a client got "
      "them.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_EVENTS_LOST, NULL } } },

    { "gaps_total", "Gaps announced to clients.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_GAPS, NULL } } },

    { "slow_subscribers_total", "Clients that were too slow, and what was "
      "done about it.", NGX_ESS_METRICS_COUNTER, "action",
      { { NGX_ESS_C_SLOW_CLOSED, "closed" },
        { NGX_ESS_C_SLOW_SKIPPED, "skipped" },
        { NGX_ESS_C_SLOW_RECLAIMED, "reclaimed" } } },

    { "kept_bytes", "Memory of the workers that holds events for clients.",
      NGX_ESS_METRICS_GAUGE, NULL, { { NGX_ESS_C_MEMORY, NULL } } },

    { "fast_subscribers_total", "Clients that sent more than they may, and "
      "what was done about it.", NGX_ESS_METRICS_COUNTER, "action",
      { { NGX_ESS_C_FAST_PAUSED, "paused" },
        { NGX_ESS_C_FAST_CLOSED, "closed" } } },

    { "rejected_requests_total", "Clients that were not let in.",
      NGX_ESS_METRICS_COUNTER, "reason",
      { { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_STREAM, "stream" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_ORIGIN, "origin" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_TOKEN, "token" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CLAIM, "claim" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_REQUEST, "request" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_POSITION, "position" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_LIMIT, "limit" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_SOURCE, "source" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CLIENTS, "clients" } } },

    { "cross_origin_requests_total", "Requests of web pages of other origins "
      "that would have changed something, refused.", NGX_ESS_METRICS_COUNTER,
      NULL, { { NGX_ESS_C_CROSS_ORIGIN, NULL } } },

    { "zone_bytes", "Shared memory of ess_zone, evictable events counted as "
      "used.", NGX_ESS_METRICS_GAUGE, "state",
      { { NGX_ESS_METRICS_ZONE_USED, "used" },
        { NGX_ESS_METRICS_ZONE_FREE, "free" } } }
};


/* absent without ess_amqp: a 0 there would read as a fault of the broker */

static const ngx_ess_metrics_family_t  ngx_ess_metrics_amqp_families[] = {

    { "redelivered_events_total", "Events that the broker delivered again: "
      "recognised, or in doubt and perhaps doubled.",
      NGX_ESS_METRICS_COUNTER, "outcome",
      { { NGX_ESS_C_REDELIVERED, "recognised" },
        { NGX_ESS_C_REDELIVERED_IN_DOUBT, "in_doubt" } } },

    { "amqp_sessions_total", "Sessions with the broker that were "
      "established.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_SESSIONS, NULL } } },

    { "amqp_unacknowledged_deliveries", "Deliveries not acknowledged yet.",
      NGX_ESS_METRICS_GAUGE, NULL, { { NGX_ESS_C_UNACKNOWLEDGED, NULL } } },

    { "amqp_published_events_total", "Events that the broker confirmed.",
      NGX_ESS_METRICS_COUNTER, NULL, { { NGX_ESS_C_PUBLISHED, NULL } } },

    { "amqp_bindings_restored_total", "Bindings that were found gone and made "
      "again.", NGX_ESS_METRICS_COUNTER, NULL,
      { { NGX_ESS_C_RESTORED, NULL } } },

    { "amqp_blocked", "Workers that the broker lets publish nothing.",
      NGX_ESS_METRICS_GAUGE, NULL, { { NGX_ESS_C_BLOCKED, NULL } } },

    { "amqp_unconfirmed_events", "Events published but not confirmed yet.",
      NGX_ESS_METRICS_GAUGE, NULL, { { NGX_ESS_C_UNCONFIRMED, NULL } } },

    { "amqp_replays", "Clients that read a RabbitMQ stream from the broker.",
      NGX_ESS_METRICS_GAUGE, NULL, { { NGX_ESS_C_REPLAYS, NULL } } }
};


static const ngx_ess_metrics_histogram_t  ngx_ess_metrics_histograms[] = {

    { "event_age_seconds", "Time from an event's arrival to its being handed "
      "to a client's socket.", NGX_ESS_C_AGE, NGX_ESS_AGES,
      ngx_ess_counter_ages, 1000 },

    { "batch_events", "Events that one send took to a client.",
      NGX_ESS_C_BATCH, NGX_ESS_BATCHES, ngx_ess_counter_batches, 1 }
};


static const char  *ngx_ess_metrics_types[] = {
    "counter", "gauge", "histogram"
};

static ngx_str_t  ngx_ess_metrics_prometheus =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");
static ngx_str_t  ngx_ess_metrics_json = ngx_string("application/json");


ngx_int_t
ngx_ess_metrics_handler(ngx_http_request_t *r)
{
    uint64_t                figures[NGX_ESS_METRICS_N];
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_uint_t              i, n;
    ngx_ess_zone_t         *zone;
    ngx_ess_loc_conf_t     *lcf;
    ngx_ess_main_conf_t    *mcf;
    ngx_ess_metrics_out_t   out;
    ngx_ess_stream_info_t  *infos;

    rc = ngx_ess_api_get(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    ngx_memzero(&out, sizeof(ngx_ess_metrics_out_t));

    if (ngx_ess_metrics_format(r, &out.json) != NGX_OK) {
        return ngx_ess_api_problem(r, 400, "\"format\" must be \"json\" or "
                                   "\"prometheus\"");
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    zone = ngx_ess_api_zone(r);
    infos = NULL;
    n = 0;

    if (lcf->metrics_streams) {
        infos = ngx_palloc(r->pool, lcf->metrics_streams
                                    * sizeof(ngx_ess_stream_info_t));
        if (infos == NULL) {
            return NGX_ERROR;
        }

        n = ngx_ess_stream_list(zone, 0, infos, lcf->metrics_streams);
    }

    if (ngx_ess_metrics_room(zone, n, r->pool, &out) != NGX_OK) {
        return NGX_ERROR;
    }

    text.data = out.p;

    ngx_ess_metrics_figures(zone, figures);

    if (out.json) {
        *out.p++ = '{';
    }

    ngx_ess_metrics_table(&out, ngx_ess_metrics_families,
                          sizeof(ngx_ess_metrics_families)
                          / sizeof(ngx_ess_metrics_family_t), figures);

    for (i = 0;
         i < sizeof(ngx_ess_metrics_histograms)
             / sizeof(ngx_ess_metrics_histogram_t);
         i++)
    {
        ngx_ess_metrics_histogram(&out, &ngx_ess_metrics_histograms[i],
                                  figures);
    }

    if (ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_EXCHANGE)->conf) {
        ngx_ess_metrics_table(&out, ngx_ess_metrics_amqp_families,
                              sizeof(ngx_ess_metrics_amqp_families)
                              / sizeof(ngx_ess_metrics_family_t), figures);

        ngx_ess_metrics_workers(&out, zone);
        ngx_ess_metrics_slots(&out, zone);
    }

    if (infos) {
        ngx_ess_metrics_streams(&out, infos, n);
    }

    if (out.json) {
        ngx_ess_metrics_text(&out, "}\n");
    }

    text.len = out.p - text.data;

    return ngx_ess_api_output(r, NGX_HTTP_OK,
                              out.json ? &ngx_ess_metrics_json
                                       : &ngx_ess_metrics_prometheus,
                              &text);
}


/* By the argument, else by what is accepted.  NGX_OK or NGX_DECLINED. */

static ngx_int_t
ngx_ess_metrics_format(ngx_http_request_t *r, ngx_uint_t *json)
{
    ngx_str_t         value;
    ngx_table_elt_t  *h;

    if (ngx_http_arg(r, (u_char *) "format", 6, &value) == NGX_OK) {

        *json = (value.len == 4 && ngx_strncmp(value.data, "json", 4) == 0);

        return (*json || (value.len == 10
                          && ngx_strncmp(value.data, "prometheus", 10) == 0))
               ? NGX_OK : NGX_DECLINED;
    }

    h = ngx_ess_header_find(r, "accept", NULL);

    *json = (h && ngx_strlcasestrn(h->value.data,
                                   h->value.data + h->value.len,
                                   (u_char *) "application/json", 15));

    return NGX_OK;
}


static void
ngx_ess_metrics_figures(ngx_ess_zone_t *zone, uint64_t *figures)
{
    ngx_uint_t  i, nfree, total;

    for (i = 0; i < NGX_ESS_C_N; i++) {
        figures[i] = ngx_ess_counter_sum(zone, i);
    }

    ngx_ess_zone_room(zone, &nfree, &total);

    figures[NGX_ESS_METRICS_STREAMS] = ngx_ess_stream_count(zone);
    figures[NGX_ESS_METRICS_ZONE_USED] = (uint64_t) (total - nfree)
                                        * NGX_ESS_SEGMENT_SIZE;
    figures[NGX_ESS_METRICS_ZONE_FREE] = (uint64_t) nfree
                                        * NGX_ESS_SEGMENT_SIZE;
}


/* For all there may be: what follows never writes beyond. */

static ngx_int_t
ngx_ess_metrics_room(ngx_ess_zone_t *zone, ngx_uint_t nstreams,
    ngx_pool_t *pool, ngx_ess_metrics_out_t *out)
{
    size_t  size;

    size = 16384
           + ngx_ess_process_slots(zone) * 64
           + nstreams * 4 * (128 + 6 * NGX_ESS_MAX_KEY);

    out->p = ngx_pnalloc(pool, size);
    if (out->p == NULL) {
        return NGX_ERROR;
    }

    out->last = out->p + size;

    return NGX_OK;
}


static void
ngx_ess_metrics_text(ngx_ess_metrics_out_t *out, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    out->p = ngx_vslprintf(out->p, out->last, fmt, args);
    va_end(args);
}


/* What begins a family: a member's name in JSON. */

static void
ngx_ess_metrics_family(ngx_ess_metrics_out_t *out, const char *name,
    const char *help, ngx_ess_metrics_type_e type)
{
    if (out->json) {
        ngx_ess_metrics_text(out, "%s\"%s\":", out->n++ ? "," : "", name);
        return;
    }

    ngx_ess_metrics_text(out, "# HELP ess_%s %s\n# TYPE ess_%s %s\n", name,
                         help, name, ngx_ess_metrics_types[type]);
}


static void
ngx_ess_metrics_table(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_family_t *families, ngx_uint_t n, uint64_t *figures)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        ngx_ess_metrics_samples(out, &families[i], figures);
    }
}


static void
ngx_ess_metrics_samples(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_family_t *family, uint64_t *figures)
{
    ngx_uint_t                       i;
    const ngx_ess_metrics_sample_t  *sample;

    ngx_ess_metrics_family(out, family->name, family->help, family->type);

    for (i = 0; i == 0 || family->samples[i].value; i++) {
        sample = &family->samples[i];

        ngx_ess_metrics_value(out, family->name, family->label, sample->value,
                              i, figures[sample->figure]);
    }

    if (out->json && family->label) {
        ngx_ess_metrics_text(out, "}");
    }
}


/* A family's only value, or with a label the n'th, from 0, where the label is
   that text. */

static void
ngx_ess_metrics_value(ngx_ess_metrics_out_t *out, const char *name,
    const char *label, const char *text, ngx_uint_t n, uint64_t value)
{
    if (!out->json) {
        ngx_ess_metrics_text(out, "ess_%s", name);

        if (label) {
            ngx_ess_metrics_text(out, "{%s=\"%s\"}", label, text);
        }

        ngx_ess_metrics_text(out, " %uL\n", value);
        return;
    }

    if (label) {
        ngx_ess_metrics_text(out, "%s\"%s\":", n ? "," : "{", text);
    }

    ngx_ess_metrics_text(out, "%uL", value);
}


static void
ngx_ess_metrics_histogram(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_histogram_t *h, uint64_t *figures)
{
    u_char      le[NGX_INT64_LEN + 8];
    uint64_t    count, sum;
    ngx_uint_t  i;

    ngx_ess_metrics_family(out, h->name, h->help, NGX_ESS_METRICS_HISTOGRAM);

    count = 0;
    sum = figures[h->first + h->n];

    if (out->json) {
        ngx_ess_metrics_text(out, "{\"buckets\":{");
    }

    for (i = 0; i < h->n; i++) {
        count += figures[h->first + i];

        if (i == h->n - 1) {
            ngx_memcpy(le, "+Inf", sizeof("+Inf"));

        } else if (h->divisor == 1) {
            *ngx_sprintf(le, "%uD", h->bounds[i]) = '\0';

        } else {
            *ngx_sprintf(le, "%uD.%03uD", h->bounds[i] / 1000,
                         h->bounds[i] % 1000) = '\0';
        }

        if (out->json) {
            ngx_ess_metrics_text(out, "%s\"%s\":%uL", i ? "," : "", le, count);

        } else {
            ngx_ess_metrics_text(out, "ess_%s_bucket{le=\"%s\"} %uL\n",
                                 h->name, le, count);
        }
    }

    if (h->divisor == 1) {
        *ngx_sprintf(le, "%uL", sum) = '\0';

    } else {
        *ngx_sprintf(le, "%uL.%03uL", sum / 1000, sum % 1000) = '\0';
    }

    if (out->json) {
        ngx_ess_metrics_text(out, "},\"sum\":%s,\"count\":%uL}", le, count);

    } else {
        ngx_ess_metrics_text(out, "ess_%s_sum %s\ness_%s_count %uL\n", h->name,
                             le, h->name, count);
    }
}


/* By process slot: small numbers, which are used again. */

static void
ngx_ess_metrics_workers(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone)
{
    u_char      worker[NGX_INT_T_LEN + 1];
    uint64_t    value;
    ngx_uint_t  i, n;

    ngx_ess_metrics_family(out, "amqp_connected", "1 for each worker that "
                           "consumes from the broker.", NGX_ESS_METRICS_GAUGE);

    n = 0;

    for (i = 0; i < ngx_ess_process_slots(zone); i++) {

        if (ngx_ess_counter_of(zone, i, NGX_ESS_C_CONNECTED, &value)
            != NGX_OK)
        {
            continue;
        }

        *ngx_sprintf(worker, "%ui", i) = '\0';

        ngx_ess_metrics_value(out, "amqp_connected", "worker", (char *) worker,
                              n++, value);
    }

    if (out->json) {
        ngx_ess_metrics_text(out, n ? "}" : "{}");
    }
}


static void
ngx_ess_metrics_slots(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        n += (ngx_ess_broker_consumer(zone, i) != NGX_ESS_PROCS);
    }

    ngx_ess_metrics_family(out, "amqp_slots_consumed", "Slots, of 16, that a "
                           "worker consumes.", NGX_ESS_METRICS_GAUGE);

    ngx_ess_metrics_value(out, "amqp_slots_consumed", NULL, NULL, 0, n);
}


static void
ngx_ess_metrics_streams(ngx_ess_metrics_out_t *out,
    ngx_ess_stream_info_t *infos, ngx_uint_t n)
{
    ngx_uint_t  i, k;

    static const struct {
        const char  *name;
        const char  *help;
    }  families[] = {
        { "stream_subscribers", "Clients of a stream." },
        { "stream_events", "Events in a stream's log." },
        { "stream_bytes", "Bytes of bodies in a stream's log." },
        { "stream_last_ordinal", "Ordinal of a stream's last event." }
    };

    for (k = 0; k < 4; k++) {
        ngx_ess_metrics_family(out, families[k].name, families[k].help,
                               NGX_ESS_METRICS_GAUGE);

        if (out->json) {
            ngx_ess_metrics_text(out, "{");
        }

        for (i = 0; i < n; i++) {
            ngx_ess_metrics_stream(out, &infos[i], families[k].name, i,
                                   k == 0 ? infos[i].subscribers
                                   : k == 1 ? infos[i].events
                                   : k == 2 ? infos[i].bytes
                                   : infos[i].last_ordinal);
        }

        if (out->json) {
            ngx_ess_metrics_text(out, "}");
        }
    }
}


/* A label's value escapes what a JSON string does, and no more.  "n": how many
   of the family were before. */

static void
ngx_ess_metrics_stream(ngx_ess_metrics_out_t *out, ngx_ess_stream_info_t *info,
    const char *name, ngx_uint_t n, uint64_t value)
{
    size_t  i;
    u_char  c;

    if (out->json) {
        ngx_ess_metrics_text(out, "%s\"%uL\":%uL", n ? "," : "",
                             info->ref.id, value);
        return;
    }

    ngx_ess_metrics_text(out, "ess_%s{id=\"%uL\",routing_key=\"", name,
                         info->ref.id);

    for (i = 0; i < info->key_len; i++) {
        c = info->key[i];

        if (c == '\\' || c == '"') {
            ngx_ess_metrics_text(out, "\\%c", c);

        } else if (c == '\n') {
            ngx_ess_metrics_text(out, "\\n");

        } else {
            ngx_ess_metrics_text(out, "%c", c);
        }
    }

    ngx_ess_metrics_text(out, "\"} %uL\n", value);
}


char *
ngx_ess_metrics_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *rv;

    rv = ngx_ess_param_args(cf, cmd, conf);

    return (rv == NGX_CONF_OK)
           ? ngx_ess_conf_serve(cf, cmd, conf, ngx_ess_metrics_handler) : rv;
}
