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

static ngx_pool_cleanup_t  *cleanups;


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


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_palloc(pool, sizeof(ngx_pool_cleanup_t));

    if (cln) {
        cln->handler = NULL;
        cln->next = cleanups;
        cleanups = cln;
    }

    return cln;
}


/* No more than there is room for. */

void *
ngx_array_push(ngx_array_t *a)
{
    if (a->nelts == a->nalloc) {
        return NULL;
    }

    return (u_char *) a->elts + a->size * a->nelts++;
}


void
ngx_unit_pool_free(void)
{
    for ( /* void */ ; cleanups; cleanups = cleanups->next) {
        if (cleanups->handler) {
            cleanups->handler(cleanups->data);
        }
    }

    while (n) {
        free(blocks[--n]);
    }
}
