
/*
 * How figures are written: as Prometheus text or JSON, into room that the
 * caller has.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_metrics_out.h"


static void ngx_ess_metrics_out_number(u_char *text, uint64_t n,
    ngx_uint_t divisor);


void
ngx_ess_metrics_out_text(ngx_ess_metrics_out_t *out, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    out->p = ngx_vslprintf(out->p, out->last, fmt, args);
    va_end(args);
}


void
ngx_ess_metrics_out_family(ngx_ess_metrics_out_t *out, const char *name,
    const char *help, const char *type)
{
    out->name = name;
    out->suffix = "";
    out->samples = 0;

    if (out->json) {
        ngx_ess_metrics_out_text(out, "%s\"%s\":",
                                 out->families++ ? "," : "{", name);
        return;
    }

    ngx_ess_metrics_out_text(out, "# HELP ess_%s %s\n# TYPE ess_%s %s\n",
                             name, help, name, type);
}


void
ngx_ess_metrics_out_sample(ngx_ess_metrics_out_t *out, const char *label,
    const char *text, uint64_t value)
{
    if (!out->json) {
        ngx_ess_metrics_out_text(out, "ess_%s%s", out->name, out->suffix);

        if (label) {
            ngx_ess_metrics_out_text(out, "{%s=\"%s\"}", label, text);
        }

        ngx_ess_metrics_out_text(out, " %uL\n", value);
        return;
    }

    if (label) {
        ngx_ess_metrics_out_text(out, "%s\"%s\":",
                                 out->samples++ ? "," : "{", text);
    }

    ngx_ess_metrics_out_text(out, "%uL", value);
}


void
ngx_ess_metrics_out_end(ngx_ess_metrics_out_t *out)
{
    if (out->json) {
        ngx_ess_metrics_out_text(out, out->samples ? "}" : "{}");
    }
}


void
ngx_ess_metrics_out_histogram(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_out_histogram_t *h, const uint64_t *values)
{
    u_char      text[2 * NGX_INT64_LEN];
    uint64_t    count;
    ngx_uint_t  i;

    ngx_ess_metrics_out_family(out, h->name, h->help, "histogram");

    if (out->json) {
        ngx_ess_metrics_out_text(out, "{\"buckets\":");
    }

    out->suffix = "_bucket";
    count = 0;

    for (i = 0; i < h->n - 1; i++) {
        count += values[i];
        ngx_ess_metrics_out_number(text, h->bounds[i], h->divisor);
        ngx_ess_metrics_out_sample(out, "le", (char *) text, count);
    }

    count += values[i];
    ngx_ess_metrics_out_sample(out, "le", "+Inf", count);
    ngx_ess_metrics_out_end(out);

    ngx_ess_metrics_out_number(text, values[h->n], h->divisor);

    if (out->json) {
        ngx_ess_metrics_out_text(out, ",\"sum\":%s,\"count\":%uL}", text,
                                 count);

    } else {
        ngx_ess_metrics_out_text(out, "ess_%s_sum %s\ness_%s_count %uL\n",
                                 h->name, text, h->name, count);
    }
}


/* A label's value escapes what a JSON string does, and no more. */

void
ngx_ess_metrics_out_label(ngx_ess_metrics_out_t *out, const u_char *text,
    size_t len)
{
    size_t  i;
    u_char  c;

    for (i = 0; i < len; i++) {
        c = text[i];

        if (c == '\\' || c == '"' || c == '\n') {
            ngx_ess_metrics_out_text(out, "\\");
        }

        ngx_ess_metrics_out_text(out, "%c", c == '\n' ? 'n' : c);
    }
}


/* divisor: 1 or 1000 */

static void
ngx_ess_metrics_out_number(u_char *text, uint64_t n, ngx_uint_t divisor)
{
    if (divisor == 1) {
        *ngx_sprintf(text, "%uL", n) = '\0';

    } else {
        *ngx_sprintf(text, "%uL.%03uL", n / 1000, n % 1000) = '\0';
    }
}
