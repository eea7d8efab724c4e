/*
 * Health: is the broker there, does every slot have a consumer, and is every
 * key bound?  And the figures for ess_metrics.  Asks what the workers left in
 * the zone.  Runs in a worker.
 */


#include "ngx_ess_exchange_health.h"
#include "ngx_ess_broker.h"
#include "ngx_ess_counter.h"


static void ngx_ess_exchange_health_consumed(ngx_ess_zone_t *zone,
    uint64_t *consumed);


const ngx_ess_metric_t  ngx_ess_exchange_metrics[] = {

    { "redelivered_events_total", "Events that the broker delivered again: "
      "recognised, or in doubt and perhaps doubled.", "counter", "outcome",
      { { NGX_ESS_C_REDELIVERED, "recognised" },
        { NGX_ESS_C_REDELIVERED_IN_DOUBT, "in_doubt" } }, NULL },

    ngx_ess_metric_counter("amqp_sessions_total", NGX_ESS_C_SESSIONS,
        "Sessions with the broker that were established."),

    ngx_ess_metric_gauge("amqp_unacknowledged_deliveries",
        NGX_ESS_C_UNACKNOWLEDGED,
        "Deliveries not acknowledged yet."),

    ngx_ess_metric_counter("amqp_published_events_total", NGX_ESS_C_PUBLISHED,
        "Events that the broker confirmed."),

    ngx_ess_metric_counter("amqp_bindings_restored_total", NGX_ESS_C_RESTORED,
        "Bindings that were found gone and made again."),

    ngx_ess_metric_gauge("amqp_blocked", NGX_ESS_C_BLOCKED,
        "Workers that the broker lets publish nothing."),

    ngx_ess_metric_gauge("amqp_unconfirmed_events", NGX_ESS_C_UNCONFIRMED,
        "Events published but not confirmed yet."),

    ngx_ess_metric_gauge("amqp_replays", NGX_ESS_C_REPLAYS,
        "Clients that read a RabbitMQ stream from the broker."),

    { "amqp_connected", "1 for each worker that consumes from the broker.",
      "gauge", "worker", { { NGX_ESS_C_CONNECTED, NULL } }, NULL },

    { "amqp_slots_consumed", "Slots, of 16, that a worker consumes.", "gauge",
      NULL, { { 0, NULL } }, ngx_ess_exchange_health_consumed },

    ngx_ess_null_metric
};


ngx_int_t
ngx_ess_exchange_health(ngx_ess_zone_t *zone, u_char *buf, ngx_str_t *why)
{
    u_char       what[sizeof("16 of 16 slots are not consumed")];
    uint32_t     missing;
    const char  *words;

    missing = ngx_ess_broker_missing(zone, NGX_ESS_BROKER_GRACE);

    if (ngx_ess_counter_sum(zone, NGX_ESS_C_CONNECTED) == 0) {
        words = "no worker is connected to the broker";

    } else if (missing) {
        (void) ngx_sprintf(what, "%d of %d slots are not consumed%Z",
                           __builtin_popcount(missing), NGX_ESS_SLOTS);
        words = (char *) what;

    } else if (ngx_ess_counter_sum(zone, NGX_ESS_C_UNBOUND)) {
        words = "routing keys are not bound in the broker";

    } else {
        return NGX_OK;
    }

    ngx_ess_broker_why(zone, NGX_ESS_BROKER_CONSUMING, words, buf, why);

    return NGX_DECLINED;
}


static void
ngx_ess_exchange_health_consumed(ngx_ess_zone_t *zone, uint64_t *consumed)
{
    ngx_uint_t  i;

    *consumed = 0;

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        *consumed += (ngx_ess_broker_consumer(zone, i) != NGX_ESS_PROCS);
    }
}
