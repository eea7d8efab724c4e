
/*
 * Figures for ess_metrics, by tables: the API has one, and sources have theirs.
 */


#ifndef _NGX_ESS_METRIC_H_INCLUDED_
#define _NGX_ESS_METRIC_H_INCLUDED_


#include "ngx_ess_counter.h"


typedef struct {
    ngx_uint_t               n;             /* ngx_ess_counter_e, unless there
                                               is a getter */
    const char              *value;         /* of the label */
} ngx_ess_metric_sample_t;


typedef struct {
    const char              *name;          /* without "ess_"; NULL: the table
                                               ends */
    const char              *help;
    const char              *type;          /* "counter" or "gauge" */
    const char              *label;         /* NULL: one sample without; with a
                                               sample that has no value: one of
                                               each worker */
    ngx_ess_metric_sample_t  samples[NGX_ESS_REJECTED_N + 1];
                                            /* up to one without a value */

    /* the values of all samples, in order, without the mutex; NULL: each is
       the sum of a counter */
    void                   (*get)(ngx_ess_zone_t *zone, uint64_t *values);
} ngx_ess_metric_t;


#define ngx_ess_metric_counter(name, n, help)                                 \
    { name, help, "counter", NULL, { { n, NULL } }, NULL }

#define ngx_ess_metric_gauge(name, n, help)                                   \
    { name, help, "gauge", NULL, { { n, NULL } }, NULL }

#define ngx_ess_null_metric  { NULL, NULL, NULL, NULL, { { 0, NULL } }, NULL }


#endif /* _NGX_ESS_METRIC_H_INCLUDED_ */
