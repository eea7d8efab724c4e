/*
 * Memory that ends at a guard page, so that reading past it faults.
 */


#ifndef _NGX_GUARD_H_INCLUDED_
#define _NGX_GUARD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <sys/mman.h>


/* The end of at least "size" bytes, which is the guard page; NULL: no memory. */

static inline u_char *
ngx_unit_guard(size_t size)
{
    size_t   page;
    u_char  *p;

    page = (size_t) getpagesize();
    size = ngx_align(size, page);

    p = mmap(NULL, size + page, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) == -1) {
        return NULL;
    }

    return p + size;
}


#endif /* _NGX_GUARD_H_INCLUDED_ */
