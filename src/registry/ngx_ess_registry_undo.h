/*
 * Undoes half-made streams.
 *
 *   undo ──► REMOVE ─► remove ──► answer
 *              └─► answer, and REMOVE again each second
 *
 * Private to registry/.
 */


#ifndef _NGX_ESS_REGISTRY_UNDO_H_INCLUDED_
#define _NGX_ESS_REGISTRY_UNDO_H_INCLUDED_


#include "ngx_ess_registry_op.h"


#define NGX_ESS_REGISTRY_UNDO_MAX     64    /* at a time */


/* In a worker, before the first one. */
void ngx_ess_registry_undo_init(void);

/*
 * op->info is CREATING, or DELETING by a dead worker: removes it from the store
 * and the table, answers with op->result and op->text, frees op.  While the
 * store fails it is tried again each second; when the worker leaves before,
 * another one adopts the stream.
 */
void ngx_ess_registry_undo(ngx_ess_registry_op_t *op);

/* How many are being undone, or wait to be. */
ngx_uint_t ngx_ess_registry_undo_count(void);

/* From the worker's timer: those that wait are tried again. */
void ngx_ess_registry_undo_retry(void);


#endif /* _NGX_ESS_REGISTRY_UNDO_H_INCLUDED_ */
