
/*
 * What an operator's tools ask for: figures, in a worker.  Sums over
 * all process slots; the slots of dead workers keep their counters, so a sum
 * never goes down.  All memory is the request's.
 */


#include "ngx_ess_metrics.h"
#include "ngx_ess_metrics_event_log.h"
#include "ngx_ess_metrics_out.h"
#include "ngx_ess_metrics_rpc.h"
#include "ngx_ess_metrics_rows.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_process.h"
#include "ngx_ess_header.h"
#include "ngx_ess_conf_serve.h"


/* room for all that there is one of */
#define NGX_ESS_METRICS_ROOM     32768

/* of a histogram, at most */
#define NGX_ESS_METRICS_BUCKETS  ngx_max(NGX_ESS_AGES, NGX_ESS_BATCHES)


typedef struct {
    ngx_uint_t               first;         /* counter of the first bucket; the
                                               sum follows the last one */
    ngx_ess_metrics_out_histogram_t out;
} ngx_ess_metrics_histogram_t;


static ngx_int_t ngx_ess_metrics_format(ngx_http_request_t *r,
    ngx_uint_t *json);
static void ngx_ess_metrics_all(ngx_http_request_t *r,
    ngx_ess_metrics_out_t *out);
static void ngx_ess_metrics_table(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone, const ngx_ess_metric_t *metric);
static void ngx_ess_metrics_values(ngx_ess_zone_t *zone,
    const ngx_ess_metric_t *metric, uint64_t *values);
static void ngx_ess_metrics_workers(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone, const ngx_ess_metric_t *metric);
static void ngx_ess_metrics_commands(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone);
static void ngx_ess_metrics_histogram(ngx_ess_metrics_out_t *out,
    ngx_ess_zone_t *zone, const ngx_ess_metrics_histogram_t *h);
static void ngx_ess_metrics_streams(ngx_ess_metrics_out_t *out,
    ngx_ess_stream_info_t *infos, ngx_uint_t n);
static void ngx_ess_metrics_stream(ngx_ess_metrics_out_t *out,
    ngx_ess_stream_info_t *info, uint64_t value);


static const ngx_ess_param_t  ngx_ess_metrics_params[] = {

    { ngx_string("streams"), ngx_ess_param_number,
      offsetof(ngx_ess_loc_conf_t, metrics_streams), 1, 1000,
      "a number from 1 to 1000", NULL },

    ngx_ess_null_param
};


/* "streams=": so many have series of their own */

ngx_ess_param_directive_t  ngx_ess_metrics_directive = {
    ngx_ess_metrics_params, 0, "\"streams=\" and a number from 1 to 1000", 0, 0
};


static const ngx_ess_metrics_histogram_t  ngx_ess_metrics_histograms[] = {

    { NGX_ESS_C_AGE,
      { "event_age_seconds", "Time from an event's arrival to its being handed "
        "to a client's socket.", NGX_ESS_AGES, ngx_ess_counter_ages, 1000 } },

    { NGX_ESS_C_BATCH,
      { "batch_events", "Events that one send took to a client.",
        NGX_ESS_BATCHES, ngx_ess_counter_batches, 1 } }
};


static ngx_str_t  ngx_ess_metrics_prometheus =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");
static ngx_str_t  ngx_ess_metrics_json = ngx_string("application/json");


ngx_int_t
ngx_ess_metrics_handler(ngx_http_request_t *r)
{
    size_t                  size;
    ngx_int_t               rc;
    ngx_str_t               text;
    ngx_uint_t              n;
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

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    zone = mcf->zone;
    infos = NULL;
    n = 0;

    if (zone && lcf->metrics_streams) {
        infos = ngx_palloc(r->pool, lcf->metrics_streams
                                    * sizeof(ngx_ess_stream_info_t));
        if (infos == NULL) {
            return NGX_ERROR;
        }

        n = ngx_ess_stream_list(zone, 0, infos, lcf->metrics_streams);
    }

    /* for all there may be: what follows never writes beyond */

    size = 2;

    if (zone) {
        size += NGX_ESS_METRICS_ROOM
                + ngx_ess_process_slots(zone) * 64
                + n * 4 * (128 + 6 * NGX_ESS_MAX_KEY);
    }

    if (mcf->rpc_figures) {
        size += ngx_ess_metrics_rpc_room(mcf->rpc_figures);
    }

    if (mcf->event_logs) {
        size += ngx_ess_metrics_event_log_room(mcf->event_logs);
    }

    text.data = ngx_pnalloc(r->pool, size);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    out.p = text.data;
    out.last = out.p + size;

    if (zone) {
        ngx_ess_metrics_all(r, &out);
    }

    if (mcf->rpc_figures) {
        ngx_ess_metrics_rpc(&out, mcf->rpc_figures);
    }

    if (mcf->event_logs) {
        ngx_ess_metrics_event_log(&out, mcf->event_logs);
    }

    if (infos) {
        ngx_ess_metrics_streams(&out, infos, n);
    }

    if (out.json) {
        ngx_ess_metrics_out_text(&out, "}\n");
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


/* Those of a source, and of what is not used, are absent: a 0 there would read
   as a fault of the broker, or the application. */

static void
ngx_ess_metrics_all(ngx_http_request_t *r, ngx_ess_metrics_out_t *out)
{
    ngx_uint_t               i;
    ngx_ess_zone_t          *zone;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    zone = mcf->zone;

    ngx_ess_metrics_table(out, zone, ngx_ess_metrics_rows);

    if (mcf->authorizes) {
        ngx_ess_metrics_table(out, zone, ngx_ess_metrics_rows_authorize);
    }

    ngx_ess_metrics_commands(out, zone);
    ngx_ess_metrics_histogram(out, zone, &ngx_ess_metrics_histograms[0]);
    ngx_ess_metrics_histogram(out, zone, &ngx_ess_metrics_histograms[1]);

    source = mcf->sources->elts;

    for (i = 0; i < mcf->sources->nelts; i++) {
        if (source[i].conf && source[i].row->metrics) {
            ngx_ess_metrics_table(out, zone, source[i].row->metrics);
        }
    }
}


static void
ngx_ess_metrics_table(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone,
    const ngx_ess_metric_t *metric)
{
    uint64_t                        values[NGX_ESS_REJECTED_N + 1];
    ngx_uint_t                      i;
    const ngx_ess_metric_sample_t  *samples;

    for ( /* void */ ; metric->name; metric++) {
        ngx_ess_metrics_out_family(out, metric->name, metric->help,
                                   metric->type);

        samples = metric->samples;

        if (metric->label && samples[0].value == NULL) {
            ngx_ess_metrics_workers(out, zone, metric);
            ngx_ess_metrics_out_end(out);
            continue;
        }

        ngx_ess_metrics_values(zone, metric, values);

        if (metric->label == NULL) {
            ngx_ess_metrics_out_sample(out, NULL, NULL, values[0]);
            continue;
        }

        for (i = 0; samples[i].value; i++) {
            ngx_ess_metrics_out_sample(out, metric->label, samples[i].value,
                                       values[i]);
        }

        ngx_ess_metrics_out_end(out);
    }
}


static void
ngx_ess_metrics_values(ngx_ess_zone_t *zone, const ngx_ess_metric_t *metric,
    uint64_t *values)
{
    ngx_uint_t  i;

    if (metric->get) {
        metric->get(zone, values);
        return;
    }

    for (i = 0; i == 0 || metric->samples[i].value; i++) {
        values[i] = ngx_ess_counter_sum(zone, metric->samples[i].n);
    }
}


/* By process slot: small numbers, which are used again. */

static void
ngx_ess_metrics_workers(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone,
    const ngx_ess_metric_t *metric)
{
    u_char      worker[NGX_INT_T_LEN + 1];
    uint64_t    value;
    ngx_uint_t  i;

    for (i = 0; i < ngx_ess_process_slots(zone); i++) {

        if (ngx_ess_counter_of(zone, i, metric->samples[0].n, &value)
            == NGX_OK)
        {
            *ngx_sprintf(worker, "%ui", i) = '\0';
            ngx_ess_metrics_out_sample(out, metric->label, (char *) worker,
                                       value);
        }
    }
}


/* Those that there were; in JSON a member for both labels. */

static void
ngx_ess_metrics_commands(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone)
{
    uint64_t    value;
    ngx_uint_t  i, code;

    static const char  *names[NGX_ESS_COUNTER_COMMANDS] = {
        "none", "subscribe", "unsubscribe", "token", "ping"
    };

    ngx_ess_metrics_out_family(out, "commands_total",
                               "Commands of clients with several "
                               "subscriptions, and the streams that were "
                               "refused, by code.",
                               "counter");

    for (i = 0; i < NGX_ESS_COUNTER_COMMANDS * NGX_ESS_COUNTER_CODES; i++) {

        value = ngx_ess_counter_sum(zone, NGX_ESS_C_COMMANDS + i);
        code = ngx_ess_counter_codes[i % NGX_ESS_COUNTER_CODES];

        if (value == 0) {
            continue;
        }

        if (out->json) {
            ngx_ess_metrics_out_text(out, "%s\"%s %ui\":%uL",
                                     out->samples++ ? "," : "{",
                                     names[i / NGX_ESS_COUNTER_CODES], code,
                                     value);
            continue;
        }

        ngx_ess_metrics_out_text(out, "ess_commands_total{command=\"%s\","
                                 "code=\"%ui\"} %uL\n",
                                 names[i / NGX_ESS_COUNTER_CODES], code, value);
    }

    ngx_ess_metrics_out_end(out);
}


static void
ngx_ess_metrics_histogram(ngx_ess_metrics_out_t *out, ngx_ess_zone_t *zone,
    const ngx_ess_metrics_histogram_t *h)
{
    uint64_t    values[NGX_ESS_METRICS_BUCKETS + 1];
    ngx_uint_t  i;

    for (i = 0; i <= h->out.n; i++) {
        values[i] = ngx_ess_counter_sum(zone, h->first + i);
    }

    ngx_ess_metrics_out_histogram(out, &h->out, values);
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
        ngx_ess_metrics_out_family(out, families[k].name, families[k].help,
                                   "gauge");

        for (i = 0; i < n; i++) {
            ngx_ess_metrics_stream(out, &infos[i],
                                   k == 0 ? infos[i].subscribers
                                   : k == 1 ? infos[i].events
                                   : k == 2 ? infos[i].bytes
                                   : infos[i].last_ordinal);
        }

        ngx_ess_metrics_out_end(out);
    }
}


static void
ngx_ess_metrics_stream(ngx_ess_metrics_out_t *out, ngx_ess_stream_info_t *info,
    uint64_t value)
{
    u_char  id[NGX_INT64_LEN + 1];

    if (out->json) {
        *ngx_sprintf(id, "%uL", info->ref.id) = '\0';
        ngx_ess_metrics_out_sample(out, "id", (char *) id, value);
        return;
    }

    ngx_ess_metrics_out_text(out, "ess_%s{id=\"%uL\",routing_key=\"", out->name,
                             info->ref.id);

    ngx_ess_metrics_out_label(out, info->key, info->key_len);
    ngx_ess_metrics_out_text(out, "\"} %uL\n", value);
}


char *
ngx_ess_metrics_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *rv;

    rv = ngx_ess_param_args(cf, cmd, conf);

    return (rv == NGX_CONF_OK)
           ? ngx_ess_conf_serve(cf, cmd, conf, ngx_ess_metrics_handler) : rv;
}
