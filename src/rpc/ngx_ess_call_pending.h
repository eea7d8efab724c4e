/*
 * Calls that wait for their reply, found by the correlation id: 128 random bits
 * in hex, so that nobody who was not sent one guesses it, and whoever makes ids
 * up cannot choose where they lie.
 */


#ifndef _NGX_ESS_CALL_PENDING_H_INCLUDED_
#define _NGX_ESS_CALL_PENDING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_ESS_CALL_PENDING_ID     32      /* bytes of it */
#define NGX_ESS_CALL_PENDING_BYTES  16      /* random ones that it shows */
#define NGX_ESS_CALL_PENDING_BATCH  64      /* ids whose bits are had at once */


/* one of them, in the memory of whoever waits; zeroed, it is in no table */

typedef struct {
    ngx_rbtree_node_t        node;
    u_char                   id[NGX_ESS_CALL_PENDING_ID];
    unsigned                 added:1;
} ngx_ess_call_pending_t;


typedef struct {
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_uint_t               nleft;         /* of "bits", for ids to come */
    u_char                   bits[NGX_ESS_CALL_PENDING_BATCH]
                                 [NGX_ESS_CALL_PENDING_BYTES];
} ngx_ess_call_pending_table_t;


/* In the worker: two that begin with the same bits would give the same ids. */
void ngx_ess_call_pending_init(ngx_ess_call_pending_table_t *table);

/* Gives it an id and adds it.  NGX_OK, or NGX_ERROR: there are no random
   numbers. */
ngx_int_t ngx_ess_call_pending_add(ngx_ess_call_pending_table_t *table,
    ngx_ess_call_pending_t *pending);

/* NULL: nobody waits for that one (any more). */
ngx_ess_call_pending_t *ngx_ess_call_pending_find(
    ngx_ess_call_pending_table_t *table, const void *id, size_t len);

/* May be called at any time. */
void ngx_ess_call_pending_remove(ngx_ess_call_pending_table_t *table,
    ngx_ess_call_pending_t *pending);


#endif /* _NGX_ESS_CALL_PENDING_H_INCLUDED_ */
