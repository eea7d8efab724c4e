/*
 * The store: the durable copy of the stream table.  The seam, and the queue
 * of operations of a worker: one thread task at a time carries all that
 * waits, as one transaction.
 */


#ifndef _NGX_ESS_STORE_H_INCLUDED_
#define _NGX_ESS_STORE_H_INCLUDED_


#include "ngx_ess_stream.h"


/* ordinals that one mark in the store vouches for */
#define NGX_ESS_STORE_ORDINALS  65536

/* ordinals left out at each load: a store that fails is no reason to stop the
   events, nor does the old nginx of a binary upgrade stop before it is told,
   so either may have gone past the mark */
#define NGX_ESS_STORE_SKIP      1048576


typedef enum {
    NGX_ESS_STORE_SAVE = 1,                 /* insert the row, no error when
                                               the same stream is there */
    NGX_ESS_STORE_REMOVE,                   /* no error when it is not there */
    NGX_ESS_STORE_ORDINAL,                  /* raise reserved_ordinal */
    NGX_ESS_STORE_ATTR                      /* set the rule and the bounds */
} ngx_ess_store_op_e;

typedef struct ngx_ess_store_op_s  ngx_ess_store_op_t;

/* op->rc: NGX_OK committed, NGX_ERROR: not, op->text says why; NGX_DECLINED:
   not, and another time neither, for another stream has the id, uuid or
   name */
typedef void (*ngx_ess_store_op_pt)(ngx_ess_store_op_t *op);

struct ngx_ess_store_op_s {
    ngx_ess_store_op_e       type;
    ngx_ess_stream_info_t    row;           /* ref, uuid, key, attributes,
                                               reserved_ordinal count */
    ngx_ess_store_op_pt      handler;
    void                    *data;
    ngx_int_t                rc;
    u_char                   text[128];     /* null terminated */
    ngx_queue_t              queue;         /* private */
};


/* A stream that was loaded.  NGX_OK, or NGX_ERROR, logged, to stop. */
typedef ngx_int_t (*ngx_ess_store_row_pt)(void *data,
    const ngx_ess_stream_info_t *info);


/* an implementation; functions marked T run in a thread and may block */

typedef struct {
    ngx_str_t                name;

    /* configuration time: can it be used?  Changes nothing on disk.  Errors
       are logged with cf's place.  NGX_OK or NGX_ERROR. */
    ngx_int_t              (*check)(ngx_conf_t *cf, ngx_str_t *path);

    /* in the master, before a new zone's first worker, blocking: makes what is
       missing (for the worker's user), raises each stream's mark, hands each
       stream to "row" (of kind only kind.source; last_ordinal: the old mark and
       NGX_ESS_STORE_SKIP; reserved_ordinal: the new one,
       NGX_ESS_STORE_ORDINALS above that), and leaves nothing open.
       "last_id": the largest id ever given.  With "row" NULL it only makes
       what is missing.  NGX_OK or NGX_ERROR, logged. */
    ngx_int_t              (*load)(ngx_cycle_t *cycle, ngx_str_t *path,
                                 ngx_ess_store_row_pt row, void *data,
                                 uint64_t *last_id);

    /* in a worker: a handle, opened by the first T */
    void                  *(*create)(ngx_str_t *path, ngx_log_t *log);

    /* T: carries out the ops as one transaction; sets rc and text of each */
    void                   (*commit)(void *handle, ngx_ess_store_op_t **ops,
                                 ngx_uint_t n);
    void                   (*destroy)(void *handle);
} ngx_ess_store_engine_t;


struct ngx_ess_store_s {
    const ngx_ess_store_engine_t  *engine;
    ngx_str_t                      path;    /* null terminated */
    ngx_thread_pool_t             *thread_pool;
};


/* The directive. */
char *ngx_ess_store_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* In the master, for a fresh zone: fills it; "sources" say of which kind the
   streams are.  With zone NULL (a zone that was
   there before is kept): only makes what is missing on disk.  NGX_OK or
   NGX_ERROR, logged; then nginx must not start. */
ngx_int_t ngx_ess_store_load(ngx_cycle_t *cycle, ngx_ess_store_t *store,
    ngx_array_t *sources, ngx_ess_zone_t *zone);

/* In a worker; store may be NULL: then every op succeeds at once (by a posted
   event). */
ngx_int_t ngx_ess_store_init_process(ngx_cycle_t *cycle,
    ngx_ess_store_t *store);
void ngx_ess_store_exit_process(void);

/* Queues the op, which the caller owns and keeps until the handler; a worker
   that quits must stay until then.  The handler is never called from within. */
void ngx_ess_store_submit(ngx_ess_store_op_t *op);


#endif /* _NGX_ESS_STORE_H_INCLUDED_ */
