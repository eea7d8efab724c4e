/*
 * Figures as text, which is Prometheus' or JSON.
 */


#ifndef _NGX_ESS_METRICS_OUT_H_INCLUDED_
#define _NGX_ESS_METRICS_OUT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    u_char                  *p;
    u_char                  *last;
    ngx_uint_t               json;
    ngx_uint_t               families;      /* so far */
    const char              *name;          /* of the family */
    const char              *suffix;        /* of its samples' names */
    ngx_uint_t               samples;       /* of it, so far, with a label */
} ngx_ess_metrics_out_t;


typedef struct {
    const char              *name;
    const char              *help;
    ngx_uint_t               n;             /* buckets */
    const uint32_t          *bounds;        /* n - 1 of them */
    ngx_uint_t               divisor;       /* to the unit of the name: 1 or
                                               1000 */
} ngx_ess_metrics_out_histogram_t;


/* What has no room is left out, with all that follows. */
void ngx_ess_metrics_out_text(ngx_ess_metrics_out_t *out, const char *fmt,
    ...);

/* What begins a family: a member's name in JSON. */
void ngx_ess_metrics_out_family(ngx_ess_metrics_out_t *out, const char *name,
    const char *help, const char *type);

/* A family's only sample, without a label, or one of several. */
void ngx_ess_metrics_out_sample(ngx_ess_metrics_out_t *out, const char *label,
    const char *text, uint64_t value);

/* The end of samples with a label. */
void ngx_ess_metrics_out_end(ngx_ess_metrics_out_t *out);

/* A whole family; "values": of each bucket, and then the sum. */
void ngx_ess_metrics_out_histogram(ngx_ess_metrics_out_t *out,
    const ngx_ess_metrics_out_histogram_t *h, const uint64_t *values);

/* Prometheus: between the quotes of a label's value; at most twice as long. */
void ngx_ess_metrics_out_label(ngx_ess_metrics_out_t *out, const u_char *text,
    size_t len);


#endif /* _NGX_ESS_METRICS_OUT_H_INCLUDED_ */
