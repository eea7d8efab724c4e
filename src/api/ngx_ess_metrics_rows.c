
/*
 * Figures of the module itself, but for histograms: what ess_metrics tells,
 * row by row.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_metrics_rows.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_created.h"
#include "ngx_ess_idempotency.h"


static void ngx_ess_metrics_rows_count(ngx_ess_zone_t *zone, uint64_t *count);
static void ngx_ess_metrics_rows_created(ngx_ess_zone_t *zone, uint64_t *count);
static void ngx_ess_metrics_rows_keys(ngx_ess_zone_t *zone, uint64_t *keys);
static void ngx_ess_metrics_rows_zone(ngx_ess_zone_t *zone, uint64_t *bytes);


#define ngx_ess_metrics_rows_transports(counter)                              \
    { { counter + NGX_ESS_TRANSPORT_WEBSOCKET, "websocket" },                 \
      { counter + NGX_ESS_TRANSPORT_SSE, "sse" } }


const ngx_ess_metric_t  ngx_ess_metrics_rows[] = {

    { "streams", "Streams that exist.", "gauge", NULL, { { 0, NULL } },
      ngx_ess_metrics_rows_count },

    { "created_streams", "Those of them that were made on demand, and are to "
      "go when nobody uses them.", "gauge", NULL, { { 0, NULL } },
      ngx_ess_metrics_rows_created },

    { "streams_created_total", "Streams made, by what they were made for.",
      "counter", "by",
      { { NGX_ESS_C_STREAMS_CREATED + NGX_ESS_CREATED_SUBSCRIPTION,
          "subscription" },
        { NGX_ESS_C_STREAMS_CREATED + NGX_ESS_CREATED_PUBLICATION,
          "publication" },
        { NGX_ESS_C_STREAMS_CREATED + NGX_ESS_CREATED_API, "api" },
        { NGX_ESS_C_STREAMS_CREATED + NGX_ESS_CREATED_CONFIGURATION,
          "configuration" } }, NULL },

    { "subscribers", "Clients that are connected.", "gauge", "transport",
      ngx_ess_metrics_rows_transports(NGX_ESS_C_SUBSCRIBERS), NULL },

    ngx_ess_metric_counter("received_events_total", NGX_ESS_C_EVENTS_IN,
        "Events appended to logs, once per stream."),

    ngx_ess_metric_counter("received_bytes_total", NGX_ESS_C_BYTES_IN,
        "Bytes of their bodies."),

    { "sent_events_total", "Events sent to clients.", "counter", "transport",
      ngx_ess_metrics_rows_transports(NGX_ESS_C_EVENTS_SENT), NULL },

    { "sent_bytes_total", "Bytes sent to clients, as framed for them.",
      "counter", "transport",
      ngx_ess_metrics_rows_transports(NGX_ESS_C_BYTES_SENT), NULL },

    ngx_ess_metric_counter("unrouted_events_total", NGX_ESS_C_EVENTS_UNROUTED,
        "Events that no stream wanted."),

    ngx_ess_metric_counter("too_large_events_total", NGX_ESS_C_EVENTS_TOO_LARGE,
        "Events over ess_max_event, dropped."),

    ngx_ess_metric_counter("no_key_total", NGX_ESS_C_NO_KEY,
        "Events without a key, each time one came to a stream that has a rule "
        "for keys."),

    ngx_ess_metric_counter("unannotated_events_total", NGX_ESS_C_UNANNOTATED,
        "Events that look like JSON objects, but are none, and so were not "
        "annotated."),

    ngx_ess_metric_counter("left_out_events_total", NGX_ESS_C_LEFT_OUT,
        "Each time that \"ess_annotate on strict=on\" kept an event from a "
        "reader: empty, not UTF-8, or a JSON object by its first byte only."),

    ngx_ess_metric_counter("template_skipped_total",
        NGX_ESS_C_TEMPLATE_SKIPPED,
        "Each time that \"ess_body text\" kept an event from a reader: without "
        "what the template asks for, or not UTF-8."),

    ngx_ess_metric_counter("evicted_events_total", NGX_ESS_C_EVICTED,
        "Events that left a log."),

    ngx_ess_metric_counter("evicted_early_events_total",
        NGX_ESS_C_EVICTED_EARLY,
        "Those of them that left for want of room in the zone."),

    ngx_ess_metric_counter("lost_events_total", NGX_ESS_C_EVENTS_LOST,
        "Events that were evicted before a client got them."),

    ngx_ess_metric_counter("gaps_total", NGX_ESS_C_GAPS,
        "Gaps announced to clients."),

    ngx_ess_metric_gauge("subscriptions", NGX_ESS_C_SUBSCRIPTIONS,
        "Streams, and keys of streams, of clients that have several of them."),

    { "slow_subscribers_total", "Clients that were too slow, and what was "
      "done about it.", "counter", "action",
      { { NGX_ESS_C_SLOW_CLOSED, "closed" },
        { NGX_ESS_C_SLOW_SKIPPED, "skipped" },
        { NGX_ESS_C_SLOW_RECLAIMED, "reclaimed" } }, NULL },

    ngx_ess_metric_gauge("kept_bytes", NGX_ESS_C_MEMORY,
        "Memory of the workers that holds events for clients."),

    { "fast_subscribers_total", "Clients that sent more than they may, and "
      "what was done about it.", "counter", "action",
      { { NGX_ESS_C_FAST_PAUSED, "paused" },
        { NGX_ESS_C_FAST_CLOSED, "closed" } }, NULL },

    { "rejected_requests_total", "Clients that were not let in.",
      "counter", "reason",
      { { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_STREAM, "stream" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_ORIGIN, "origin" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_TOKEN, "token" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CLAIM, "claim" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_REQUEST, "request" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_POSITION, "position" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_LIMIT, "limit" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_SOURCE, "source" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CLIENTS, "clients" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_CREATED, "created" },
        { NGX_ESS_C_REJECTED + NGX_ESS_REJECTED_AUTHORIZE, "authorize" } },
      NULL },

    ngx_ess_metric_counter("cross_origin_requests_total",
        NGX_ESS_C_CROSS_ORIGIN,
        "Requests of web pages of other origins that would have changed "
        "something, refused."),

    ngx_ess_metric_counter("publications_repeated_total", NGX_ESS_C_REPEATED,
        "Requests to publish whose Idempotency-Key was answered before, and "
        "that published nothing."),

    { "idempotency_keys", "Idempotency keys that are kept, and how many more "
      "there is room for.", "gauge", "state",
      { { 0, "used" }, { 0, "free" } }, ngx_ess_metrics_rows_keys },

    ngx_ess_metric_counter("idempotency_keys_evicted_total",
        NGX_ESS_C_IDEMPOTENCY_EVICTED,
        "Idempotency keys that were forgotten before their time for want of "
        "room."),

    { "zone_bytes", "Shared memory of ess_zone, evictable events counted as "
      "used.", "gauge", "state", { { 0, "used" }, { 0, "free" } },
      ngx_ess_metrics_rows_zone },

    ngx_ess_null_metric
};


const ngx_ess_metric_t  ngx_ess_metrics_rows_authorize[] = {

    { "authorize_requests_total", "Requests of ess_authorize to an "
      "application, by its answer.", "counter", "outcome",
      { { NGX_ESS_C_AUTHORIZED + NGX_ESS_AUTHORIZED_ALLOWED, "allowed" },
        { NGX_ESS_C_AUTHORIZED + NGX_ESS_AUTHORIZED_REFUSED, "refused" },
        { NGX_ESS_C_AUTHORIZED + NGX_ESS_AUTHORIZED_FAILED, "failed" },
        { NGX_ESS_C_AUTHORIZED + NGX_ESS_AUTHORIZED_ABANDONED,
          "abandoned" } },
      NULL },

    ngx_ess_null_metric
};


static void
ngx_ess_metrics_rows_count(ngx_ess_zone_t *zone, uint64_t *count)
{
    *count = ngx_ess_stream_count(zone);
}


static void
ngx_ess_metrics_rows_created(ngx_ess_zone_t *zone, uint64_t *count)
{
    *count = ngx_ess_created_number(zone);
}


/* used, free; so are the next ones */

static void
ngx_ess_metrics_rows_keys(ngx_ess_zone_t *zone, uint64_t *keys)
{
    keys[0] = ngx_ess_idempotency_count(zone);
    keys[1] = ngx_max(ngx_ess_idempotency_max(zone), keys[0]) - keys[0];
}


static void
ngx_ess_metrics_rows_zone(ngx_ess_zone_t *zone, uint64_t *bytes)
{
    ngx_uint_t  nfree, total;

    ngx_ess_zone_room(zone, &nfree, &total);

    bytes[0] = (uint64_t) (total - nfree) * NGX_ESS_SEGMENT_SIZE;
    bytes[1] = (uint64_t) nfree * NGX_ESS_SEGMENT_SIZE;
}
