
/*
 * Figures of ess_consume and ess_rpc, family by family.  Those of a directive
 * are absent while it is not used.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_metrics_rpc.h"
#include "ngx_ess_utf8.h"


/* room for all that there is one of, and for a sample of a queue without its
   name, twice */
#define NGX_ESS_METRICS_RPC_ROOM    16384
#define NGX_ESS_METRICS_RPC_SAMPLE  128

/* a name as it may be told: a byte becomes four, of which JSON makes five */
#define NGX_ESS_METRICS_RPC_NAME    (4 * 256)
#define NGX_ESS_METRICS_RPC_BYTE    6


static void ngx_ess_metrics_rpc_messages(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_figures_t *figures);
static void ngx_ess_metrics_rpc_consumers(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_figures_t *figures);
static void ngx_ess_metrics_rpc_name(ngx_ess_metrics_out_t *out,
    ngx_str_t *name);
static void ngx_ess_metrics_rpc_one(ngx_ess_metrics_out_t *out,
    const char *name, const char *type, const char *help, uint64_t value);
static void ngx_ess_metrics_rpc_calls(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_report_totals_t *totals);
static void ngx_ess_metrics_rpc_times(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_out_histogram_t *h,
    ngx_ess_rpc_report_histogram_t *times);


static const char  *ngx_ess_metrics_rpc_message_outcomes[] = {
    "ack", "reply", "retry", "dead", "expired", "gone"
};

/* but for late replies, which are no calls */

static const char  *ngx_ess_metrics_rpc_call_outcomes[NGX_ESS_CALL_LATE] = {
    "reply", "error", "no_queue", "timeout", "unavailable", "refused",
    "bad_reply", "gone"
};


static const ngx_ess_metrics_out_histogram_t  ngx_ess_metrics_rpc_message_time =
{
    "consume_seconds", "Time from a message's delivery to its being done.",
    NGX_ESS_RPC_FIGURES_TIMES, ngx_ess_rpc_figures_times, 1000
};

static const ngx_ess_metrics_out_histogram_t  ngx_ess_metrics_rpc_call_time = {
    "rpc_seconds", "Time from a call's being published to its reply.",
    NGX_ESS_RPC_FIGURES_TIMES, ngx_ess_rpc_figures_times, 1000
};


size_t
ngx_ess_metrics_rpc_room(ngx_ess_rpc_figures_t *figures)
{
    size_t      size;
    ngx_uint_t  i;

    size = NGX_ESS_METRICS_RPC_ROOM;

    for (i = 0; i < ngx_ess_rpc_report_queues(figures); i++) {
        size += (NGX_ESS_CONSUME_OUTCOMES + 1)
                * (NGX_ESS_METRICS_RPC_SAMPLE
                   + ngx_ess_rpc_report_name(figures, i)->len
                     * NGX_ESS_METRICS_RPC_BYTE);
    }

    return size;
}


void
ngx_ess_metrics_rpc(ngx_ess_metrics_out_t *out, ngx_ess_rpc_figures_t *figures)
{
    ngx_ess_rpc_report_totals_t  totals;

    ngx_ess_rpc_report_totals(figures, &totals);

    if (ngx_ess_rpc_report_queues(figures)) {
        ngx_ess_metrics_rpc_messages(out, figures);
        ngx_ess_metrics_rpc_consumers(out, figures);
        ngx_ess_metrics_rpc_one(out, "consume_in_work", "gauge",
                                "Messages that are requests now, or are to be "
                                "again.", totals.in_work);
        ngx_ess_metrics_rpc_times(out, &ngx_ess_metrics_rpc_message_time,
                                  &totals.message_time);
    }

    if (ngx_ess_rpc_report_calls(figures)) {
        ngx_ess_metrics_rpc_calls(out, &totals);
        ngx_ess_metrics_rpc_one(out, "rpc_in_flight", "gauge",
                                "Calls that wait for a reply.",
                                totals.in_flight);
        ngx_ess_metrics_rpc_times(out, &ngx_ess_metrics_rpc_call_time,
                                  &totals.call_time);
        ngx_ess_metrics_rpc_one(out, "rpc_late_replies_total", "counter",
                                "Replies that came when nobody waited for them "
                                "any more.", totals.calls[NGX_ESS_CALL_LATE]);
    }

    ngx_ess_metrics_rpc_one(out, "rpc_blocked", "gauge",
                            "Workers whose replies and calls the broker takes "
                            "no more.", totals.blocked);
}


/* In JSON a member for each queue, and in it one for each outcome. */

static void
ngx_ess_metrics_rpc_messages(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_figures_t *figures)
{
    uint64_t     n;
    ngx_str_t   *name;
    ngx_uint_t   i, k;

    ngx_ess_metrics_out_family(out, "consume_messages_total",
                               "Messages of queues, by what became of them, "
                               "each time that something did.", "counter");

    for (i = 0; i < ngx_ess_rpc_report_queues(figures); i++) {
        name = ngx_ess_rpc_report_name(figures, i);

        if (out->json) {
            ngx_ess_metrics_rpc_name(out, name);
        }

        for (k = 0; k < NGX_ESS_CONSUME_OUTCOMES; k++) {
            n = ngx_ess_rpc_report_outcome(figures, i, k);

            if (out->json) {
                ngx_ess_metrics_out_text(out, "%s\"%s\":%uL", k ? "," : "{",
                                   ngx_ess_metrics_rpc_message_outcomes[k], n);
                continue;
            }

            ngx_ess_metrics_rpc_name(out, name);
            ngx_ess_metrics_out_text(out, ",outcome=\"%s\"} %uL\n",
                                   ngx_ess_metrics_rpc_message_outcomes[k], n);
        }

        if (out->json) {
            ngx_ess_metrics_out_text(out, "}");
        }
    }

    ngx_ess_metrics_out_end(out);
}


static void
ngx_ess_metrics_rpc_consumers(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_figures_t *figures)
{
    ngx_uint_t  i;

    ngx_ess_metrics_out_family(out, "consume_consumers",
                               "Workers that consume a queue.", "gauge");

    for (i = 0; i < ngx_ess_rpc_report_queues(figures); i++) {
        ngx_ess_metrics_rpc_name(out, ngx_ess_rpc_report_name(figures, i));
        ngx_ess_metrics_out_text(out, out->json ? "%ui" : "} %ui\n",
                                 ngx_ess_rpc_report_consumers(figures, i));
    }

    ngx_ess_metrics_out_end(out);
}


/*
 * What begins a sample of a queue.  Both formats are UTF-8: when a name is
 * not, its bytes that are no ASCII are told as "\xHH".
 */

static void
ngx_ess_metrics_rpc_name(ngx_ess_metrics_out_t *out, ngx_str_t *name)
{
    u_char    *p, buf[NGX_ESS_METRICS_RPC_NAME];
    size_t     i;
    ngx_str_t  text;

    text = *name;

    if (!ngx_ess_utf8_valid(name->data, name->len)) {
        p = buf;

        for (i = 0; i < name->len && p + 4 <= buf + sizeof(buf); i++) {
            p = ngx_sprintf(p, name->data[i] < 0x80 ? "%c" : "\\x%02xd",
                            name->data[i]);
        }

        text.data = buf;
        text.len = p - buf;
    }

    if (!out->json) {
        ngx_ess_metrics_out_text(out, "ess_%s{queue=\"", out->name);
        ngx_ess_metrics_out_label(out, text.data, text.len);
        ngx_ess_metrics_out_text(out, "\"");
        return;
    }

    ngx_ess_metrics_out_text(out, "%s\"", out->samples++ ? "," : "{");

    if (text.len + ngx_escape_json(NULL, text.data, text.len)
        <= (size_t) (out->last - out->p))
    {
        out->p = (u_char *) ngx_escape_json(out->p, text.data, text.len);
    }

    ngx_ess_metrics_out_text(out, "\":");
}


static void
ngx_ess_metrics_rpc_one(ngx_ess_metrics_out_t *out, const char *name,
    const char *type, const char *help, uint64_t value)
{
    ngx_ess_metrics_out_family(out, name, help, type);
    ngx_ess_metrics_out_sample(out, NULL, NULL, value);
}


static void
ngx_ess_metrics_rpc_calls(ngx_ess_metrics_out_t *out,
    ngx_ess_rpc_report_totals_t *totals)
{
    ngx_uint_t  i;

    ngx_ess_metrics_out_family(out, "rpc_requests_total",
                               "Calls, by how they ended.", "counter");

    for (i = 0; i < NGX_ESS_CALL_LATE; i++) {
        ngx_ess_metrics_out_sample(out, "outcome",
                                   ngx_ess_metrics_rpc_call_outcomes[i],
                                   totals->calls[i]);
    }

    ngx_ess_metrics_out_end(out);
}


static void
ngx_ess_metrics_rpc_times(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_out_histogram_t *h,
    ngx_ess_rpc_report_histogram_t *times)
{
    uint64_t  values[NGX_ESS_RPC_FIGURES_TIMES + 1];

    ngx_memcpy(values, times->buckets, sizeof(times->buckets));
    values[NGX_ESS_RPC_FIGURES_TIMES] = times->sum;

    ngx_ess_metrics_out_histogram(out, h, values);
}
