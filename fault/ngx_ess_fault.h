/*
 * A test build's allocator that fails now and then, in place of nginx's and
 * the C library's: ESS_FAULT_ALLOC names a file of 8 bytes, a number; of so
 * many allocations one fails, at random, and with 0 none does.  Included by
 * ngx_ess.h in a test build, so that no other file has to know of it.
 */


#ifndef _NGX_ESS_FAULT_H_INCLUDED_
#define _NGX_ESS_FAULT_H_INCLUDED_


/* 1: this one fails. */
ngx_uint_t ngx_ess_fault_alloc(void);


/* a macro's name within itself is the function again */

#define NGX_ESS_FAULT_OR(call)  (ngx_ess_fault_alloc() ? NULL : (call))

#define calloc(n, size)         NGX_ESS_FAULT_OR(calloc(n, size))

#define ngx_alloc(size, log)    NGX_ESS_FAULT_OR(ngx_alloc(size, log))
#define ngx_calloc(size, log)   NGX_ESS_FAULT_OR(ngx_calloc(size, log))
#define ngx_palloc(pool, size)  NGX_ESS_FAULT_OR(ngx_palloc(pool, size))
#define ngx_pnalloc(pool, size) NGX_ESS_FAULT_OR(ngx_pnalloc(pool, size))
#define ngx_pcalloc(pool, size) NGX_ESS_FAULT_OR(ngx_pcalloc(pool, size))

#define ngx_array_create(pool, n, size)                                       \
    NGX_ESS_FAULT_OR(ngx_array_create(pool, n, size))
#define ngx_array_push(array)   NGX_ESS_FAULT_OR(ngx_array_push(array))
#define ngx_list_push(list)     NGX_ESS_FAULT_OR(ngx_list_push(list))

#define ngx_create_pool(size, log)                                            \
    NGX_ESS_FAULT_OR(ngx_create_pool(size, log))
#define ngx_create_temp_buf(pool, size)                                       \
    NGX_ESS_FAULT_OR(ngx_create_temp_buf(pool, size))
#define ngx_alloc_chain_link(pool)                                            \
    NGX_ESS_FAULT_OR(ngx_alloc_chain_link(pool))
#define ngx_chain_get_free_buf(pool, free)                                    \
    NGX_ESS_FAULT_OR(ngx_chain_get_free_buf(pool, free))
#define ngx_pool_cleanup_add(pool, size)                                      \
    NGX_ESS_FAULT_OR(ngx_pool_cleanup_add(pool, size))
#define ngx_http_cleanup_add(r, size)                                         \
    NGX_ESS_FAULT_OR(ngx_http_cleanup_add(r, size))


#endif /* _NGX_ESS_FAULT_H_INCLUDED_ */
