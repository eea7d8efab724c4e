/*
 * Cells: the subscriptions of clients that have several, 64 bytes each and
 * nothing around them, in blocks of the worker's, and for each client a table
 * that finds them.  Private to client/.
 */


#ifndef _NGX_ESS_MULTI_CELL_H_INCLUDED_
#define _NGX_ESS_MULTI_CELL_H_INCLUDED_


#include "ngx_ess_feed.h"


/* several keys of one stream; begins and ends as a subscriber does */

typedef struct {
    ngx_queue_t                  queue;     /* of those that are ready */
    ngx_ess_client_t            *client;
    uint64_t                     id;        /* of the stream */
    uint64_t                     epoch;
    ngx_ess_subscriber_t        *ready;     /* those with frames: a heap, the
                                               oldest record first */
    uint32_t                     index;     /* of the stream, a hint */
    uint32_t                     members;
    uint32_t                     number;    /* in order of arrival */
    NGX_ESS_SUBSCRIBER_FLAGS
} ngx_ess_multi_group_t;


typedef union {
    ngx_ess_subscriber_t         sub;       /* a stream, or a key of a group */
    ngx_ess_multi_group_t        group;
    uint32_t                     free;      /* the next one; 0: none */
} ngx_ess_multi_cell_t;


_Static_assert(sizeof(ngx_ess_multi_cell_t) == 64,
               "a subscription takes 64 bytes");
_Static_assert(offsetof(ngx_ess_subscriber_t, number)
               == offsetof(ngx_ess_multi_group_t, number),
               "a group ends as a subscriber does");


/* That whose client it has; NULL: it is its client's own. */

#define ngx_ess_multi_group(sub)                                              \
    ((sub)->grouped ? (ngx_ess_multi_group_t *) (sub)->client : NULL)


/* That of a lane; of a whole stream's it is empty. */

#define ngx_ess_multi_lane_key(lane, key)                                     \
    (key)->len = (lane)->key_len;                                             \
    (key)->data = ngx_ess_lane_key(lane)


/* a client's; zeroed: empty */

typedef struct {
    uint32_t                    *buckets;   /* cells, 0: none; each leads to the
                                               next by its "next" */
    uint32_t                     mask;      /* buckets - 1 */
    uint32_t                     n;
} ngx_ess_multi_table_t;


/* Zeroed.  NULL: no memory. */
ngx_ess_multi_cell_t *ngx_ess_multi_cell_create(ngx_log_t *log);
void ngx_ess_multi_cell_free(ngx_ess_multi_cell_t *cell);

/* A number, never 0, for a cell, and back. */
uint32_t ngx_ess_multi_cell_number(ngx_ess_multi_cell_t *cell);
ngx_ess_multi_cell_t *ngx_ess_multi_cell(uint32_t number);

/* Of this worker, in use. */
ngx_uint_t ngx_ess_multi_cells(void);

/*
 * The cell of a stream, or with a key, of that key in the stream's group.
 * NULL: there is none.
 */
ngx_ess_multi_cell_t *ngx_ess_multi_table_find(ngx_ess_multi_table_t *table,
    uint64_t id, ngx_str_t *key);

/* Of the stream's replays of keys the one behind "cell", or with NULL the first
   one.  NULL: there is none any more. */
ngx_ess_multi_cell_t *ngx_ess_multi_table_replay(ngx_ess_multi_table_t *table,
    uint64_t id, ngx_ess_multi_cell_t *cell);

/* The cell, whose stream and key are set, and are not there.  NGX_ERROR: no
   memory. */
ngx_int_t ngx_ess_multi_table_add(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell, ngx_log_t *log);

/* One that is there, before it leaves its lane. */
void ngx_ess_multi_table_remove(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell);

/*
 * Walks a table: the cell behind "cell", or with NULL the first one; *bucket is
 * the walk's own.  NULL: there is none any more.  What was walked may be
 * removed, what is next may not.
 */
ngx_ess_multi_cell_t *ngx_ess_multi_table_next(ngx_ess_multi_table_t *table,
    uint32_t *bucket, ngx_ess_multi_cell_t *cell);

/* Empty already. */
void ngx_ess_multi_table_free(ngx_ess_multi_table_t *table);

/* A heap by the number of the record that each is at; a replay that has none is
   before all others.  Its links are in "seq" and "have", which are 0, and in
   "queue", which is in its own, before and afterwards. */
ngx_ess_subscriber_t *ngx_ess_multi_heap_merge(ngx_ess_subscriber_t *a,
    ngx_ess_subscriber_t *b);
ngx_ess_subscriber_t *ngx_ess_multi_heap_pop(ngx_ess_subscriber_t *heap);
ngx_ess_subscriber_t *ngx_ess_multi_heap_remove(ngx_ess_subscriber_t *heap,
    ngx_ess_subscriber_t *sub);

/* The sum of "measure" over all of the heap. */
size_t ngx_ess_multi_heap_sum(ngx_ess_subscriber_t *heap,
    size_t (*measure)(ngx_ess_subscriber_t *sub, void *data), void *data);


#endif /* _NGX_ESS_MULTI_CELL_H_INCLUDED_ */
