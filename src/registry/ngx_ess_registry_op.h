/*
 * Operations of the registry, which outlive whoever began them.  Private to
 * registry/.
 */


#ifndef _NGX_ESS_REGISTRY_OP_H_INCLUDED_
#define _NGX_ESS_REGISTRY_OP_H_INCLUDED_


#include "ngx_ess_registry.h"
#include "ngx_ess_store.h"


#define NGX_ESS_REGISTRY_TEXT         512

/* a creation, deletion or repair under way */

struct ngx_ess_registry_op_s {
    ngx_ess_registry_pt        handler;     /* NULL: nobody waits */
    void                      *data;
    ngx_ess_zone_t            *zone;
    ngx_ess_stream_info_t      info;
    ngx_ess_store_op_t         store;
    ngx_ess_source_bind_t      bind;
    ngx_ess_source_options_t   declare;     /* of what is to be declared */
    ngx_queue_t                queue;       /* while it waits for a retry */
    ngx_uint_t                 by;          /* ngx_ess_created_by_e */

    /* an undo's answer */
    ngx_ess_registry_result_e  result;
    u_char                     text[NGX_ESS_REGISTRY_TEXT];
                                            /* null terminated */
};


/* In a worker, before the first one. */
void ngx_ess_registry_op_init(ngx_cycle_t *cycle);

/* A new operation; the worker stays until it is freed.  NULL: no memory. */
ngx_ess_registry_op_t *ngx_ess_registry_op_create(ngx_ess_zone_t *zone);
void ngx_ess_registry_op_free(ngx_ess_registry_op_t *op);

/* Submits op->info to the store. */
void ngx_ess_registry_op_store(ngx_ess_registry_op_t *op,
    ngx_ess_store_op_e type, ngx_ess_store_op_pt handler);

/* Calls the handler, if somebody waits. */
void ngx_ess_registry_op_answer(ngx_ess_registry_op_t *op,
    ngx_ess_registry_result_e result, const char *text);

/* One operation more, or less, that the worker stays for when it quits.  One
   that is there counts, but while it waits for another try. */
void ngx_ess_registry_op_hold(void);
void ngx_ess_registry_op_release(void);


#endif /* _NGX_ESS_REGISTRY_OP_H_INCLUDED_ */
