/*
 * Streams that nginx.conf declares are there as long as it does: one worker
 * makes what is missing, sets what may change, and deletes what is declared no
 * more.  What fails is tried again, for ever.
 *
 *   missing ──► create ──► there ── set, when rule or bounds differ
 *      ▲           └─► later ┐
 *      └─────────────────────┘        declared once, by nobody now ──► delete
 */


#ifndef _NGX_ESS_REGISTRY_DECLARED_H_INCLUDED_
#define _NGX_ESS_REGISTRY_DECLARED_H_INCLUDED_


#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


typedef struct {
    ngx_ess_stream_attr_t    attr;          /* with a name, declared */
    ngx_str_t                key;           /* routing key */
    const ngx_ess_kind_t    *kind;
    uint64_t                 epoch;         /* as in ngx_ess_table_reserve() */

    /* private to the worker */
    ngx_str_node_t           node;          /* by name */
    ngx_msec_t               next;          /* ngx_current_msec of the next
                                               try */
    ngx_msec_t               delay;         /* ms, before it */
    unsigned                 settled:1;     /* it is as it should be */
    unsigned                 busy:1;        /* it is being made */
    unsigned                 told:1;        /* why it is not there yet */
} ngx_ess_registry_declared_t;


/* In the worker that sees to it, after the sources; the array is the cycle's,
   its private parts are zeroed. */
void ngx_ess_registry_declared_init(ngx_ess_zone_t *zone,
    ngx_ess_registry_declared_t *declared, ngx_uint_t n);

/* From the worker's timer.  Takes the mutex when there is something to do. */
void ngx_ess_registry_declared_tick(void);


#endif /* _NGX_ESS_REGISTRY_DECLARED_H_INCLUDED_ */
