/*
 * nginx's pools, and what else rules for keys need of nginx, for unit tests and
 * fuzzers.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdlib.h>


/* a pool is one block, so that the sanitizer sees what is not freed */

ngx_uint_t          ngx_unit_pools;        /* that are there */
static ngx_cycle_t  test_cycle;

volatile ngx_cycle_t  *ngx_cycle = &test_cycle;

uint32_t   ngx_crc32_table_short_data[16];
uint32_t  *ngx_crc32_table_short = ngx_crc32_table_short_data;


typedef struct {
    u_char  *last;
    u_char   room[8192];
} test_pool_t;


ngx_pool_t *
ngx_create_pool(size_t size, ngx_log_t *log)
{
    test_pool_t  *pool;

    pool = malloc(sizeof(test_pool_t));

    if (pool == NULL) {
        abort();
    }

    pool->last = pool->room;
    ngx_unit_pools++;

    return (ngx_pool_t *) pool;
}


void
ngx_destroy_pool(ngx_pool_t *pool)
{
    ngx_unit_pools--;
    free(pool);
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    void         *p;
    test_pool_t  *tp = (test_pool_t *) pool;

    p = tp->last;
    tp->last += ngx_align(size, 16);

    if (tp->last > tp->room + sizeof(tp->room)) {
        abort();
    }

    return p;
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}
