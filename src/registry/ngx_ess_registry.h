/*
 * The registry: how streams come into being and go.  A creation or a deletion
 * sees to the stream table, the store and the source, in this order, and is
 * finished or rolled back whether or not somebody waits for it:
 *
 *   create:  reserve ─► SAVE ─► bind ─► show ─► OK
 *                        │       └─► undo: REMOVE ─► remove ─► the source's
 *                        └─► remove ─► STORE
 *   delete:  delete_begin ─► REMOVE ─► remove ─► OK
 *                              └─► show ─► STORE
 *
 * What a worker leaves half-made another one adopts (_upkeep.c).
 */


#ifndef _NGX_ESS_REGISTRY_H_INCLUDED_
#define _NGX_ESS_REGISTRY_H_INCLUDED_


#include "ngx_ess_source.h"
#include "ngx_ess_stream.h"


typedef struct ngx_ess_registry_op_s  ngx_ess_registry_op_t;


typedef enum {
    NGX_ESS_REGISTRY_OK = 0,
    NGX_ESS_REGISTRY_STORE,                 /* the store failed */
    NGX_ESS_REGISTRY_BUSY,                  /* the source did not answer within
                                               the time */
    NGX_ESS_REGISTRY_CONFLICT,              /* the source has something else
                                               under that name */
    NGX_ESS_REGISTRY_REFUSED                /* the source refused it */
} ngx_ess_registry_result_e;


/* Called once, and never from within what began it.  "text" is what the store
   or the source says, null terminated, or empty; it and "info" are valid during
   the call. */
typedef void (*ngx_ess_registry_pt)(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);


/*
 * Creates a stream; "epoch" and "attr", which may be NULL, as in
 * ngx_ess_table_reserve().  "declare": options of what the source is to declare
 * under that name, copied, or NULL.  NGX_OK: under way, the handler is called.
 * NGX_DECLINED: the zone has no room for it.  NGX_ABORT: another stream has the
 * name.  NGX_AGAIN, NGX_BUSY: against attr->limits, see ngx_ess_created.h.
 * NGX_ERROR: no memory, or no uuid could be made, logged.  Takes the mutex.
 */
ngx_int_t ngx_ess_registry_create(ngx_ess_zone_t *zone, ngx_str_t *key,
    const ngx_ess_kind_t *kind, uint64_t epoch,
    const ngx_ess_stream_attr_t *attr, ngx_ess_source_options_t *declare,
    ngx_ess_registry_pt handler, void *data, ngx_ess_registry_op_t **op);

/* Deletes a stream.  NGX_OK: as above.  NGX_DECLINED: there is none, or it is
   being deleted.  NGX_ERROR: no memory.  Takes the mutex. */
ngx_int_t ngx_ess_registry_delete(ngx_ess_zone_t *zone,
    ngx_ess_stream_info_t *info, ngx_ess_registry_pt handler, void *data,
    ngx_ess_registry_op_t **op);

/* The same of one that is DELETING already, owned by this process.  NGX_OK, or
   NGX_ERROR: no memory. */
ngx_int_t ngx_ess_registry_delete_begun(ngx_ess_zone_t *zone,
    ngx_ess_stream_info_t *info, ngx_ess_registry_pt handler, void *data,
    ngx_ess_registry_op_t **op);

/* Nobody waits for it any more: its handler is not called. */
void ngx_ess_registry_forget(ngx_ess_registry_op_t *op);


#endif /* _NGX_ESS_REGISTRY_H_INCLUDED_ */
