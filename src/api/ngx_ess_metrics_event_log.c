/*
 * Figures of event logs, family by family.  A log's name is letters, digits,
 * "_" and "-".  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_metrics_event_log.h"


/* room for what begins families, and for a log's samples */
#define NGX_ESS_METRICS_EVENT_LOG_ROOM  2048
#define NGX_ESS_METRICS_EVENT_LOG_EACH  (64 * 160)


/* numbers of a log, in their order */

typedef enum {
    NGX_ESS_METRICS_EVENT_LOG_EVENTS = 0,
    NGX_ESS_METRICS_EVENT_LOG_BYTES,
    NGX_ESS_METRICS_EVENT_LOG_UP,
    NGX_ESS_METRICS_EVENT_LOG_LISTENING,
    NGX_ESS_METRICS_EVENT_LOG_NOTICES,
    NGX_ESS_METRICS_EVENT_LOG_BEHIND,
    NGX_ESS_METRICS_EVENT_LOG_VALUES
} ngx_ess_metrics_event_log_e;


typedef struct {
    const char              *name;
    const char              *help;
    const char              *type;
} ngx_ess_metrics_event_log_value_t;


static void ngx_ess_metrics_event_log_inserts(ngx_ess_metrics_out_t *out,
    ngx_array_t *logs);
static void ngx_ess_metrics_event_log_value(ngx_ess_metrics_out_t *out,
    ngx_array_t *logs, ngx_ess_metrics_event_log_e value);
static ngx_int_t ngx_ess_metrics_event_log_of(ngx_ess_event_log_t *log,
    ngx_ess_metrics_event_log_e value, uint64_t *n);
static void ngx_ess_metrics_event_log_info(ngx_ess_metrics_out_t *out,
    ngx_array_t *logs);
static void ngx_ess_metrics_event_log_name(ngx_ess_metrics_out_t *out,
    ngx_ess_event_log_t *log);
static void ngx_ess_metrics_event_log_times(ngx_ess_metrics_out_t *out,
    ngx_array_t *logs);
static void ngx_ess_metrics_event_log_histogram(ngx_ess_metrics_out_t *out,
    ngx_ess_event_log_t *log, const char *op, uint64_t *values);


static const char
    *ngx_ess_metrics_event_log_results[NGX_ESS_EVENT_LOG_FIGURES_RESULTS] = {
    "stored", "same", "duplicate", "invalid", "undone", "unavailable"
};


static const ngx_ess_metrics_event_log_value_t
    ngx_ess_metrics_event_log_values[NGX_ESS_METRICS_EVENT_LOG_VALUES] = {
    { "event_log_events", "Events in a log's database.", "gauge" },
    { "event_log_bytes", "Bytes that a log's database takes.", "gauge" },
    { "event_log_up", "1 while a log's database answers.", "gauge" },
    { "event_log_listening", "1 while nginx listens to what others store.",
      "gauge" },
    { "event_log_notices_total", "Notices that others have stored.",
      "counter" },
    { "event_log_behind", "Events that those who follow a log do not have yet.",
      "gauge" }
};


size_t
ngx_ess_metrics_event_log_room(ngx_array_t *logs)
{
    return NGX_ESS_METRICS_EVENT_LOG_ROOM
           + logs->nelts * NGX_ESS_METRICS_EVENT_LOG_EACH;
}


void
ngx_ess_metrics_event_log(ngx_ess_metrics_out_t *out, ngx_array_t *logs)
{
    ngx_uint_t  i;

    ngx_ess_metrics_event_log_inserts(out, logs);

    for (i = 0; i < NGX_ESS_METRICS_EVENT_LOG_VALUES; i++) {
        ngx_ess_metrics_event_log_value(out, logs, i);
    }

    ngx_ess_metrics_event_log_info(out, logs);
    ngx_ess_metrics_event_log_times(out, logs);
}


/* In JSON a member for each log, and in it one for each result. */

static void
ngx_ess_metrics_event_log_inserts(ngx_ess_metrics_out_t *out,
    ngx_array_t *logs)
{
    const char                        *result;
    ngx_uint_t                         i, k;
    ngx_ess_event_log_t              **log;
    ngx_ess_event_log_figures_sums_t   sums;

    ngx_ess_metrics_out_family(out, "event_log_inserts_total",
                               "Events that were to be stored, by what became "
                               "of them.", "counter");
    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        ngx_ess_event_log_figures_sums(log[i], &sums);

        if (out->json) {
            ngx_ess_metrics_event_log_name(out, log[i]);
        }

        for (k = 0; k < NGX_ESS_EVENT_LOG_FIGURES_RESULTS; k++) {
            result = ngx_ess_metrics_event_log_results[k];

            if (out->json) {
                ngx_ess_metrics_out_text(out, "%s\"%s\":%uL", k ? "," : "{",
                                         result, sums.results[k]);
                continue;
            }

            ngx_ess_metrics_event_log_name(out, log[i]);
            ngx_ess_metrics_out_text(out, ",result=\"%s\"} %uL\n", result,
                                     sums.results[k]);
        }

        if (out->json) {
            ngx_ess_metrics_out_text(out, "}");
        }
    }

    ngx_ess_metrics_out_end(out);
}


/* A number of each log. */

static void
ngx_ess_metrics_event_log_value(ngx_ess_metrics_out_t *out, ngx_array_t *logs,
    ngx_ess_metrics_event_log_e value)
{
    uint64_t                                  n;
    ngx_uint_t                                i;
    ngx_ess_event_log_t                     **log;
    const ngx_ess_metrics_event_log_value_t  *v;

    v = &ngx_ess_metrics_event_log_values[value];

    ngx_ess_metrics_out_family(out, v->name, v->help, v->type);

    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {

        if (ngx_ess_metrics_event_log_of(log[i], value, &n) == NGX_OK) {
            ngx_ess_metrics_event_log_name(out, log[i]);
            ngx_ess_metrics_out_text(out, out->json ? "%uL" : "} %uL\n", n);
        }
    }

    ngx_ess_metrics_out_end(out);
}


/* NGX_DECLINED: of this log there is no sample. */

static ngx_int_t
ngx_ess_metrics_event_log_of(ngx_ess_event_log_t *log,
    ngx_ess_metrics_event_log_e value, uint64_t *n)
{
    ngx_uint_t                        known;
    ngx_ess_trouble_t                 copy;
    ngx_ess_event_log_figures_sums_t  sums;

    ngx_ess_event_log_figures_sums(log, &sums);

    switch (value) {

    case NGX_ESS_METRICS_EVENT_LOG_EVENTS:
        known = sums.measured;
        *n = sums.events;
        break;

    case NGX_ESS_METRICS_EVENT_LOG_BYTES:
        known = sums.measured;
        *n = sums.bytes;
        break;

    case NGX_ESS_METRICS_EVENT_LOG_UP:
        known = 1;
        *n = !ngx_ess_event_log_figures_trouble(log, &copy);
        break;

    /* of databases that tell what others store */

    case NGX_ESS_METRICS_EVENT_LOG_LISTENING:
        known = (log->engine->notices != NULL);
        *n = sums.listening;
        break;

    case NGX_ESS_METRICS_EVENT_LOG_NOTICES:
        known = (log->engine->notices != NULL);
        *n = sums.noticed;
        break;

    default: /* NGX_ESS_METRICS_EVENT_LOG_BEHIND */
        known = sums.followed;
        *n = sums.behind;
    }

    return known ? NGX_OK : NGX_DECLINED;
}


static void
ngx_ess_metrics_event_log_info(ngx_ess_metrics_out_t *out, ngx_array_t *logs)
{
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    ngx_ess_metrics_out_family(out, "event_log_info",
                               "1; which database a log is in.", "gauge");
    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        ngx_ess_metrics_event_log_name(out, log[i]);
        ngx_ess_metrics_out_text(out, out->json ? "\"%V\""
                                                : ",database=\"%V\"} 1\n",
                                 &log[i]->engine->name);
    }

    ngx_ess_metrics_out_end(out);
}


/* What begins a log's sample. */

static void
ngx_ess_metrics_event_log_name(ngx_ess_metrics_out_t *out,
    ngx_ess_event_log_t *log)
{
    if (out->json) {
        ngx_ess_metrics_out_text(out, "%s\"%V\":", out->samples++ ? "," : "{",
                                 &log->name);
    } else {
        ngx_ess_metrics_out_text(out, "ess_%s{log=\"%V\"", out->name,
                                 &log->name);
    }
}


static void
ngx_ess_metrics_event_log_times(ngx_ess_metrics_out_t *out, ngx_array_t *logs)
{
    ngx_uint_t                         i;
    ngx_ess_event_log_t              **log;
    ngx_ess_event_log_figures_sums_t   sums;

    ngx_ess_metrics_out_family(out, "event_log_seconds",
                               "Time from a request's call of a log to the "
                               "database's answer.", "histogram");
    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        ngx_ess_event_log_figures_sums(log[i], &sums);

        if (out->json) {
            ngx_ess_metrics_event_log_name(out, log[i]);
            ngx_ess_metrics_out_text(out, "{");
        }

        ngx_ess_metrics_event_log_histogram(out, log[i], "insert",
                                            sums.inserts);
        if (out->json) {
            ngx_ess_metrics_out_text(out, ",");
        }

        ngx_ess_metrics_event_log_histogram(out, log[i], "query",
                                            sums.queries);
        if (out->json) {
            ngx_ess_metrics_out_text(out, "}");
        }
    }

    ngx_ess_metrics_out_end(out);
}


static void
ngx_ess_metrics_event_log_histogram(ngx_ess_metrics_out_t *out,
    ngx_ess_event_log_t *log, const char *op, uint64_t *values)
{
    u_char      le[NGX_INT64_LEN + sizeof(".000")];
    uint64_t    count, sum;
    uint32_t    ms;
    ngx_uint_t  i;

    count = 0;
    sum = values[NGX_ESS_EVENT_LOG_FIGURES_TIMES];

    if (out->json) {
        ngx_ess_metrics_out_text(out, "\"%s\":{\"buckets\":{", op);
    }

    for (i = 0; i < NGX_ESS_EVENT_LOG_FIGURES_TIMES; i++) {
        count += values[i];

        if (i == NGX_ESS_EVENT_LOG_FIGURES_TIMES - 1) {
            (void) ngx_cpystrn(le, (u_char *) "+Inf", sizeof(le));

        } else {
            ms = ngx_ess_event_log_figures_times[i];
            *ngx_sprintf(le, "%uD.%03uD", ms / 1000, ms % 1000) = '\0';
        }

        if (out->json) {
            ngx_ess_metrics_out_text(out, "%s\"%s\":%uL", i ? "," : "", le,
                                     count);
            continue;
        }

        ngx_ess_metrics_out_text(out, "ess_%s_bucket{log=\"%V\",op=\"%s\","
                                 "le=\"%s\"} %uL\n", out->name, &log->name, op,
                                 le, count);
    }

    if (out->json) {
        ngx_ess_metrics_out_text(out, "},\"sum\":%uL.%03uL,\"count\":%uL}",
                                 sum / 1000, sum % 1000, count);
        return;
    }

    ngx_ess_metrics_out_text(out, "ess_%s_sum{log=\"%V\",op=\"%s\"} "
                             "%uL.%03uL\n", out->name, &log->name, op,
                             sum / 1000, sum % 1000);
    ngx_ess_metrics_out_text(out, "ess_%s_count{log=\"%V\",op=\"%s\"} %uL\n",
                             out->name, &log->name, op, count);
}
