/*
 * What units need of nginx's pools, over malloc(), so that the sanitizer sees
 * each block; ngx_unit_pool_free() frees all of them.
 */


#include <ngx_config.h>
#include <ngx_core.h>


#define BLOCKS  4096


void ngx_unit_pool_free(void);


static void        *blocks[BLOCKS];
static ngx_uint_t   n;


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    if (n == BLOCKS) {
        return NULL;
    }

    blocks[n] = malloc(size);

    return blocks[n++];
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void
ngx_unit_pool_free(void)
{
    while (n) {
        free(blocks[--n]);
    }
}
