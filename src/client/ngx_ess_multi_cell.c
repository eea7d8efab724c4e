
/*
 * Cells of subscriptions, tables and heaps of them.  The blocks are the
 * worker's, and stay: a free cell is used again.  Runs in workers.
 */


#include "ngx_ess_multi_cell.h"


/* bytes; a block lies at a multiple of it, so that a cell knows its own */
#define NGX_ESS_MULTI_CELL_BLOCK  32768

/* bytes that are asked for at once: so much comes from the system, where a
   block is no memory before it is used, and lies not among what is freed
   soon */
#define NGX_ESS_MULTI_CELL_SLAB   (1024 * 1024)

#define NGX_ESS_MULTI_CELL_EACH                                               \
    (NGX_ESS_MULTI_CELL_BLOCK / sizeof(ngx_ess_multi_cell_t))

/* as many as "next" of a subscriber can tell */
#define NGX_ESS_MULTI_CELL_MAX    (1u << NGX_ESS_SUBSCRIBER_NEXT)

#define NGX_ESS_MULTI_CELL_BUCKETS  4       /* of a table, at first */


/* in place of the first cell of a block, so that none has number 0 */

typedef struct {
    uint32_t                 first;         /* number of that cell */
} ngx_ess_multi_block_t;


static ngx_int_t ngx_ess_multi_cell_block(ngx_log_t *log);
static uint32_t *ngx_ess_multi_table_bucket(ngx_ess_multi_table_t *table,
    uint64_t id, ngx_str_t *key);
static uint32_t *ngx_ess_multi_table_bucket_of(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell);
static uint64_t ngx_ess_multi_table_name(ngx_ess_multi_cell_t *cell,
    ngx_str_t *key);
static ngx_int_t ngx_ess_multi_table_grow(ngx_ess_multi_table_t *table,
    ngx_log_t *log);
static void ngx_ess_multi_heap_cut(ngx_ess_subscriber_t *sub);


static ngx_ess_multi_cell_t  **ngx_ess_multi_cell_blocks;
static ngx_uint_t              ngx_ess_multi_cell_nblocks;
static ngx_uint_t              ngx_ess_multi_cell_nalloc;
static u_char                 *ngx_ess_multi_cell_slab;     /* its rest */
static size_t                  ngx_ess_multi_cell_left;     /* bytes of that */
static uint32_t                ngx_ess_multi_cell_head;
static ngx_uint_t              ngx_ess_multi_cell_n;


ngx_ess_multi_cell_t *
ngx_ess_multi_cell_create(ngx_log_t *log)
{
    ngx_ess_multi_cell_t  *cell;

    if (ngx_ess_multi_cell_head == 0
        && ngx_ess_multi_cell_block(log) != NGX_OK)
    {
        return NULL;
    }

    cell = ngx_ess_multi_cell(ngx_ess_multi_cell_head);

    ngx_ess_multi_cell_head = cell->free;
    ngx_ess_multi_cell_n++;

    ngx_memzero(cell, sizeof(ngx_ess_multi_cell_t));

    return cell;
}


static ngx_int_t
ngx_ess_multi_cell_block(ngx_log_t *log)
{
    uint32_t                first;
    ngx_uint_t              i, n;
    ngx_ess_multi_cell_t   *cells, **blocks;

    n = ngx_ess_multi_cell_nblocks;

    if ((n + 1) * NGX_ESS_MULTI_CELL_EACH > NGX_ESS_MULTI_CELL_MAX) {
        return NGX_ERROR;
    }

    if (n == ngx_ess_multi_cell_nalloc) {

        blocks = ngx_alloc((2 * n + 16) * sizeof(ngx_ess_multi_cell_t *), log);
        if (blocks == NULL) {
            return NGX_ERROR;
        }

        if (n) {
            ngx_memcpy(blocks, ngx_ess_multi_cell_blocks,
                       n * sizeof(ngx_ess_multi_cell_t *));
            ngx_free(ngx_ess_multi_cell_blocks);
        }

        ngx_ess_multi_cell_blocks = blocks;
        ngx_ess_multi_cell_nalloc = 2 * n + 16;
    }

    if (ngx_ess_multi_cell_left == 0) {

        ngx_ess_multi_cell_slab = ngx_memalign(NGX_ESS_MULTI_CELL_BLOCK,
                                               NGX_ESS_MULTI_CELL_SLAB, log);
        if (ngx_ess_multi_cell_slab == NULL) {
            return NGX_ERROR;
        }

        ngx_ess_multi_cell_left = NGX_ESS_MULTI_CELL_SLAB;
    }

    cells = (ngx_ess_multi_cell_t *) ngx_ess_multi_cell_slab;

    ngx_ess_multi_cell_slab += NGX_ESS_MULTI_CELL_BLOCK;
    ngx_ess_multi_cell_left -= NGX_ESS_MULTI_CELL_BLOCK;

    ngx_ess_multi_cell_blocks[n] = cells;
    ngx_ess_multi_cell_nblocks++;

    first = n * NGX_ESS_MULTI_CELL_EACH;
    ((ngx_ess_multi_block_t *) cells)->first = first;

    for (i = NGX_ESS_MULTI_CELL_EACH - 1; i; i--) {
        cells[i].free = ngx_ess_multi_cell_head;
        ngx_ess_multi_cell_head = first + i;
    }

    return NGX_OK;
}


void
ngx_ess_multi_cell_free(ngx_ess_multi_cell_t *cell)
{
    uint32_t  number;

    number = ngx_ess_multi_cell_number(cell);

    cell->free = ngx_ess_multi_cell_head;

    ngx_ess_multi_cell_head = number;
    ngx_ess_multi_cell_n--;
}


uint32_t
ngx_ess_multi_cell_number(ngx_ess_multi_cell_t *cell)
{
    ngx_ess_multi_block_t  *block;

    block = (ngx_ess_multi_block_t *)
                ((uintptr_t) cell & -(uintptr_t) NGX_ESS_MULTI_CELL_BLOCK);

    return block->first + (cell - (ngx_ess_multi_cell_t *) block);
}


ngx_ess_multi_cell_t *
ngx_ess_multi_cell(uint32_t number)
{
    return ngx_ess_multi_cell_blocks[number / NGX_ESS_MULTI_CELL_EACH]
           + number % NGX_ESS_MULTI_CELL_EACH;
}


ngx_uint_t
ngx_ess_multi_cells(void)
{
    return ngx_ess_multi_cell_n;
}


ngx_ess_multi_cell_t *
ngx_ess_multi_table_find(ngx_ess_multi_table_t *table, uint64_t id,
    ngx_str_t *key)
{
    uint32_t               i;
    ngx_str_t              other;
    ngx_ess_multi_cell_t  *cell;

    if (table->n == 0) {
        return NULL;
    }

    for (i = *ngx_ess_multi_table_bucket(table, id, key);
         i;
         i = cell->sub.next)
    {
        cell = ngx_ess_multi_cell(i);

        if (ngx_ess_multi_table_name(cell, &other) != id) {
            continue;
        }

        if (key == NULL) {

            if (!cell->sub.keyed) {
                return cell;
            }

        } else if (cell->sub.keyed
                   && other.len == key->len
                   && ngx_memcmp(other.data, key->data, key->len) == 0)
        {
            return cell;
        }
    }

    return NULL;
}


/* They are found by the empty key. */

ngx_ess_multi_cell_t *
ngx_ess_multi_table_replay(ngx_ess_multi_table_t *table, uint64_t id,
    ngx_ess_multi_cell_t *cell)
{
    uint32_t   i;
    ngx_str_t  key;

    if (table->n == 0) {
        return NULL;
    }

    ngx_str_null(&key);

    for (i = cell ? cell->sub.next : *ngx_ess_multi_table_bucket(table, id,
                                                                 &key);
         i;
         i = cell->sub.next)
    {
        cell = ngx_ess_multi_cell(i);

        if (cell->sub.keyed
            && ngx_ess_multi_table_name(cell, &key) == id
            && key.len == 0)
        {
            return cell;
        }
    }

    return NULL;
}


/* What it is found by: the stream's id, and its key, which is empty for
   what is no key. */

static uint64_t
ngx_ess_multi_table_name(ngx_ess_multi_cell_t *cell, ngx_str_t *key)
{
    ngx_str_null(key);

    if (cell->sub.group) {
        return cell->group.id;
    }

    if (cell->sub.keyed) {
        ngx_ess_multi_lane_key(cell->sub.lane, key);
    }

    return cell->sub.lane->feed->ref.id;
}


static uint32_t *
ngx_ess_multi_table_bucket(ngx_ess_multi_table_t *table, uint64_t id,
    ngx_str_t *key)
{
    uint64_t  hash;

    hash = id * 0x9e3779b97f4a7c15;

    if (key) {
        hash ^= ngx_ess_lane_hash(key->data, key->len);
    }

    return &table->buckets[(hash ^ (hash >> 32)) & table->mask];
}


static uint32_t *
ngx_ess_multi_table_bucket_of(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell)
{
    uint64_t   id;
    ngx_str_t  key;

    id = ngx_ess_multi_table_name(cell, &key);

    return ngx_ess_multi_table_bucket(table, id,
                                      cell->sub.keyed ? &key : NULL);
}


ngx_int_t
ngx_ess_multi_table_add(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell, ngx_log_t *log)
{
    uint32_t  *bucket;

    if ((table->buckets == NULL || table->n > table->mask)
        && ngx_ess_multi_table_grow(table, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    bucket = ngx_ess_multi_table_bucket_of(table, cell);

    cell->sub.next = *bucket;
    *bucket = ngx_ess_multi_cell_number(cell);

    table->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_multi_table_grow(ngx_ess_multi_table_t *table, ngx_log_t *log)
{
    uint32_t               i, next, n, *bucket;
    ngx_uint_t             b;
    ngx_ess_multi_cell_t  *cell;
    ngx_ess_multi_table_t  old;

    old = *table;
    n = old.buckets ? 2 * (old.mask + 1) : NGX_ESS_MULTI_CELL_BUCKETS;

    table->buckets = ngx_calloc(n * sizeof(uint32_t), log);

    if (table->buckets == NULL) {
        table->buckets = old.buckets;
        return old.buckets ? NGX_OK : NGX_ERROR;
    }

    table->mask = n - 1;

    for (b = 0; old.buckets && b <= old.mask; b++) {

        for (i = old.buckets[b]; i; i = next) {
            cell = ngx_ess_multi_cell(i);
            next = cell->sub.next;

            bucket = ngx_ess_multi_table_bucket_of(table, cell);
            cell->sub.next = *bucket;
            *bucket = i;
        }
    }

    ngx_free(old.buckets);

    return NGX_OK;
}


void
ngx_ess_multi_table_remove(ngx_ess_multi_table_t *table,
    ngx_ess_multi_cell_t *cell)
{
    uint32_t               i, *bucket;
    ngx_ess_multi_cell_t  *before;

    bucket = ngx_ess_multi_table_bucket_of(table, cell);

    if (ngx_ess_multi_cell(*bucket) == cell) {
        *bucket = cell->sub.next;

    } else {

        for (i = *bucket; /* void */ ; i = before->sub.next) {
            before = ngx_ess_multi_cell(i);

            if (ngx_ess_multi_cell(before->sub.next) == cell) {
                break;
            }
        }

        before->sub.next = cell->sub.next;
    }

    table->n--;
}


ngx_ess_multi_cell_t *
ngx_ess_multi_table_next(ngx_ess_multi_table_t *table, uint32_t *bucket,
    ngx_ess_multi_cell_t *cell)
{
    uint32_t  i;

    if (table->n == 0) {
        return NULL;
    }

    if (cell) {
        i = cell->sub.next;

    } else {
        *bucket = 0;
        i = table->buckets[0];
    }

    while (i == 0) {

        if (*bucket == table->mask) {
            return NULL;
        }

        i = table->buckets[++*bucket];
    }

    return ngx_ess_multi_cell(i);
}


void
ngx_ess_multi_table_free(ngx_ess_multi_table_t *table)
{
    ngx_free(table->buckets);
    ngx_memzero(table, sizeof(ngx_ess_multi_table_t));
}


/* A pairing heap: "seq" is the first child, "have" the parent; siblings are a
   ring of "queue". */

#define ngx_ess_multi_heap_child(sub)                                         \
    ((ngx_ess_subscriber_t *) (uintptr_t) (sub)->seq)
#define ngx_ess_multi_heap_parent(sub)                                        \
    ((ngx_ess_subscriber_t *) (uintptr_t) (sub)->have)
#define ngx_ess_multi_heap_sibling(sub)                                       \
    ngx_queue_data(ngx_queue_next(&(sub)->queue), ngx_ess_subscriber_t, queue)
#define ngx_ess_multi_heap_seq(sub)  ((sub)->frame ? (sub)->frame->seq : 0)


ngx_ess_subscriber_t *
ngx_ess_multi_heap_merge(ngx_ess_subscriber_t *a, ngx_ess_subscriber_t *b)
{
    ngx_ess_subscriber_t  *swap;

    if (a == NULL || b == NULL) {
        return a ? a : b;
    }

    if (ngx_ess_multi_heap_seq(b) < ngx_ess_multi_heap_seq(a)) {
        swap = a;
        a = b;
        b = swap;
    }

    if (a->seq) {
        ngx_queue_insert_tail(&ngx_ess_multi_heap_child(a)->queue, &b->queue);
    }

    b->have = (uintptr_t) a;
    a->seq = (uintptr_t) b;

    return a;
}


ngx_ess_subscriber_t *
ngx_ess_multi_heap_pop(ngx_ess_subscriber_t *heap)
{
    ngx_ess_subscriber_t  *a, *b, *pairs, *merged;

    pairs = NULL;

    while (heap->seq) {
        a = ngx_ess_multi_heap_child(heap);
        ngx_ess_multi_heap_cut(a);

        b = ngx_ess_multi_heap_child(heap);

        if (b) {
            ngx_ess_multi_heap_cut(b);
        }

        /* a list, meanwhile */

        merged = ngx_ess_multi_heap_merge(a, b);
        merged->have = (uintptr_t) pairs;
        pairs = merged;
    }

    merged = NULL;

    while (pairs) {
        a = pairs;
        pairs = ngx_ess_multi_heap_parent(a);

        a->have = 0;
        merged = ngx_ess_multi_heap_merge(merged, a);
    }

    return merged;
}


/* From its parent and its siblings. */

static void
ngx_ess_multi_heap_cut(ngx_ess_subscriber_t *sub)
{
    ngx_ess_subscriber_t  *parent, *sibling;

    parent = ngx_ess_multi_heap_parent(sub);
    sibling = ngx_ess_multi_heap_sibling(sub);

    if (ngx_ess_multi_heap_child(parent) == sub) {
        parent->seq = (sibling == sub) ? 0 : (uintptr_t) sibling;
    }

    ngx_queue_remove(&sub->queue);
    ngx_queue_init(&sub->queue);

    sub->have = 0;
}


ngx_ess_subscriber_t *
ngx_ess_multi_heap_remove(ngx_ess_subscriber_t *heap,
    ngx_ess_subscriber_t *sub)
{
    if (sub == heap) {
        return ngx_ess_multi_heap_pop(heap);
    }

    ngx_ess_multi_heap_cut(sub);

    return ngx_ess_multi_heap_merge(heap, ngx_ess_multi_heap_pop(sub));
}


size_t
ngx_ess_multi_heap_sum(ngx_ess_subscriber_t *heap,
    size_t (*measure)(ngx_ess_subscriber_t *sub, void *data), void *data)
{
    size_t                 sum;
    ngx_ess_subscriber_t  *sub, *parent;

    sum = 0;
    sub = heap;

    while (sub) {
        sum += measure(sub, data);

        if (sub->seq) {
            sub = ngx_ess_multi_heap_child(sub);
            continue;
        }

        /* behind the last one of a ring, behind their parent */

        for ( ;; ) {
            parent = ngx_ess_multi_heap_parent(sub);

            if (parent == NULL) {
                return sum;
            }

            sub = ngx_ess_multi_heap_sibling(sub);

            if (sub != ngx_ess_multi_heap_child(parent)) {
                break;
            }

            sub = parent;
        }
    }

    return sum;
}
