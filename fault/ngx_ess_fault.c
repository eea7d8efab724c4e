
/*
 * An allocator that fails now and then, for tests.  The number is in memory
 * that the test shares with all processes, and changes when the test says so.
 */


#include "ngx_ess.h"
#include "ngx_ess_fault.h"


static volatile int64_t *ngx_ess_fault_map(void);


ngx_uint_t
ngx_ess_fault_alloc(void)
{
    int64_t  n;

    static volatile int64_t  *number;
    static ngx_uint_t         tried;

    if (!tried) {
        tried = 1;
        number = ngx_ess_fault_map();
    }

    n = number ? *number : 0;

    return n > 0 && ngx_random() % n == 0;
}


static volatile int64_t *
ngx_ess_fault_map(void)
{
    int    fd;
    char  *name;
    void  *p;

    name = getenv("ESS_FAULT_ALLOC");

    if (name == NULL) {
        return NULL;
    }

    fd = open(name, O_RDONLY);

    if (fd == -1) {
        return NULL;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    (void) close(fd);

    return (p == MAP_FAILED) ? NULL : p;
}
